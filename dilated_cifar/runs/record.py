"""Runs, as a comparison knows them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curves = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Scores:
    """Accuracies of one set of weights."""

    epoch: int
    train: float
    validation: float | None
    test: float
    test_loss: float

    @property
    def gap(self) -> float:
        """Training less held-out accuracy; held out is the test split where there is no validation."""
        return self.train - (self.test if self.validation is None else self.validation)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the weights that count say of the test images, and what is true, int16 [N]."""

    predicted: NDArray[np.int16]
    labels: NDArray[np.int16]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which images are classified right, [N]."""
        return np.equal(self.predicted, self.labels)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run."""

    folder: Path
    name: str
    """The folder as the user will know it: below the path that was given."""
    config: dict[str, Any]
    """Flat: `model.dilations` and so on."""
    chosen: str
    best: Scores | None
    last: Scores
    onset: int | None
    onset_rule: str
    images_per_second: float
    seconds: float
    parameters: int
    multiply_adds: int
    receptive_field: int
    device: str
    curves: Curves | None
    """Columns of metrics.csv, float64 [epochs]; None where the file is missing or damaged."""
    predictions: Predictions | None

    @property
    def weights(self) -> Scores:
        """The weights that count."""
        return self.last if self.best is None else self.best

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.config.get("seed", 0))

    @property
    def held_out(self) -> str:
        """The split whose curve is held out: test where there is no validation split."""
        return "validation" if self.config.get("data.validation") else "test"


@dataclass(frozen=True)
class LeftOut:
    """A run folder that cannot be compared, and why."""

    folder: Path
    name: str
    status: str
    """`unfinished`, `failed`, `damaged` or `duplicate`."""
    reason: str
