"""What a plugin's network must keep to, so that it can be trained, saved and looked into."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dilated_cifar.errors import UserError, one_line
from dilated_cifar.models.classifier import HasClassMaps

ROUNDING = 1e-3
"""Share of the largest logit by which the mean of a class map may differ from its logit."""


@torch.no_grad()
def require_logits(network: nn.Module, classes: int, input_size: tuple[int, int, int], told: str) -> None:
    """Run a network on two images, in evaluation and as in training; its statistics stay as they are.

    Weights whose shape the first images decide, as those of nn.LazyLinear, get it here.

    Raises:
        UserError: its message begins with `told`; the network makes no logits [N, classes], has nothing to
            train or more to save than tensors, or has class maps that do not belong to its logits.
    """
    images = torch.rand(2, *input_size, generator=torch.Generator().manual_seed(0))
    size = f"images {list(images.shape)}"

    def run(part: Callable[[Tensor], object], mode: str = "") -> object:
        try:
            return part(images)
        except Exception as error:
            raise UserError(f"{told}: its network fails on {size}{mode}: {one_line(error)}") from error

    def require(found: object, shape: list[object], what: str, mode: str = "") -> Tensor:
        written = f"[{', '.join(str(side) for side in shape)}]"
        if not isinstance(found, Tensor) or not found.is_floating_point() or not fits(found, shape):
            raise UserError(
                f"{told}: its network makes {described(found)} of {size}{mode}; expected {what}, here "
                f"{written}"
            )
        return found

    training = network.training
    with torch.random.fork_rng(devices=[]):
        logits = require(run(network.eval()), [2, classes], "logits [N, classes]")
        statistics = {name: buffer.clone() for name, buffer in network.named_buffers()}
        mode = " in training mode"
        require(run(network.train(), mode), [2, classes], "logits [N, classes]", mode)
        for name, buffer in network.named_buffers():
            buffer.copy_(statistics[name])
        network.eval()
        if isinstance(network, HasClassMaps):
            maps = require(run(network.class_maps), [2, classes, "h", "w"], "class maps [N, classes, h, w]")
            if (maps.mean((2, 3)) - logits).abs().max() > ROUNDING * max(1, logits.abs().max().item()):
                raise UserError(
                    f"{told}: the means of its network's class maps are not its logits; expected them to be, "
                    "or no method class_maps"
                )
    network.train(training)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise UserError(f"{told}: its network has no weights to train; expected some that require gradients")
    for name, value in network.state_dict().items():
        if not isinstance(value, Tensor):
            raise UserError(
                f"{told}: its network's state_dict holds {name}, {described(value)}; expected tensors"
            )


def fits(tensor: Tensor, shape: list[object]) -> bool:
    """Whether a tensor has a shape, whose sides without a number may be any."""
    sides = zip(tensor.shape, shape, strict=False)
    return tensor.dim() == len(shape) and all(side == own for side, own in sides if not isinstance(own, str))


def described(value: object) -> str:
    """The shape of a tensor, with its type where that is none of floats; else the type."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    kind = "" if value.is_floating_point() else f" of {str(value.dtype).removeprefix('torch.')}"
    return f"{list(value.shape)}{kind}"
