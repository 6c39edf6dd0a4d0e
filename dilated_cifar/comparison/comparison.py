"""A comparison: everything that the screen, the page and the files say, computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

from dilated_cifar.comparison.classes import Classes, look_at_classes
from dilated_cifar.comparison.collect import Collected
from dilated_cifar.comparison.differences import Difference, SingleRuns, compare_groups, compare_single_runs
from dilated_cifar.comparison.grouping import Section, arrange, varying
from dilated_cifar.comparison.intervals import LEVEL
from dilated_cifar.comparison.measures import GroupFigures, measure_group, usual_targets
from dilated_cifar.comparison.networks import Network, look_at_networks, network_key
from dilated_cifar.runs.record import LeftOut, Run

METHODS = [
    f"Intervals are {LEVEL:.0%} intervals of the mean over seeds (Student's t, sample standard deviation). "
    "With one seed there is no interval, and none is made of test images instead.",
    "Differences are taken between runs with a common seed; interval and p-value are those of the paired t "
    "test. A difference counts as shown if the p-value, corrected by Holm's method for the number of groups "
    f"compared, is below {1 - LEVEL:.2f}; the interval itself is not corrected.",
    "McNemar's test compares the predictions of two single runs on the same test images: it says whether "
    "these two networks differ, not whether two recipes do. Its mid-p value is corrected by Holm's method.",
    "The weights that count are the best by validation accuracy, or the last where no images are held out "
    "for validation. The gap is accuracy on a fixed, unaugmented part of the training split less accuracy on "
    "the held-out split.",
    "Speed, times and epochs are medians over runs; the time to an accuracy is read from the run's own clock "
    "at the first epoch whose held-out accuracy reaches it.",
]


@dataclass(frozen=True, eq=False)
class SectionFigures:
    """What is said of one section."""

    section: Section
    targets: list[float]
    groups: list[GroupFigures]
    differences: list[Difference]
    single_runs: list[SingleRuns]
    classes: list[Classes]

    @property
    def leader(self) -> GroupFigures:
        """The group with the highest mean test accuracy."""
        return max(self.groups, key=lambda figures: figures.test.mean)

    @property
    def baseline(self) -> GroupFigures:
        """The figures of the baseline."""
        return next(figures for figures in self.groups if figures.group is self.section.baseline)

    def difference(self, figures: GroupFigures, measure: str = "test accuracy") -> Difference | None:
        """A group's difference to the baseline; None for the baseline itself."""
        rows = (row for row in self.differences if row.measure == measure)
        return next((row for row in rows if row.group is figures.group), None)


@dataclass(frozen=True)
class Comparison:
    """The answer to one question about many runs."""

    sections: list[SectionFigures]
    networks: dict[str, Network]
    """By `network_key`."""
    config_differences: dict[str, list[str]]
    """Keys in which the compared runs differ, with their values."""
    left_out: list[LeftOut]
    notes: list[str]
    answer: list[str]
    """The outcome in sentences, a few for each section."""

    @property
    def methods(self) -> list[str]:
        """How everything was computed, in sentences."""
        rules = sorted({run.summary.overfitting_rule for run in self.runs})
        return [*METHODS, *(f"Overfitting onset: {rule}." for rule in rules)]

    @property
    def runs(self) -> list[Run]:
        """All compared runs."""
        return [run for each in self.sections for run in each.section.runs]

    def network(self, figures: GroupFigures) -> Network | None:
        """The network of a group, or None where its runs have several."""
        keys = {network_key(run) for run in figures.group.runs}
        return self.networks[keys.pop()] if len(keys) == 1 else None


def compare(
    found: Collected,
    *,
    group_by: Sequence[str] = (),
    baseline: str | None = None,
    accuracies: Sequence[float] = (),
) -> Comparison:
    """Compare the finished runs among those found; at least one.

    Args:
        found: What was read.
        group_by: Keys to group by; without any, all that differ.
        baseline: The group that others are compared with; the first without.
        accuracies: On the held-out split, from 0 to 1, for which times are given; the highest round ones
            that were reached without.

    Raises:
        UserError: an unknown key, or a baseline that is no group or several.
    """
    sections, notes = arrange(found.runs, group_by, baseline)
    notes += [note for section in sections for note in section.notes]
    figures = []
    for section in sections:
        single_runs, said = compare_single_runs(section)
        notes += said
        targets = list(accuracies) or usual_targets(section)
        looked = [look_at_classes(group) for group in section.groups]
        figures.append(
            SectionFigures(
                section=section,
                targets=targets,
                groups=[measure_group(group, targets) for group in section.groups],
                differences=compare_groups(section),
                single_runs=single_runs,
                classes=[each for each in looked if each is not None],
            )
        )
    return Comparison(
        sections=figures,
        networks=look_at_networks(sections),
        config_differences=varying(found.runs),
        left_out=found.left_out,
        notes=notes,
        answer=[sentence for each in figures for sentence in answer(each, len(figures) > 1)],
    )


def answer(figures: SectionFigures, several: bool) -> list[str]:
    """The outcome of a section in sentences."""
    leader, baseline = figures.leader, figures.baseline
    start = f"{figures.section.title}: " if several else ""
    mean = leader.test
    interval = mean.why_none or f"{LEVEL:.0%} interval {mean.low:.1%} to {mean.high:.1%}"
    value = f"{mean.mean:.1%} ({interval}; {mean.count} run{'s' if mean.count > 1 else ''})"
    others = [each for each in figures.groups if each is not leader]
    if not others:
        return [f"{start}One group only, {leader.group.label}: {value}.", overfitting(figures)]
    first = f"{start}Highest mean test accuracy: {leader.group.label} with {value}."
    difference = figures.difference(leader)
    if difference is not None:
        second = f"Against {baseline.group.label}: {difference.verdict}."
    else:
        verdicts = [row.verdict for each in others if (row := figures.difference(each)) is not None]
        worse = sum(verdict.startswith("worse") for verdict in verdicts)
        second = f"It is the baseline; shown to be worse: {worse} of {len(others)} other groups."
        if len(others) == 1:
            second = f"{others[0].group.label} against it: {verdicts[0]}."
    return [first, second, overfitting(figures)]


def overfitting(figures: SectionFigures) -> str:
    """Which groups overfit, in a sentence."""
    rising = [each for each in figures.groups if each.onset.runs]
    if not rising:
        return "No run shows the onset of overfitting."
    worst = max(rising, key=lambda each: each.gap_last.mean)
    return (
        f"Overfitting began in {sum(each.onset.runs for each in rising)} of {len(figures.section.runs)} "
        f"runs; the largest gap among those groups at the end is that of {worst.group.label}, "
        f"{100 * worst.gap_last.mean:.1f} points."
    )
