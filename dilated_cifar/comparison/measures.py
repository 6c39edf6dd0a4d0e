"""The figures of a group: means over its runs, with intervals where there may be any."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Group, Section
from dilated_cifar.comparison.intervals import Estimate, mean_interval
from dilated_cifar.runs.record import Run

USUAL_TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MOST_TARGETS = 3


@dataclass(frozen=True)
class Onset:
    """In how many runs the held-out loss came to rise for good, and the median epoch from which."""

    runs: int
    of: int
    epoch: float | None


@dataclass(frozen=True)
class Reach:
    """How many runs reached an accuracy on the held-out split, and their median time and epoch."""

    runs: int
    of: int
    seconds: float | None
    epoch: float | None


@dataclass(frozen=True, eq=False)
class Band:
    """A curve of a group: mean, lowest and highest run, each float64 [epochs]."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    runs: int


@dataclass(frozen=True, eq=False)
class GroupFigures:
    """What the table says of a group."""

    group: Group
    test: Estimate
    """Test accuracy of the weights that count."""
    last: Estimate
    """Test accuracy of the last weights."""
    gap: Estimate
    """Training less held-out accuracy of the weights that count."""
    gap_last: Estimate
    epoch: float
    """Median epoch of the weights that count."""
    onset: Onset
    parameters: int | None
    multiply_adds: int | None
    receptive_field: int | None
    images_per_second: float
    seconds: float
    reach: dict[float, Reach]
    """By accuracy."""
    curves: dict[str, Band]
    """`loss/train_subset`, `loss/held_out`, `accuracy/train_subset`, `accuracy/held_out`, `gap/accuracy`."""


def measure_group(group: Group, targets: Sequence[float]) -> GroupFigures:
    """All figures of a group."""
    runs = group.runs
    onsets = [run.summary.overfitting_onset for run in runs if run.summary.overfitting_onset is not None]
    return GroupFigures(
        group=group,
        test=estimate(group, lambda run: run.selected.test.accuracy, (0, 1)),
        last=estimate(group, lambda run: run.last.test.accuracy, (0, 1)),
        gap=estimate(group, lambda run: run.selected.gap, (-1, 1)),
        gap_last=estimate(group, lambda run: run.last.gap, (-1, 1)),
        epoch=median(run.selected.epoch for run in runs) or math.nan,
        onset=Onset(len(onsets), len(runs), median(onsets)),
        parameters=only({run.summary.parameters for run in runs}),
        multiply_adds=only({run.summary.multiply_adds for run in runs}),
        receptive_field=only({run.summary.receptive_field for run in runs}),
        images_per_second=float(np.median([run.summary.images_per_second for run in runs])),
        seconds=float(np.median([run.summary.seconds for run in runs])),
        reach={target: reach(runs, target) for target in targets},
        curves=bands(runs),
    )


def estimate(group: Group, figure: Callable[[Run], float], bounds: tuple[float, float]) -> Estimate:
    """Mean of a figure over the group's runs, with an interval if they differ in nothing but the seed."""
    found = mean_interval([figure(run) for run in group.runs], bounds=bounds)
    return without_interval(found, group.mixed)


def without_interval(estimate: Estimate, mixed: Iterable[str]) -> Estimate:
    """The estimate as it is where nothing is mixed, else without its interval, saying why."""
    keys = ", ".join(mixed)
    if not keys or estimate.count == 1:
        return estimate
    return replace(estimate, low=None, high=None, why_none=f"runs differ in {keys}: no interval")


def median(values: Iterable[float]) -> float | None:
    """The median, or None of nothing."""
    known = list(values)
    return float(np.median(known)) if known else None


def only(values: set[int]) -> int | None:
    """The value if there is but one."""
    return values.pop() if len(values) == 1 else None


def usual_targets(section: Section) -> list[float]:
    """The highest few round accuracies that a run of the section reached on its held-out split."""
    curves = [run.curves.get(f"accuracy/{run.held_out}") for run in section.runs if run.curves is not None]
    best = max((float(curve.max()) for curve in curves if curve is not None), default=0.0)
    return [target for target in USUAL_TARGETS if target <= best][-MOST_TARGETS:]


def reach(runs: Sequence[Run], target: float) -> Reach:
    """When the runs first had `target` on the held-out split, by their own clocks."""
    known = [run for run in runs if run.curves is not None]
    seconds, epochs = [], []
    for run in known:
        assert run.curves is not None
        accuracy = run.curves.get(f"accuracy/{run.held_out}")
        if accuracy is None or not (accuracy >= target).any():
            continue
        first = int((accuracy >= target).argmax())
        epochs.append(float(first + 1))
        if "seconds" in run.curves:
            seconds.append(float(run.curves["seconds"][first]))
    return Reach(len(epochs), len(known), median(seconds), median(epochs))


def bands(runs: Sequence[Run]) -> dict[str, Band]:
    """The curves of a group; of runs whose metrics are damaged, nothing."""
    columns = {
        "loss/train_subset": "loss/train_subset",
        "accuracy/train_subset": "accuracy/train_subset",
        "loss/held_out": "loss/{}",
        "accuracy/held_out": "accuracy/{}",
        "gap/accuracy": "gap/accuracy",
    }
    found = {}
    for name, column in columns.items():
        curves = [
            run.curves[column.format(run.held_out)]
            for run in runs
            if run.curves is not None and column.format(run.held_out) in run.curves
        ]
        if curves:
            stacked = np.stack(curves)
            found[name] = Band(stacked.mean(0), stacked.min(0), stacked.max(0), len(curves))
    return found
