"""Which runs are replicates, which may be compared, and which must be kept separate."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from dilated_cifar.comparison.labels import answers_to, first_of, label_of, labels_of
from dilated_cifar.comparison.replicates import (
    REPLICATES,
    fold_notes,
    is_setting,
    setting_value,
    typed_value,
)
from dilated_cifar.config.base import as_typed, nearest_first
from dilated_cifar.config.run import LOCAL_KEYS
from dilated_cifar.errors import UserError
from dilated_cifar.runs.record import Run

NORMALISATION = ("data.mean", "data.std")


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that are averaged."""

    label: str
    keys: dict[str, str]
    """What the runs of the group share and other groups have differently, values as typed."""
    runs: list[Run]
    mixed: dict[str, list[str]]
    """Keys other than seed and fold in which the runs differ: not replicates, so there is no interval."""
    unsaid: str = ""
    """The keys for which the label has a name, as it would have them otherwise."""

    @property
    def seeds(self) -> list[int]:
        """The seeds, ascending, each once."""
        return sorted({run.seed for run in self.runs})

    @property
    def held_out(self) -> list[int]:
        """The folds that its runs held out, ascending, each once; none where that is not cross-validation."""
        return sorted({run.fold for run in self.runs if run.fold is not None})

    @property
    def folds(self) -> int | None:
        """Into how many parts the training images were divided; None where that is not cross-validation."""
        return self.runs[0].folds

    @property
    def replicate(self) -> str:
        """What tells its runs apart, of which there is one interval: `seed` or `fold`."""
        return "seed" if self.folds is None else "fold"


@dataclass(frozen=True, eq=False)
class Section:
    """Groups that may be compared: trained on the same data and splits for the same number of epochs."""

    title: str
    setting: dict[str, str]
    """The keys in which the settings differ, with the values of this one; empty where there is only one."""
    groups: list[Group]
    baseline: Group
    notes: list[str] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        """All runs of the section."""
        return [run for group in self.groups for run in group.runs]

    @property
    def folds(self) -> int | None:
        """Into how many parts the training images were divided; None where that is not cross-validation."""
        return self.baseline.folds

    @property
    def replicate(self) -> str:
        """What tells the runs of a group apart: `seed` or `fold`."""
        return self.baseline.replicate

    @property
    def others(self) -> list[Group]:
        """Every group but the baseline."""
        return [group for group in self.groups if group is not self.baseline]


def arrange(
    runs: Sequence[Run], group_by: Sequence[str] = (), baseline: str | None = None
) -> tuple[list[Section], list[str]]:
    """Sort runs into sections that may be compared, and those into groups that may be averaged.

    Args:
        runs: Finished runs, at least one.
        group_by: Keys to group by; without any, every key but seed and fold that differs within a section.
        baseline: Label of a group, or a value in it; without it, the first group.

    Returns:
        The sections, and what must be said of them.

    Raises:
        UserError: an unknown key, or a baseline that is no group or several.
    """
    require_known(group_by, runs)
    varied = varying(runs)
    setting_keys = [key for key in varied if is_setting(key, varied[key]) and key not in group_by]
    notes = []
    if setting_keys:
        differ = ", ".join(f"{key} ({first_of(varied[key], ' | ', 6)})" for key in setting_keys)
        notes.append(
            "runs of different settings are compared separately, never averaged; they differ in " + differ
        )
    sections = []
    for setting, members in partition(runs, setting_keys, setting_value).items():
        inner = varying(members)
        keys = list(group_by) or [
            key for key in inner if not is_setting(key, inner[key]) and key not in REPLICATES
        ]
        groups = make_groups(members, keys, by_name=not group_by)
        named = dict(zip(setting_keys, setting, strict=True))
        chosen = find_baseline(groups, baseline)
        section = Section(label_of(named) or "all runs", named, groups, chosen or groups[0])
        section.notes.extend(section_notes(section, baseline if chosen is None else None))
        sections.append(section)
    if baseline is not None and all(find_baseline(section.groups, baseline) is None for section in sections):
        labels = [group.label for section in sections for group in section.groups]
        raise UserError(f"baseline={baseline}: expected {nearest_first(baseline, dict.fromkeys(labels))}")
    return sections, notes


def require_known(group_by: Sequence[str], runs: Sequence[Run]) -> None:
    """Raise a UserError that lists the keys that vary, unless every key of `group_by` is one of the runs'."""
    known = {key for run in runs for key in run.config}
    for key in group_by:
        if key not in known:
            vary = [name for name in varying(runs) if name not in REPLICATES]
            choices = f"the keys that vary: {', '.join(vary)}" if vary else "no key but the seed varies"
            near = nearest_first(key, sorted(known)).partition("? (")
            hint = f"{near[0]}? or " if near[1] else ""
            raise UserError(f"group_by={key}: no such key; expected {hint}{choices}")


def varying(runs: Iterable[Run]) -> dict[str, list[str]]:
    """The keys in which runs differ, LOCAL_KEYS aside, each with its values.

    Where runs differ in `model.family`, the keys of one family say nothing about another, and only the runs
    that have a key count for it. Elsewhere a key that a run lacks, because an earlier release wrote it, is
    null.
    """
    configs = [run.config for run in runs]
    varied: dict[str, list[str]] = {}
    for key in sorted({key for config in configs for key in config}, key=key_order):
        if key in LOCAL_KEYS:
            continue
        family = f"{key.partition('.')[0]}.family"
        families = {config.get(family) for config in configs}
        having = [config for config in configs if key in config] if len(families) > 1 else configs
        values = {as_typed(config.get(key)) for config in having}
        if len(values) > 1:
            varied[key] = sorted(values, key=natural)
    if "data.family" in varied:  # each data set has its own
        varied = {key: values for key, values in varied.items() if key not in NORMALISATION}
    return varied


def key_order(key: str) -> tuple[bool, bool, str]:
    """The family first, then the model, then by name."""
    return (not key.endswith(".family"), not key.startswith("model."), key)


def natural(text: str) -> list[tuple[int, float, str]]:
    """An order in which 2 comes before 10 and [1,1,1] before [1,2,5]."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(0, float(part), "") if index % 2 else (1, 0.0, part) for index, part in enumerate(parts)]


def partition(
    runs: Iterable[Run], keys: Sequence[str], value: Callable[[Run, str], str] = typed_value
) -> dict[tuple[str, ...], list[Run]]:
    """Runs by their values of `keys`, in natural order."""
    parts: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        parts.setdefault(tuple(value(run, key) for key in keys), []).append(run)
    return dict(sorted(parts.items(), key=lambda part: [natural(value) for value in part[0]]))


def make_groups(runs: Sequence[Run], keys: Sequence[str], *, by_name: bool) -> list[Group]:
    """One group for each combination of values of `keys`; its label may be the name that its runs share."""
    parts = []
    for values, members in partition(runs, keys).items():
        known = {key for run in members for key in run.config}
        parts.append(({key: value for key, value in zip(keys, values, strict=True) if key in known}, members))
    labels = labels_of(parts) if by_name else [(label_of(shared) or "all runs", "") for shared, _ in parts]
    groups = []
    for (shared, members), (label, unsaid) in zip(parts, labels, strict=True):
        known_keys = (*REPLICATES, *keys)
        mixed = {key: found for key, found in varying(members).items() if key not in known_keys}
        groups.append(Group(label, shared, members, mixed, unsaid))
    return groups


def find_baseline(groups: Sequence[Group], wanted: str | None) -> Group | None:
    """The group that `wanted` names: by its label, a name of its runs, a value in it, or several of those.

    Raises:
        UserError: it names more than one group.
    """
    if wanted is None:
        return groups[0]
    found = [group for group in groups if group.label == wanted] or [
        group for group in groups if answers_to(wanted, group.label, group.keys, group.runs)
    ]
    if len(found) > 1:
        labels = first_of([group.label for group in found], " | ", 6)
        raise UserError(f"baseline={wanted}: is {len(found)} groups ({labels}); write the whole label")
    return found[0] if found else None


def section_notes(section: Section, missed_baseline: str | None) -> list[str]:
    """What must be said about the groups of a section, one sentence each."""
    notes = []
    if missed_baseline is not None:
        notes.append(
            f"{section.title}: no group is baseline={missed_baseline}; compared with {section.baseline.label}"
        )
    held_out = {group.label: group.held_out for group in section.groups}
    notes += fold_notes(section.title, section.folds, held_out)
    mixed = sorted({key for group in section.groups for key in group.mixed}, key=key_order)
    if mixed:
        notes.append(
            f"{section.title}: groups mix runs that differ in {', '.join(mixed)}, which are not replicates: "
            f"their means have no interval; add the key to group_by to separate them"
        )
    devices = sorted({run.summary.device for run in section.runs})
    if len(devices) > 1:
        notes.append(
            f"{section.title}: images/s and times were measured on different machines ({' | '.join(devices)})"
        )
    return notes
