"""What a user may choose when comparing runs."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dilated_cifar.config.base import nearest_first, require
from dilated_cifar.errors import UserError

KEYS = ("group_by", "baseline", "output", "accuracies")


@dataclass(frozen=True)
class CompareConfig:
    """One comparison."""

    paths: list[Path]
    """Folders of runs, at any depth."""
    group_by: list[str] = field(default_factory=list)
    """Keys by which runs are grouped; none for every key that differs, the seed apart."""
    baseline: str | None = None
    """The group that the others are compared with; none for the first."""
    output: Path | None = None
    """Folder for the report; none for `comparison` in the first path."""
    accuracies: list[float] = field(default_factory=list)
    """Held-out accuracies for which times are given; none for the highest round ones that were reached."""


def read_words(words: Sequence[str]) -> CompareConfig:
    """The comparison that the words of a command line ask for: paths, and `key=value`.

    Raises:
        UserError: no path, an unknown key or option, a value of the wrong kind.
    """
    paths: list[Path] = []
    chosen: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in KEYS:
            require(bool(value), key, value, f"a value; leave {key} out for the default")
            chosen[key] = value.strip("'\"")
        elif word.startswith("-"):
            raise UserError(f"{word}: no such option; expected paths, key=value or --help")
        elif equals and re.fullmatch(r"[+~\w.]+", key) and not Path(word).exists():
            hint = nearest_first(key, KEYS) if difflib.get_close_matches(key, KEYS) else ", ".join(KEYS)
            raise UserError(f"{key}: no such key; expected {hint}")
        else:
            paths.append(Path(word))
    if not paths:
        raise UserError("no folder to compare: expected one of a sweep, such as outputs/SWEEP")
    return CompareConfig(
        paths=paths,
        group_by=listed(chosen.get("group_by", "")),
        baseline=chosen.get("baseline"),
        output=Path(chosen["output"]) if "output" in chosen else None,
        accuracies=[accuracy(word) for word in listed(chosen.get("accuracies", ""))],
    )


def listed(value: str) -> list[str]:
    """The parts of `a,b` or `[a,b]`."""
    return [part.strip() for part in value.strip("[]").split(",") if part.strip()]


def accuracy(word: str) -> float:
    """`0.9` or `90%` as a share.

    Raises:
        UserError: it is neither.
    """
    try:
        share = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        share = float("nan")
    require(0 < share <= 1, "accuracies", word, "shares above 0 and up to 1, such as 0.8,0.9 or 80%,90%")
    return share
