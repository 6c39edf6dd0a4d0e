"""Runs that are the same experiment once more: with another seed, or on another fold."""

import math
from collections.abc import Sequence

from dilated_cifar.config.base import as_typed
from dilated_cifar.runs.record import Run

FOLD = "data.fold"
REPLICATES = ("seed", FOLD)
"""Keys in which the runs of a group may differ."""


def is_setting(key: str, values: Sequence[str]) -> bool:
    """Whether runs with these values of the key measured different things: other data, splits or epochs.

    The folds of a cross-validation are one thing, and runs without a fold another.
    """
    return key == "epochs" or (key.startswith("data.") and (key != FOLD or "null" in values))


def typed_value(run: Run, key: str) -> str:
    """A key's value, as typed; a key that a run lacks counts as null."""
    return as_typed(run.config.get(key))


def setting_value(run: Run, key: str) -> str:
    """A key's value as that of a setting, in which the folds of a cross-validation are one."""
    return "each" if key == FOLD and run.fold is not None else typed_value(run, key)


def per_fold(runs: Sequence[Run], values: Sequence[float]) -> list[float]:
    """Values of runs, and where they held out folds one for each fold: the mean over its seeds."""
    found: dict[int, list[float]] = {}
    for run, value in zip(runs, values, strict=True):
        if run.fold is None:
            return list(values)
        found.setdefault(run.fold, []).append(value)
    return [math.fsum(each) / len(each) for _, each in sorted(found.items())]


def fold_notes(title: str, folds: int | None, held_out: dict[str, list[int]]) -> list[str]:
    """What must be said about a cross-validation, one sentence each; nothing about anything else.

    Args:
        title: Of the section.
        folds: Into how many parts the training images were divided; None where they were not.
        held_out: The folds that the runs of each group held out, by its label.
    """
    if folds is None:
        return []
    notes = [
        f"{title}: cross-validation with {folds} folds: accuracy is that on the fold that a run held out; "
        "training sets overlap, so intervals and p-values are those of the corrected resampled t test "
        f"(Nadeau and Bengio 2003), with the variance times 1/n + 1/{folds - 1} for n folds"
    ]
    for label, found in held_out.items():
        if len(found) < folds:
            lacking = [str(fold) for fold in range(folds) if fold not in found]
            told = f"lacks fold{'s' * (len(lacking) > 1)} {', '.join(lacking)}: not a whole cross-validation"
            notes.append(f"{label} {told}" if label == title else f"{title}: {label} {told}")
    return notes
