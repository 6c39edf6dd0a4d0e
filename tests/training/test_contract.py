"""Optimizers of one's own: what they must keep to, so that a run with them is saved and continued."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import nn, optim

from dilated_cifar.config import families
from dilated_cifar.config.optimization import OptimizerConfig
from dilated_cifar.errors import UserError
from dilated_cifar.registry import optimizer
from dilated_cifar.training.optimizer import build_optimizer


@dataclass
class OwnConfig(OptimizerConfig):
    family: str = "own"
    lr: float = 0.1


class Heavy(optim.Optimizer):
    """Gradient descent with a momentum of one half, whose steps a function of what it keeps scales."""

    def __init__(self, parameters, lr, scale=lambda _optimizer, _group, _kept: 1.0, name="lr"):
        super().__init__(parameters, {name: lr})
        self.scale, self.steps = scale, 0

    @torch.no_grad()
    def step(self, _closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                kept = self.state[parameter]
                momentum = kept.setdefault("momentum", torch.zeros_like(parameter))
                momentum.mul_(0.5).add_(parameter.grad)
                parameter.sub_(momentum, alpha=group["lr"] * self.scale(self, group, kept))


def in_tensor(_optimizer, _group, kept):
    kept["steps"] = kept.get("steps", torch.zeros(())) + 1
    return 1 / float(kept["steps"])


def in_group(_optimizer, group, _kept):
    group["steps"] = group.get("steps", 0) + 1
    return 1 / group["steps"]


def in_itself(optimizer, _group, _kept):
    optimizer.steps += 1
    return 1 / optimizer.steps


def in_integer(_optimizer, _group, kept):
    kept["steps"] = kept.get("steps", 0) + 1
    return 1 / kept["steps"]


def in_double(_optimizer, _group, kept):
    return float(kept.setdefault("sums", torch.zeros(1, dtype=torch.float64)).add_(1 / 3))


def failing(_optimizer, group, _kept):
    return group["wings"]


@pytest.fixture
def own() -> Iterator[Callable[[Callable], optim.Optimizer]]:
    """Build the optimizer of a builder of one's own over a matrix and a bias."""

    def build(make: Callable) -> optim.Optimizer:
        @optimizer(OwnConfig)
        def build_own(config, parameters):
            return make(parameters, config.lr)

        return build_optimizer(OwnConfig(), [nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(2))])

    yield build
    families.remove_added(__name__)


@pytest.mark.parametrize("scale", [None, in_tensor])
def test_an_optimizer_of_ones_own_is_taken_as_it_is(own: Callable, scale: Callable | None) -> None:
    built = own(lambda *over: Heavy(*over, *([scale] if scale else [])))
    assert type(built) is Heavy
    assert not built.state  # the trial was on others


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda *_over: None, "returns None, a NoneType; expected an optimizer, a torch.optim"),
        (lambda parameters, _lr: parameters["all"], "fails: TypeError"),
        (lambda parameters, lr: Heavy(parameters[:1], lr), "leaves parameters of the network out"),
        (lambda *over: Heavy(*over, name="rate"), "has no setting lr, which the schedule sets"),
        (lambda *over: Heavy(*over, failing), "a step of its optimizer fails: KeyError: 'wings'"),
        (lambda *over: Heavy(*over, in_integer), "keeps steps=2 of a parameter; expected tensors"),
        (lambda *over: Heavy(*over, in_group), "does not go on from what it keeps of the parameters"),
        (lambda *over: Heavy(*over, in_itself), "does not go on from what it keeps of the parameters"),
        (lambda *over: Heavy(*over, in_double), "does not go on from what it keeps of the parameters"),
    ],
)
def test_one_with_which_no_run_could_go_on_is_refused_in_a_line(
    own: Callable, make: Callable, part: str
) -> None:
    with pytest.raises(UserError) as refused:
        own(make)
    (line,) = str(refused.value).splitlines()
    assert line.startswith("optimizer.family=own: build_own of ")
    assert part in line
