"""What a run leaves in its folder, typed.

A run folder holds `config.yaml`, `checkpoints/`, TensorBoard's event files, `metrics.csv` (the curves),
`test_predictions.npz`, `summary.json`, `sessions.json` and `train.log`. `runs/writing.py` writes them,
`runs/reading.py` reads them back.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIG, METRICS, PREDICTIONS, SUMMARY = "config.yaml", "metrics.csv", "test_predictions.npz", "summary.json"
SESSIONS, ERROR, LOG = "sessions.json", "error.txt", "train.log"
STUDY = "study.json"
"""What marks a folder of runs that are kept as a record, without checkpoints, and are not written to."""
EXPORTS = "export"
"""The folder, in that of a run, of its weights in other formats."""
EXPORTED = "model.safetensors"
"""The name under which libraries look for weights in a folder of the Hugging Face hub."""
ONSET_WINDOW = 3
"""Epochs over which the rule for the onset of overfitting averages, and the fewest that must follow."""
TOO_FEW_EPOCHS = "too few epochs to tell"

Row = dict[str, float]
"""The figures of one completed epoch, by the names of the curves."""
Curves = dict[str, NDArray[np.float64]]
"""Columns of metrics.csv by name, float64 `[epochs]` each."""


@dataclass(frozen=True)
class Score:
    """How well some weights do on one split."""

    loss: float
    """Mean cross-entropy, without label smoothing."""
    accuracy: float
    """From 0 to 1."""


@dataclass(frozen=True)
class Figures:
    """The scores of one set of weights."""

    epoch: int
    """After how many epochs of training the weights were taken."""
    train: Score
    """On the fixed, unaugmented subset of the training split."""
    validation: Score | None
    """None where no images are held out for validation."""
    test: Score

    @property
    def held_out(self) -> Score:
        """The score on the validation split, or on the test split where there is none."""
        return self.validation or self.test

    @property
    def gap(self) -> float:
        """Train minus validation accuracy (test accuracy where there is no validation split)."""
        return self.train.accuracy - self.held_out.accuracy


@dataclass(frozen=True)
class Summary:
    """The outcome of a finished run: `summary.json`."""

    chosen: str
    """Which weights are selected: `best` by validation accuracy, or `last` without a validation split."""
    best: Figures | None
    last: Figures
    overfitting_onset: int | None
    """The epoch, from 1, after which the held-out loss only rose; None where it did not or cannot be told."""
    overfitting_rule: str
    images_per_second: float
    """Median over the epochs, of the training steps alone."""
    seconds: float
    """Of the whole run, evaluation included, over all its sessions."""
    parameters: int
    multiply_adds: int | None
    """Of one image; None of a network that cannot be traced."""
    receptive_field: int | None
    """Of the last feature map, in pixels; None also of a network that has none."""
    device: str
    torch: str
    """Its version."""
    class_names: list[str]

    @property
    def selected(self) -> Figures:
        """The figures of the selected weights."""
        return self.last if self.best is None else self.best

    @property
    def tells_onset(self) -> bool:
        """Whether the run was long enough for the rule to see overfitting set in."""
        return self.overfitting_onset is not None or self.last.epoch >= 2 * ONSET_WINDOW

    @property
    def onset(self) -> str:
        """When overfitting set in, in words."""
        if not self.tells_onset:
            return TOO_FEW_EPOCHS
        return "no onset" if self.overfitting_onset is None else f"from epoch {self.overfitting_onset} on"


@dataclass(frozen=True)
class Session:
    """A start of a run or its continuation, and what the figures depend on: an entry of `sessions.json`."""

    began: str
    """When, in UTC."""
    epoch: int
    """Completed epochs that it continues from; 0 at the start of the run."""
    step: int
    """Completed steps of the epoch under way."""
    command: str
    """As typed; of a sweep's job that of the sweep."""
    host: str
    """The name of the computer."""
    platform: str
    """Its operating system."""
    processor: str
    device: str
    """With precision and processes, as in `Summary`."""
    threads: int
    """Of each process, on the CPU."""
    processes: int
    versions: dict[str, str]
    """Of Python and of each package, by name."""
    commit: str | None
    """Of the checkout that the package lies in; None where it lies in none."""
    changed: bool
    """Whether files of the checkout differ from the commit."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """The classes that the selected weights predict for the test images, and the true ones: int16 `[N]`."""

    predicted: NDArray[np.int16]
    labels: NDArray[np.int16]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which images are classified correctly, `[N]`."""
        return np.equal(self.predicted, self.labels)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run, read from its folder."""

    folder: Path
    name: str
    """The folder as the user knows it: below the path that was given."""
    config: dict[str, Any]
    """Flat: `model.dilations` and so on."""
    summary: Summary
    curves: Curves | None
    """None where metrics.csv is missing or damaged."""
    predictions: Predictions | None
    """None where test_predictions.npz is missing or damaged."""

    @property
    def selected(self) -> Figures:
        """The figures of the selected weights."""
        return self.summary.selected

    @property
    def last(self) -> Figures:
        """The figures of the weights after the last epoch."""
        return self.summary.last

    @property
    def class_names(self) -> list[str]:
        """The names of all classes of the data set."""
        return self.summary.class_names

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.config.get("seed", 0))

    @property
    def fold(self) -> int | None:
        """The part of the training images that it held out in a cross-validation; None in any other run."""
        fold = self.config.get("data.fold")
        return None if fold is None else int(fold)

    @property
    def folds(self) -> int | None:
        """Into how many parts the training images were divided; None where it held out no fold."""
        return None if self.fold is None else int(self.config["data.folds"])

    @property
    def held_out(self) -> str:
        """The split whose curve stands beside the training curve: `test` where there is no `validation`."""
        known = self.config.get("data.validation") or self.fold is not None
        return "validation" if known else "test"


@dataclass(frozen=True)
class LeftOut:
    """A run folder that cannot be compared, and why."""

    folder: Path
    name: str
    status: str
    """`unfinished`, `failed`, `damaged`, `without its plugin` or `duplicate`."""
    reason: str


def curve_names(held_out: str) -> list[str]:
    """The columns of metrics.csv, in their order, of a run with that held-out split."""
    split = ("train", "train_subset", held_out)
    figures = [f"{figure}/{each}" for each in split for figure in ("loss", "accuracy")]
    gaps, norms = ("gap/loss", "gap/accuracy"), ("norm/weights", "norm/gradients")
    return ["epoch", *figures, *gaps, "learning_rate", "images_per_second", *norms, "seconds"]


def last_checkpoint(folder: Path) -> Path:
    """The state from which the run goes on."""
    return folder / "checkpoints" / "last.pt"


def previous_checkpoint(folder: Path) -> Path:
    """The state that was the last one before, for the case that `last.pt` is damaged."""
    return folder / "checkpoints" / "previous.pt"


def best_checkpoint(folder: Path) -> Path:
    """The weights of the epoch with the best validation accuracy."""
    return folder / "checkpoints" / "best.pt"


def has_weights(folder: Path) -> bool:
    """Whether a run's selected weights are there, which whoever needs the space may delete."""
    return best_checkpoint(folder).is_file() or last_checkpoint(folder).is_file()
