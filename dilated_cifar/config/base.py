"""What every configuration dataclass shares."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path, PurePath
from typing import ClassVar

from omegaconf import MISSING

from dilated_cifar.errors import UserError

LONGEST_VALUE = 200
"""Characters of a value that a message repeats."""


class Frozen:
    """A base for configuration dataclasses: a field is set once, by `__init__`, and never again.

    `dataclass(frozen=True)` would do the same, but OmegaConf refuses to merge a YAML or an override into
    a schema made of one.
    """

    group: ClassVar[str] = ""
    """The config group of a choice, which stands before its keys as they are typed."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super().__setattr__(name, value)

    def _require(self, ok: bool, name: str, expected: str) -> None:
        """Raise a UserError that names the field as it is typed, its value and what was expected."""
        require(ok, f"{self.group}.{name}" if self.group else name, getattr(self, name), expected)

    def _settle(self, **values: object) -> None:
        """Give fields that are None what the others make of them; only for `__post_init__`."""
        vars(self).update({name: value for name, value in values.items() if getattr(self, name) is None})


@dataclass
class Choice(Frozen):
    """A base for the choices of a config group; each subclass is one family with a fixed name."""

    family: str = MISSING
    """Which family the other keys describe; fixed by the choice, such as `optimizer=adam`."""

    def __post_init__(self) -> None:
        fixed = type(self).family
        self._require(self.family == fixed, "family", f"{fixed}; choose with {self.group}=NAME")


def require(ok: bool, key: str, value: object, expected: str) -> None:
    """Raise a UserError that names `key` as the user types it, its value and what was expected."""
    if not ok:
        raise UserError(f"{key}={shortened(as_typed(value))}: expected {expected}")


def expanded(text: str) -> Path:
    """A path as it is typed, `~` for a home; where nobody has such a home, it is part of the name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def require_below(name: str, key: str) -> None:
    """Raise a UserError unless `name` is one of a file or folder below another, whatever it is below."""
    path = PurePath(name)
    inside = path.parts and not path.is_absolute() and ".." not in path.parts and name.isprintable()
    require(bool(inside), key, repr(name), f"the name of a folder below another; write {key}=first")


def require_seed(seed: int, key: str) -> None:
    """Raise a UserError unless `seed` is one that every stream of random numbers takes."""
    require(0 <= seed < 2**64, key, seed, f"a whole number from 0 to 2**64 - 1; write {key}=0")


def require_one_of(value: str, choices: Sequence[str], key: str) -> None:
    """Raise a UserError that lists `choices`, the nearest first, unless `value` is one of them."""
    if value not in choices:
        raise UserError(f"{key}={shortened(as_typed(value))}: expected {nearest_first(value, choices)}")


def nearest_first(value: str, choices: Iterable[str]) -> str:
    """The choices as a sentence part: `did you mean A? (one of A, B, C)`."""
    names = list(choices)
    near = difflib.get_close_matches(value, names, n=2, cutoff=0.55)
    listing = f"one of {', '.join(names)}"
    return f"{' or '.join(near)}? ({listing})" if near else listing


def as_typed(value: object) -> str:
    """The value as a user types it in an override: `[1,2,5]`, `true`, `null`."""
    if isinstance(value, list):
        return f"[{','.join(as_typed(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def shortened(text: str, most: int = LONGEST_VALUE) -> str:
    """A text of at most so many characters, and dots where it was cut."""
    return text if len(text) <= most else f"{text[:most]}..."
