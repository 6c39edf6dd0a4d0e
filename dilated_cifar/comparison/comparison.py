"""A comparison: every number that the terminal, the page and the files show, computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dilated_cifar.comparison.classes import Classes, measure_classes
from dilated_cifar.comparison.collect import Collected
from dilated_cifar.comparison.differences import (
    Difference,
    Measure,
    SingleRuns,
    accuracy_of,
    compare_groups,
    compare_single_runs,
    measures_of,
)
from dilated_cifar.comparison.grouping import Group, Section, arrange, varying
from dilated_cifar.comparison.measures import GroupFigures, measure_group, usual_targets
from dilated_cifar.comparison.networks import Network, describe_networks, model_of
from dilated_cifar.runs.record import LeftOut, Run


@dataclass(frozen=True, eq=False)
class SectionFigures:
    """The numbers of one section."""

    section: Section
    targets: list[float]
    """Accuracies on the held-out split for which times are given."""
    groups: list[GroupFigures]
    differences: dict[Measure, dict[Group, Difference]]
    """Every group but the baseline against it."""
    single_runs: list[SingleRuns]
    classes: dict[Group, Classes]
    """Of the groups whose predictions are known."""

    @property
    def baseline(self) -> GroupFigures:
        """The figures of the baseline."""
        return next(figures for figures in self.groups if figures.group is self.section.baseline)

    @property
    def measure(self) -> Measure:
        """The accuracy by which the groups are compared."""
        return accuracy_of(self.section)

    @property
    def accuracy_differences(self) -> dict[Group, Difference]:
        """Every group but the baseline against it, in that accuracy."""
        return self.differences[self.measure]

    @property
    def ranked(self) -> list[GroupFigures]:
        """The groups, the highest mean accuracy first."""
        return sorted(self.groups, key=lambda figures: -figures.accuracy.mean)

    def most_accurate(self, most: int) -> list[GroupFigures]:
        """The baseline and the groups of the highest accuracy, the baseline first."""
        others = [figures for figures in self.ranked if figures is not self.baseline]
        return [self.baseline, *others[: most - 1]]

    @cached_property
    def only_pairs(self) -> dict[Group, SingleRuns]:
        """The test of the only two runs with a common seed, of the groups that have no more.

        None in a cross-validation, whose answer is not of the test images.
        """
        if self.section.folds is not None:
            return {}
        single = {group for group, row in self.accuracy_differences.items() if len(row.seeds) == 1}
        return {row.group: row for row in self.single_runs if row.group in single}

    @property
    def one_seed(self) -> bool:
        """Whether no group has several seeds or folds, so that all that is known is of single runs."""
        return all(each.accuracy.count == 1 for each in self.groups)

    def difference(self, group: Group, measure: Measure | None = None) -> Difference | None:
        """A group's difference to the baseline, by default in accuracy; None for the baseline itself."""
        return self.differences[measure or self.measure].get(group)


@dataclass(frozen=True)
class Comparison:
    """The numbers of many runs."""

    sections: list[SectionFigures]
    networks: dict[str, Network]
    """By `model_of`."""
    config_differences: dict[str, list[str]]
    """Keys in which the compared runs differ, with their values."""
    left_out: list[LeftOut]
    notes: list[str]
    """What must be known about the runs and their groups."""

    @property
    def runs(self) -> list[Run]:
        """All compared runs."""
        return [run for each in self.sections for run in each.section.runs]

    def network(self, group: Group) -> Network | None:
        """The network of a group, or None where its runs have several."""
        keys = {model_of(run) for run in group.runs}
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
        each, more = compare_section(section, accuracies)
        figures.append(each)
        notes += more
    return Comparison(
        sections=figures,
        networks=describe_networks(sections),
        config_differences=varying(found.runs),
        left_out=found.left_out,
        notes=notes,
    )


def compare_section(section: Section, accuracies: Sequence[float]) -> tuple[SectionFigures, list[str]]:
    """The numbers of a section, and what must be known about them."""
    single_runs, notes = compare_single_runs(section)
    targets = list(accuracies) or usual_targets(section)
    classes = {group: measure_classes(group) for group in section.groups}
    figures = SectionFigures(
        section=section,
        targets=targets,
        groups=[measure_group(group, targets) for group in section.groups],
        differences={measure: compare_groups(section, measure) for measure in measures_of(section)},
        single_runs=single_runs,
        classes={group: found for group, found in classes.items() if found is not None},
    )
    return figures, notes
