"""What groups of runs are called: by the names that the user typed where those tell them apart."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dilated_cifar.config.store import GROUPS
from dilated_cifar.runs.record import Run

NUMBERED = re.compile(r"(?:trial-)?\d+")
"""Folders that were numbered, which is no name."""
CHOICE = re.compile(f"({'|'.join(sorted({*GROUPS, 'augment'} - {'model'}))})-(.+)")
"""In the name of a folder: a choice other than the model, whose name stands for all the keys that it sets."""


def label_of(keys: Mapping[str, Any]) -> str:
    """Keys and values as short as they stay clear: `model=cnn dilations=[1,2,5]`."""
    short = [short_key(key) for key in keys]
    parts = (
        f"{name if short.count(name) == 1 else key}={value}"
        for name, (key, value) in zip(short, keys.items(), strict=True)
    )
    return " ".join(parts)


def short_key(key: str) -> str:
    """`dilations` for `model.dilations`, `optimizer` for `optimizer.family`, `data.train` as it is."""
    group, _, name = key.rpartition(".")
    if name == "family":
        return group
    return name if group in ("model", "") else key


def first_of(values: Sequence[str], between: str, most: int) -> str:
    """The values in a line, of very many the first."""
    rest = len(values) - most
    return between.join(values[:most]) + (f" and {rest} more" if rest > 0 else "")


def labels_of(groups: Sequence[tuple[Mapping[str, str], Sequence[Run]]]) -> list[tuple[str, str]]:
    """Of each group, given as its keys and runs, the label, and the keys that a name in it stands for.

    A name stands for all keys where each group has its own and nothing else was typed, and for those of the
    model where the two go together. Where names do not tell the groups apart, the labels are keys and values.
    """
    by_keys = [(label_of(keys) or "all runs", "") for keys, _ in groups]
    typed = [{typed_name(run) for run in runs} for _, runs in groups]
    if any(len(found) > 1 or None in found for found in typed):
        return by_keys
    parts = [found.pop() or () for found in typed]
    shared = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    names = [" ".join(part for part in name if part not in shared) for name in parts]
    if not all(names):
        return by_keys
    models = [part_of(keys, model=True) for keys, _ in groups]
    rests = [part_of(keys, model=False) for keys, _ in groups]
    split = list(zip(names, models, rests, strict=True))
    if len(set(names)) == len(groups) and not any(has_typed_keys(run) for _, runs in groups for run in runs):
        return [(name, f"{model} {rest}".strip()) for name, model, rest in split]
    if len(set(names)) == len(set(models)) == len(set(zip(names, models, strict=True))) > 1:
        return [(f"{name} {rest}".strip(), model) for name, model, rest in split]
    return by_keys


def part_of(keys: Mapping[str, str], *, model: bool) -> str:
    """The label of the keys that describe the network, or of all others."""
    return label_of({key: value for key, value in keys.items() if key.startswith("model.") == model})


def typed_name(run: Run) -> tuple[str, ...] | None:
    """What the user called a run: its choices, or its name; None where only keys were typed.

    Where a sweep has nothing but seeds or folds, the name is the sweep's: `sgd` of `recipes/sgd/seed-0`.
    """
    parts = (part for part in run.folder.name.split("__") if not is_key(part, run))
    name = tuple(CHOICE.sub(r"\1=\2", part) for part in parts)
    if not name and not has_typed_keys(run):
        name = (run.folder.parent.name,)
    return None if not name or NUMBERED.fullmatch("__".join(name)) else name


def has_typed_keys(run: Run) -> bool:
    """Whether a key other than the seed's and the fold's is in the name of the run's folder."""
    parts = run.folder.name.split("__")
    return any(is_key(part, run) and not part.startswith(("seed-", "fold-")) for part in parts)


def is_key(part: str, run: Run) -> bool:
    """Whether a part of a folder's name is a key of the run with its value, such as `lr-0.1`."""
    key, dash, _ = part.partition("-")
    return bool(dash) and not CHOICE.fullmatch(part) and key in words_of(frozenset(run.config))


@cache
def words_of(keys: frozenset[str]) -> set[str]:
    """What the keys of a configuration are made of."""
    return {word for key in keys for word in key.split(".")}


def answers_to(wanted: str, label: str, keys: Mapping[str, str], runs: Sequence[Run]) -> bool:
    """Whether `wanted` is what a run of the group is called, its folder, or values of the group."""
    folder = Path(wanted).expanduser().resolve()
    if any(wanted in names_of(run) or run.folder == folder for run in runs):
        return True
    forms = {*label.split(), *(form for key, value in keys.items() for form in forms_of(key, value))}
    parts = re.sub(r",\s+", ",", wanted).split()
    return bool(parts) and all(part in forms for part in parts)


def names_of(run: Run) -> set[str]:
    """What a run is called."""
    return {run.name, run.folder.name, " ".join(typed_name(run) or ()), *(typed_name(run) or ())}


def forms_of(key: str, value: str) -> tuple[str, ...]:
    """The ways to write a value, with its key or without."""
    return (value, f"{key}={value}", f"{short_key(key)}={value}", f"{key.rpartition('.')[2]}={value}")
