"""The figures of a group: means over its runs, with intervals where there may be any."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Group, Section
from dilated_cifar.comparison.replicates import per_fold
from dilated_cifar.comparison.statistics import Estimate, mean_interval, share_interval
from dilated_cifar.runs.record import Run

USUAL_TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MAX_TARGETS = 3
CURVES = {
    "loss/train_subset": "loss/train_subset",
    "accuracy/train_subset": "accuracy/train_subset",
    "loss/held_out": "loss/{}",
    "accuracy/held_out": "accuracy/{}",
    "gap/accuracy": "gap/accuracy",
}
"""The curves of a group, each with its column of metrics.csv; `{}` is the run's held-out split."""


@dataclass(frozen=True)
class Event:
    """In how many runs something happened, and when."""

    runs: int
    of: int
    """Runs of which it is known whether it happened."""
    when: float | None
    """Median epoch, or median seconds."""


@dataclass(frozen=True, eq=False)
class Band:
    """A curve of a group: mean, lowest and highest run, each float64 [epochs]."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    runs: int


@dataclass(frozen=True, eq=False)
class GroupFigures:
    """The figures of one group; accuracies and gaps are shares from 0 to 1."""

    group: Group
    accuracy: Estimate
    """By which groups are compared: that on the folds of a cross-validation, else test accuracy."""
    test: Estimate
    """Test accuracy of the selected weights."""
    last: Estimate
    """Test accuracy of the last weights."""
    gap: Estimate
    """Train minus held-out accuracy of the selected weights."""
    last_gap: Estimate
    epoch: float
    """Median epoch of the selected weights."""
    onset: Event
    """The held-out loss began to rise for good; epochs. Known of runs with enough of them."""
    parameters: int | None
    """None where the runs of the group have several; the same for the next two, or where none is known."""
    multiply_adds: int | None
    receptive_field: int | None
    images_per_second: float
    seconds: float
    reach: dict[float, Event]
    """An accuracy was reached on the held-out split; seconds, by accuracy."""
    curves: dict[str, Band]
    """By the names of CURVES."""


def measure_group(group: Group, targets: Sequence[float]) -> GroupFigures:
    """All figures of a group, with the times to the accuracies `targets`."""
    runs = group.runs
    summaries = [run.summary for run in runs]
    told = [each.overfitting_onset for each in summaries if each.tells_onset]
    onsets = [epoch for epoch in told if epoch is not None]
    test = estimate(group, lambda run: run.selected.test.accuracy, (0, 1))
    on_folds = None
    if group.folds is not None:
        on_folds = estimate(group, lambda run: run.selected.held_out.accuracy, (0, 1))
    return GroupFigures(
        group=group,
        accuracy=on_folds or test,
        test=test,
        last=estimate(group, lambda run: run.last.test.accuracy, (0, 1)),
        gap=estimate(group, lambda run: run.selected.gap, (-1, 1)),
        last_gap=estimate(group, lambda run: run.last.gap, (-1, 1)),
        epoch=float(np.median([run.selected.epoch for run in runs])),
        onset=Event(len(onsets), len(told), median(onsets)),
        parameters=only(each.parameters for each in summaries),
        multiply_adds=only(each.multiply_adds for each in summaries),
        receptive_field=only(each.receptive_field for each in summaries),
        images_per_second=float(np.median([each.images_per_second for each in summaries])),
        seconds=float(np.median([each.seconds for each in summaries])),
        reach={target: reach(runs, target) for target in targets},
        curves=bands(runs),
    )


def estimate(group: Group, figure: Callable[[Run], float], bounds: tuple[float, float]) -> Estimate:
    """Mean of a figure over the group's runs, with an interval if only seed and fold differ."""
    return mean_of(group, group.runs, [figure(run) for run in group.runs], bounds)


def mean_of(
    group: Group, runs: Sequence[Run], values: Sequence[float], bounds: tuple[float, float]
) -> Estimate:
    """Mean of a value of each of some runs of a group, with its interval over seeds or folds."""
    return mean_interval(
        per_fold(runs, values), what=group.replicate, mixed=group.mixed, bounds=bounds, folds=group.folds
    )


def run_accuracy(run: Run) -> Estimate:
    """Test accuracy of a run's selected weights, with its interval over the test images."""
    if run.predictions is None:
        return Estimate(run.selected.test.accuracy, None, None, 0, "")
    found = share_interval(int(run.predictions.right.sum()), len(run.predictions.labels))
    return replace(found, mean=run.selected.test.accuracy)


def median(values: Sequence[float]) -> float | None:
    """The median, or None of nothing."""
    return float(np.median(values)) if values else None


def only(values: Iterable[int | None]) -> int | None:
    """The value if there is but one."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def usual_targets(section: Section) -> list[float]:
    """The highest few round accuracies that a run of the section reached on its held-out split."""
    curves = [curve for run in section.runs if (curve := held_out_accuracy(run)) is not None]
    best = max((float(curve.max()) for curve in curves), default=0.0)
    return [target for target in USUAL_TARGETS if target <= best][-MAX_TARGETS:]


def held_out_accuracy(run: Run) -> NDArray[np.float64] | None:
    """Accuracy on the held-out split, float64 [epochs]; None where it is not known."""
    return None if run.curves is None else run.curves.get(f"accuracy/{run.held_out}")


def reach(runs: Sequence[Run], target: float) -> Event:
    """When the runs first had `target` on the held-out split, by their own clocks."""
    seconds = []
    for run in runs:
        accuracy = held_out_accuracy(run)
        if run.curves is not None and accuracy is not None and (accuracy >= target).any():
            seconds.append(float(run.curves["seconds"][(accuracy >= target).argmax()]))
    return Event(len(seconds), sum(run.curves is not None for run in runs), median(seconds))


def bands(runs: Sequence[Run]) -> dict[str, Band]:
    """The curves of a group by the names of CURVES; of runs whose metrics are damaged, nothing."""
    found = {}
    for name, column in CURVES.items():
        columns = [(run.curves, column.format(run.held_out)) for run in runs if run.curves is not None]
        curves = [table[key] for table, key in columns if key in table]
        if curves:
            stacked = np.stack(curves)
            found[name] = Band(stacked.mean(0), stacked.min(0), stacked.max(0), len(curves))
    return found
