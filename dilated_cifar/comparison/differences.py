"""Whether a group is better than the baseline, or no difference is shown."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from dilated_cifar.comparison.grouping import Group, Section
from dilated_cifar.comparison.replicates import REPLICATES, per_fold
from dilated_cifar.comparison.statistics import ALPHA, Estimate, McNemar, holm, mcnemar, paired_difference
from dilated_cifar.config.base import as_typed
from dilated_cifar.runs.record import Run

Measure = Literal["test accuracy", "validation accuracy", "gap of the last weights"]
MEASURES: dict[Measure, Callable[[Run], float]] = {
    "validation accuracy": lambda run: run.selected.held_out.accuracy,
    "test accuracy": lambda run: run.selected.test.accuracy,
    "gap of the last weights": lambda run: run.last.gap,
}


def accuracy_of(section: Section) -> Measure:
    """The accuracy by which groups are compared: on the folds of a cross-validation, else on test images."""
    return "test accuracy" if section.folds is None else "validation accuracy"


def measures_of(section: Section) -> list[Measure]:
    """What differences are taken in: validation accuracy chose the weights where it is not a fold's."""
    measures = list(MEASURES)
    return measures[measures.index(accuracy_of(section)) :]


@dataclass(frozen=True)
class Difference:
    """A group minus the baseline, in one measure, over the pairs of runs with a common seed (and fold)."""

    group: Group
    measure: Measure
    seeds: list[int]
    estimate: Estimate | None
    """Of shares; None where there is no pair."""
    p_value: float | None
    folds: list[int] = field(default_factory=list)
    """That both held out; none where that is not cross-validation."""
    adjusted: float | None = None
    """The p-value after Holm's correction for all groups compared with the baseline in this measure."""
    tests: int = 0
    """How many p-values were corrected together."""

    @property
    def replicate(self) -> str:
        """Of what there must be the same in both runs of a pair: `seed` or `fold`."""
        return self.group.replicate

    @property
    def shown(self) -> bool:
        """Whether the data show that there is a difference."""
        return self.adjusted is not None and self.adjusted < ALPHA


@dataclass(frozen=True)
class SingleRuns:
    """McNemar's test on the test predictions of one run of a group and one of the baseline."""

    group: Group
    baseline: Group
    seed: int
    run: Run
    baseline_run: Run
    images: int
    test: McNemar
    """The group's run is its first classifier."""
    adjusted: float
    """The mid-p value after Holm's correction for all pairs of the section."""

    @property
    def lead(self) -> int:
        """How many more images the group's run gets right than the baseline's."""
        return self.test.only_first - self.test.only_second

    @property
    def shown(self) -> bool:
        """Whether the data show that one of the two networks is better."""
        return self.adjusted < ALPHA


def pair(group: Group, baseline: Group) -> list[tuple[Run, Run]]:
    """Runs of both groups with the same seed and fold, and the same values of whatever the groups mix."""
    keys = sorted({*REPLICATES, *group.mixed, *baseline.mixed})

    def place(run: Run) -> tuple[str, ...]:
        return tuple(as_typed(run.config.get(key)) for key in keys)

    others = {place(run): run for run in baseline.runs}
    return [(run, others[place(run)]) for run in group.runs if place(run) in others]


def compare_groups(section: Section, measure: Measure) -> dict[Group, Difference]:
    """Every group but the baseline against it, in one measure."""
    rows = [compare_pair(group, section.baseline, measure) for group in section.others]
    adjusted = zip(rows, holm([row.p_value for row in rows]), strict=True)
    tests = sum(row.p_value is not None for row in rows)
    return {row.group: replace(row, adjusted=value, tests=tests) for row, value in adjusted}


def compare_pair(group: Group, baseline: Group, measure: Measure) -> Difference:
    """One group against the baseline in one measure, not yet corrected."""
    pairs, figure = pair(group, baseline), MEASURES[measure]
    if not pairs:
        return Difference(group, measure, [], None, None)
    one, other = (per_fold(runs, [figure(run) for run in runs]) for runs in zip(*pairs, strict=True))
    mixed = sorted({*group.mixed, *baseline.mixed})
    estimate, p_value = paired_difference(
        one, other, what=f"common {group.replicate}", mixed=mixed, folds=group.folds
    )
    seeds = sorted({run.seed for run, _ in pairs})
    folds = sorted({run.fold for run, _ in pairs if run.fold is not None})
    return Difference(group, measure, seeds, estimate, p_value, folds)


def compare_single_runs(section: Section) -> tuple[list[SingleRuns], list[str]]:
    """McNemar's test for each pair of runs with the same seed and fold, and a note on those without."""
    rows: list[SingleRuns] = []
    unlike = 0
    pairs = [(group, *each) for group in section.others for each in pair(group, section.baseline)]
    for group, run, other in pairs:
        if run.predictions is None or other.predictions is None:
            continue
        if not np.array_equal(run.predictions.labels, other.predictions.labels):
            unlike += 1
            continue
        test = mcnemar(run.predictions.right, other.predictions.right)
        images = len(run.predictions.labels)
        rows.append(SingleRuns(group, section.baseline, run.seed, run, other, images, test, test.mid_p))
    adjusted = zip(rows, holm([row.test.mid_p for row in rows]), strict=True)
    rows = [replace(row, adjusted=value) for row, value in adjusted if value is not None]
    note = f"{section.title}: {unlike} pairs of runs have different test images: no McNemar test"
    return rows, [note] if unlike else []
