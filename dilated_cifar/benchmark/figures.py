"""What a benchmark measures."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

PROJECT, USUAL, LIGHTNING = "this project", "usual way", "Lightning"
"""The ways of training."""
PARTS = ("data", "forward", "backward", "optimizer", "rest")
"""Of a step: batch, augmentation and normalisation; the network; loss, gradients and their norm; the
optimizer; counting."""
OPERATIONS = 6
"""For each multiply-add of the network in training: a product and a sum, in the forward pass and twice in the
backward pass, for the gradients of the weights and of the maps."""


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """That of these values, at least one."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class NetworkFigures:
    """What was measured of one network."""

    name: str
    multiply_adds: int
    """For one image."""
    training: dict[str, Spread]
    """Images a second of each way."""
    evaluation: Spread
    """Images a second."""
    checkpoint_seconds: Spread
    shares: dict[str, float]
    """Of the time of a step of this project."""
    memory: float | None
    """MB by which training and evaluation raised it at their peak."""


@dataclass(frozen=True)
class Figures:
    """What a benchmark measured."""

    computer: str
    device: str
    versions: dict[str, str]
    data: str
    batch_size: int
    workers: int
    rounds: int
    peak: Spread
    """Operations a second of matrix products."""
    networks: list[NetworkFigures]
    start: dict[str, Spread]
    """Seconds; nothing where no command was started."""
    growth: dict[str, dict[int, Spread]] = field(default_factory=dict)
    """Images a second of the resnet, for each value of batch size, width, image size and threads."""

    def peak_share(self, network: NetworkFigures) -> float:
        """What part of the peak the project's training reaches, six operations a multiply-add counted."""
        images = network.training[PROJECT].median
        return images * network.multiply_adds * OPERATIONS / self.peak.median

    def as_data(self) -> dict[str, Any]:
        """The figures as JSON has them, each network's share of the peak among them."""
        content = asdict(self)
        for each, network in zip(content["networks"], self.networks, strict=True):
            each["peak_share"] = self.peak_share(network)
        return content
