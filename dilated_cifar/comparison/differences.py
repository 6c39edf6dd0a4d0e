"""Whether a group is better than the baseline, or no difference is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dilated_cifar.comparison.grouping import Group, Section
from dilated_cifar.comparison.intervals import LEVEL, Estimate, holm, mcnemar, paired_difference
from dilated_cifar.comparison.measures import without_interval
from dilated_cifar.config.base import as_typed
from dilated_cifar.runs.record import Run

MEASURES: dict[str, Callable[[Run], float]] = {
    "test accuracy": lambda run: run.selected.test.accuracy,
    "gap of the last weights": lambda run: run.last.gap,
}
NOTHING_SHOWN = "no difference shown"


@dataclass(frozen=True)
class Difference:
    """A group less the baseline, in one measure, over the pairs of runs with a common seed."""

    group: Group
    measure: str
    seeds: list[int]
    estimate: Estimate | None
    """None where there is no pair."""
    p_value: float | None
    adjusted: float | None
    """The p-value after Holm's correction for all groups compared with the baseline in this measure."""
    verdict: str


@dataclass(frozen=True)
class SingleRuns:
    """McNemar's test on the test predictions of one run of a group and one of the baseline."""

    group: Group
    seed: int
    run: Run
    baseline_run: Run
    images: int
    only_run: int
    """Images that only the group's run has right."""
    only_baseline: int
    exact: float
    mid_p: float
    adjusted: float
    """The mid-p value after Holm's correction for all pairs of the section."""
    verdict: str


def pair(group: Group, baseline: Group) -> list[tuple[Run, Run]]:
    """Runs of both groups with the same seed, and the same values of whatever the groups mix."""
    keys = sorted({"seed", *group.mixed, *baseline.mixed})

    def place(run: Run) -> tuple[str, ...]:
        return tuple(as_typed(run.config.get(key)) for key in keys)

    others = {place(run): run for run in baseline.runs}
    return [(run, others[place(run)]) for run in group.runs if place(run) in others]


def compare_groups(section: Section) -> list[Difference]:
    """Every group but the baseline against it, in every measure."""
    found: list[Difference] = []
    for measure, figure in MEASURES.items():
        rows = [
            compare_pair(group, section.baseline, measure, figure)
            for group in section.groups
            if group is not section.baseline
        ]
        adjusted = holm([row.p_value for row in rows])
        tests = sum(row.p_value is not None for row in rows)
        for row, value in zip(rows, adjusted, strict=True):
            found.append(replace(row, adjusted=value, verdict=judge(row, value, tests)))
    return found


def compare_pair(group: Group, baseline: Group, measure: str, figure: Callable[[Run], float]) -> Difference:
    """One group against the baseline in one measure, not yet judged."""
    pairs = pair(group, baseline)
    seeds = sorted({run.seed for run, _ in pairs})
    if not pairs:
        return Difference(group, measure, [], None, None, None, "")
    found = paired_difference(
        [figure(run) for run, _ in pairs], [figure(other) for _, other in pairs], what="common seed"
    )
    estimate = without_interval(found.estimate, sorted({*group.mixed, *baseline.mixed}))
    p_value = found.p_value if estimate.why_none is None else None
    return Difference(group, measure, seeds, estimate, p_value, None, "")


def judge(row: Difference, adjusted: float | None, tests: int) -> str:
    """The difference in words."""
    if row.estimate is None:
        return "no common seed: not compared"
    if row.estimate.why_none is not None or row.p_value is None or adjusted is None:
        return f"{row.estimate.why_none}, so {NOTHING_SHOWN}"
    if adjusted >= 1 - LEVEL:
        corrected = row.p_value < 1 - LEVEL
        return NOTHING_SHOWN + (f" once corrected for {tests} comparisons" if corrected else "")
    points = f"{100 * abs(row.estimate.mean):.1f} points"
    if row.measure == "test accuracy":
        return f"{'better' if row.estimate.mean > 0 else 'worse'} by {points}"
    return f"{'larger' if row.estimate.mean > 0 else 'smaller'} by {points}"


def compare_single_runs(section: Section) -> tuple[list[SingleRuns], list[str]]:
    """McNemar's test for each pair of runs with a common seed, and what stood in the way of others."""
    rows: list[SingleRuns] = []
    apart = 0
    for group in section.groups:
        for run, other in pair(group, section.baseline) if group is not section.baseline else []:
            if run.predictions is None or other.predictions is None:
                continue
            if not np.array_equal(run.predictions.labels, other.predictions.labels):
                apart += 1
                continue
            test = mcnemar(run.predictions.right, other.predictions.right)
            images = len(run.predictions.labels)
            rows.append(SingleRuns(group, run.seed, run, other, images, test.only_first, test.only_second,
                                   test.exact, test.mid_p, 1.0, ""))  # fmt: skip
    notes = []
    if apart:
        notes.append(f"{section.title}: {apart} pairs of runs have different test images: no McNemar test")
    return judged(rows), notes


def judged(rows: Sequence[SingleRuns]) -> list[SingleRuns]:
    """The rows with their adjusted p-values and verdicts."""
    found = []
    for row, adjusted in zip(rows, holm([row.mid_p for row in rows]), strict=True):
        assert adjusted is not None
        better = "the run" if row.only_run > row.only_baseline else "the baseline's"
        verdict = f"{better} is better" if adjusted < 1 - LEVEL else NOTHING_SHOWN
        found.append(replace(row, adjusted=adjusted, verdict=verdict))
    return found
