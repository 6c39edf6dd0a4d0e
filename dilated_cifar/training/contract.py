"""What a plugin's optimizer must keep to, so that a run with it can be saved and continued."""

from collections.abc import Callable, Mapping
from itertools import zip_longest

import torch
from torch import Tensor, nn, optim

from dilated_cifar.config.base import shortened
from dilated_cifar.errors import UserError, one_line


def require_resumable(
    make: Callable[[list[nn.Parameter]], optim.Optimizer], parameters: list[nn.Parameter], told: str
) -> None:
    """Take steps on parameters of the same shapes, go on from what was kept, and compare the next step.

    Args:
        make: An optimizer over some parameters.
        parameters: Those of the network, which stay as they are.
        told: What messages begin with.

    Raises:
        UserError: a step fails, parameters are left out, or the optimizer keeps what no checkpoint holds.
    """
    random = torch.Generator().manual_seed(0)
    one_each = {each.shape: each for each in parameters}.values()
    values, *gradients = (
        [torch.randn(each.shape, generator=random).to(each.device) for each in one_each] for _ in range(4)
    )

    def step(parameters: list[nn.Parameter], optimizer: optim.Optimizer, gradients: list[Tensor]) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        try:
            optimizer.step()
        except Exception as error:
            raise UserError(f"{told}: a step of its optimizer fails: {one_line(error)}") from error

    unbroken = [nn.Parameter(each) for each in values]
    optimizer = make(unbroken)
    require_groups(optimizer, unbroken, told)
    for each in gradients[:2]:
        step(unbroken, optimizer, each)
    require_tensors(optimizer, told)
    continued = [nn.Parameter(each.detach().clone()) for each in unbroken]
    other = make(continued)
    load_moments(other, optimizer.state_dict()["state"])
    for pair in ((unbroken, optimizer), (continued, other)):
        step(*pair, gradients[2])
    pairs = zip_longest(
        tensors_of(unbroken, optimizer), tensors_of(continued, other), fillvalue=torch.empty(0)
    )
    if not all(one.dtype == two.dtype and torch.equal(one, two) for one, two in pairs):
        raise UserError(
            f"{told}: after two steps its optimizer does not go on from what it keeps of the parameters as "
            "without a stop; expected everything that changes with the steps in optimizer.state[parameter], "
            "in tensors of the parameter's type"
        )


def require_groups(optimizer: optim.Optimizer, parameters: list[nn.Parameter], told: str) -> None:
    """Raise a UserError where an optimizer leaves parameters out, or has no learning rate to set."""
    groups = optimizer.param_groups
    if {id(each) for group in groups for each in group["params"]} != {id(each) for each in parameters}:
        raise UserError(f"{told}: its optimizer leaves parameters of the network out; expected all of them")
    if not all("lr" in group for group in groups):
        raise UserError(f"{told}: its optimizer has no setting lr, which the schedule sets; expected one")


def require_tensors(optimizer: optim.Optimizer, told: str) -> None:
    """Raise a UserError where an optimizer keeps more of a parameter than tensors."""
    for state in optimizer.state.values():
        for name, value in state.items():
            if value is not None and not isinstance(value, Tensor):
                raise UserError(
                    f"{told}: its optimizer keeps {name}={shortened(str(value), 60)} of a parameter; "
                    f"expected tensors, which a checkpoint holds, not {type(value).__name__}"
                )


def tensors_of(parameters: list[nn.Parameter], optimizer: optim.Optimizer) -> list[Tensor]:
    """Some parameters, and all that an optimizer keeps of them."""
    kept = [value for each in parameters for _, value in sorted(optimizer.state[each].items())]
    return [*parameters, *(value for value in kept if value is not None)]


def load_moments(optimizer: optim.Optimizer, moments: Mapping[int, Mapping[str, Tensor | None]]) -> None:
    """Let a new optimizer go on from what another one kept of each parameter, by its number.

    Copies, for steps are written into them: in a file, two of them may be one. The settings stay those of the
    configuration.
    """
    copies = {
        number: {name: None if value is None else value.clone() for name, value in moment.items()}
        for number, moment in moments.items()
    }
    optimizer.load_state_dict({"state": copies, "param_groups": optimizer.state_dict()["param_groups"]})
