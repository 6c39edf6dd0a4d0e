"""Networks of one's own: what they must keep to, so that they are trained and looked into."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from dilated_cifar.config import families
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.registry import network


@dataclass
class OwnConfig(ModelConfig):
    family: str = "own"


class Map(Classifier):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.features(images)


def own(channels: int = 3, classes: int = 10, kind: type[Classifier] = Classifier) -> Classifier:
    return kind(nn.Conv2d(channels, 4, 3), 4, classes)


def with_hook(hook: Callable) -> nn.Module:
    made = own()
    made.register_forward_hook(hook)
    return made


def with_other_maps() -> nn.Module:
    made = own()
    made.class_maps = lambda images: made.features(images).repeat(1, 3, 1, 1)[:, :10]
    return made


def fails() -> nn.Module:
    raise AttributeError("no wings")


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: None, "returns None, a NoneType; expected a network, a torch.nn.Module"),
        (lambda: [1], "returns [1], a list"),
        (fails, "fails: AttributeError: no wings"),
        (
            lambda: with_hook(lambda _made, _images, logits: (logits, logits)),
            "its network makes a tuple of images [2, 3, 32, 32]; expected logits [N, classes]",
        ),
        (
            lambda: with_hook(lambda made, _images, logits: [logits] if made.training else logits),
            "its network makes a list of images [2, 3, 32, 32] in training mode; expected logits",
        ),
        (lambda: own().requires_grad_(False), "its network has no weights to train"),
        (with_other_maps, "the means of its network's class maps are not its logits"),
        (
            lambda: own(classes=11),
            "its network makes [2, 11] of images [2, 3, 32, 32]; expected logits [N, classes], here [2, 10]",
        ),
        (lambda: own(kind=Map), "its network makes [2, 4, 30, 30]"),
        (lambda: own(channels=1), "its network fails on images [2, 3, 32, 32]"),
    ],
)
def test_a_builder_without_a_network_of_logits_is_told_in_a_line(make: Callable, part: str) -> None:
    @network(OwnConfig)
    def build_own(_config, _classes, _input_size):
        return make()

    try:
        with pytest.raises(UserError) as refused:
            build(OwnConfig(), 10)
    finally:
        families.remove_added(__name__)
    (line,) = str(refused.value).splitlines()
    assert line.startswith("model.family=own: build_own of ")
    assert part in line
