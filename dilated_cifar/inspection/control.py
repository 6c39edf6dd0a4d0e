"""Was it learned? The measures of a trained network beside those of randomly initialised ones of its kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.data.randomness import derive_seed
from dilated_cifar.device import Machine
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection import effective_field, gridding
from dilated_cifar.inspection.observation import (
    BATCH,
    Gradients,
    LabelledGradients,
    Target,
    choose_target,
    observe,
)
from dilated_cifar.models import build
from dilated_cifar.models.classifier import LAST_MAP, last_map_of

MEASURES = (*effective_field.MEASURES, *gridding.MEASURES)
CONFIDENCE = 0.95
ROUNDING = 1e-5
"""Differences below it are those of sums in float32, not of networks."""


@dataclass(frozen=True)
class Measured:
    """One network on images: its gradients, and every measure by its key; nan where it does not apply."""

    gradients: Gradients
    values: dict[str, float]


@dataclass(frozen=True)
class Control:
    """Randomly initialised networks of one kind on the same images."""

    networks: list[Measured]

    def values(self, key: str) -> list[float]:
        """One measure of every network."""
        return [network.values[key] for network in self.networks]

    def interval(self, key: str) -> tuple[float, float]:
        """Where the value of one more such network would lie with 95% confidence.

        Source: the prediction interval of normal values, mean +- t s sqrt(1 + 1/n).
        """
        values = np.array(self.values(key))
        count = len(values)
        t = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
        half = float(t * values.std(ddof=1) * np.sqrt(1 + 1 / count)) if np.isfinite(values).all() else np.nan
        return float(values.mean()) - half, float(values.mean()) + half

    def mean_gradients(self) -> Gradients:
        """The mean of the networks' gradients, each scaled to sum 1."""
        found = [network.gradients for network in self.networks]
        stages = [scaled(gradients.stage) for gradients in found if gradients.stage is not None]
        images = torch.stack([scaled(gradients.image) for gradients in found])
        return Gradients(images.mean(0), torch.stack(stages).mean(0) if stages else None)


@dataclass(frozen=True)
class Comparison:
    """A trained network's measures and those of its control, under the label that it has in tables."""

    label: str
    images: int
    target: Target
    trained: Measured
    control: Control

    @property
    def gradients(self) -> LabelledGradients:
        """The gradients of both, for pictures."""
        both = {"trained": self.trained.gradients, "random init": self.control.mean_gradients()}
        return LabelledGradients(self.label, self.target, both)

    def applies(self, key: str) -> bool:
        """Whether the measure has a value for this network."""
        return isfinite(self.trained.values[key])

    def half_width(self, key: str) -> float:
        """Half of the interval in which one more randomly initialised network would lie."""
        low, high = self.control.interval(key)
        return (high - low) / 2

    def differs(self, key: str) -> bool | None:
        """Whether the trained value lies outside that interval; None where the measure does not apply."""
        if not self.applies(key):
            return None
        low, high = self.control.interval(key)
        return not low - ROUNDING <= self.trained.values[key] <= high + ROUNDING


def measure(model: nn.Module, inputs: Tensor, target: Target | None = None) -> Measured:
    """Measure a network on normalised images [N, C, H, W] on its own device; without a target on its own.

    Raises:
        OverflowError: its gradients or class maps are not finite numbers.
    """
    if target is None:
        traced = trace(model, (inputs.shape[1], inputs.shape[2], inputs.shape[3]))
        target = choose_target(traced, last_map_of(model, traced) or LAST_MAP)
    observed = observe(model, inputs, target)
    seen = [observed.gradients.image, *([] if observed.class_maps is None else [observed.class_maps])]
    if not all(each.isfinite().all() for each in seen):
        raise OverflowError("its gradients or class maps are not finite numbers")
    return Measured(observed.gradients, {each.key: each.value(observed) for each in MEASURES})


def measure_control(
    config: ModelConfig,
    classes: int,
    inputs: Tensor,
    machine: Machine,
    target: Target,
    *,
    count: int,
    seed: int,
    begin: Callable[[int], None] = lambda _: None,
) -> Control:
    """Measure `count` randomly initialised networks on the same images; a function of the seed alone.

    `begin` is called with the number of each, from 1, before it is measured.
    """
    measured = []
    for number in range(count):
        begin(number + 1)
        each = derive_seed("control", seed, number)
        measured.append(measure(random_network(config, classes, inputs, machine, each), inputs, target))
    return Control(measured)


@torch.no_grad()
def random_network(
    config: ModelConfig, classes: int, inputs: Tensor, machine: Machine, seed: int
) -> nn.Module:
    """A randomly initialised network whose batch norms have the statistics of the images [N, C, H, W].

    Norms as they are initialised (mean 0, variance 1) would leave the activations of residual branches far
    too small.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = machine.place(build(config, classes, (inputs.shape[1], inputs.shape[2], inputs.shape[3])))
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None  # a plain mean over the batches
            module.train()
    for batch in inputs.split(BATCH):
        model(batch)
    return model.eval()


def findings(networks: Sequence[Comparison]) -> list[str]:
    """One sentence for every measure that separates less than one might think."""
    sentences = []
    for each in MEASURES:
        key, label = each.key, each.label
        same = [network.label for network in networks if network.differs(key) is False]
        if same:
            sentences.append(f"{label}: does not separate {' or '.join(same)} from random initialisation.")
        for one, other in combinations([network for network in networks if network.applies(key)], 2):
            if not separates(one, other, key):
                sentences.append(
                    f"{label}: does not separate {one.label} from {other.label}; they differ by less than "
                    "randomly initialised networks of one kind do."
                )
        if any(not network.applies(key) for network in networks):
            without = ", ".join(network.label for network in networks if not network.applies(key))
            sentences.append(f"{label}: does not apply to {without}.")
    return sentences


def separates(one: Comparison, other: Comparison, key: str) -> bool:
    """Whether two trained values differ by more than a randomly initialised network from its kind's mean.

    One training of each says nothing of how other seeds would train: a necessary condition, no test.
    """
    difference = abs(one.trained.values[key] - other.trained.values[key])
    widths = [network.half_width(key) for network in (one, other)]
    return difference > max([width for width in widths if isfinite(width)], default=0.0) + ROUNDING


def as_data(network: Comparison) -> dict[str, Any]:
    """The measures of one network as plain data, numbers that do not exist as None."""
    stage = network.target.stage
    return {
        "label": network.label,
        "images": network.images,
        "unit": network.target.position,
        "centre": network.target.centre,
        "stage": None if stage is None else {"input_of": stage.layer, "rate": stage.rate},
        "measures": {
            each.key: {
                "trained": finite(network.trained.values[each.key]),
                "randomly_initialised": [finite(value) for value in network.control.values(each.key)],
                "prediction_interval": [finite(bound) for bound in network.control.interval(each.key)],
                "confidence": CONFIDENCE,
                "differs": network.differs(each.key),
            }
            for each in MEASURES
        },
    }


def finite(value: float) -> float | None:
    """A number that JSON can hold."""
    return value if isfinite(value) else None


def scaled(maps: Tensor) -> Tensor:
    """Maps [units, H, W] that each sum to 1."""
    return maps / maps.sum((1, 2), keepdim=True)
