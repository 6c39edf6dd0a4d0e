"""What describes a table once: the values of its columns, and how each is shown, sorted and stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

Scalar = str | float | bool | list[Any] | None
Value = TypeVar("Value")
Row = TypeVar("Row")
Whole = TypeVar("Whole")


def itself(value: Any) -> Any:
    """The value."""
    return value


@dataclass(frozen=True)
class Format(Generic[Value]):
    """How a kind of value is shown, sorted and stored."""

    text: Callable[[Value], str]
    below: Callable[[Value], str] = lambda _: ""
    """What stands small below the text."""
    order: Callable[[Value], float | str | None] = itself
    """What a column is sorted by; None is last."""
    files: Mapping[str, Callable[[Value], Scalar]] = field(default_factory=lambda: {"{}": itself})
    """The columns of a CSV file, or keys of JSON, by their names; `{}` stands for the column's key."""
    missing: str = "–"
    """What is shown where there is no value."""


TEXT: Format[str] = Format(str)


@dataclass(frozen=True)
class Cell:
    """A cell as it is shown."""

    text: str
    order: float | str | None = None
    below: str = ""
    link: Path | None = None


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a table."""

    key: str
    value: Callable[[Row], Any]
    """Of a row; None where there is none."""
    format: Format[Any] = TEXT
    explanation: str = ""
    title: str = ""
    """The key in words where it is empty."""
    link: Callable[[Row], Path] | None = None
    """The folder that a cell opens."""
    page: bool = True
    files: bool = True
    detail: bool = False
    """Whether the page shows it on demand only."""

    @property
    def heading(self) -> str:
        """What stands above the column."""
        return self.title or self.key.replace("_", " ")

    def cell(self, row: Row) -> Cell:
        """The column's cell in a row."""
        value, shown = self.value(row), self.format
        if value is None:
            return Cell(shown.missing)
        link = None if self.link is None else self.link(row)
        return Cell(shown.text(value), shown.order(value), shown.below(value), link)

    def of(self, part: Callable[[Whole], Row | None], **changes: Any) -> "Column[Whole]":
        """The same column in a table whose rows have this one's as a part."""

        def value(whole: Whole) -> Any:
            row = part(whole)
            return None if row is None else self.value(row)

        changed: Column[Any] = replace(self, **changes)
        return replace(changed, value=value)


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows with the description of their columns, from which all that shows them is made."""

    name: str
    """Of its file."""
    caption: str
    columns: Sequence[Column[Row]]
    rows: Sequence[Row]

    @property
    def has_details(self) -> bool:
        """Whether the page shows some columns on demand only."""
        return any(column.page and column.detail for column in self.columns)

    def column(self, key: str) -> Column[Row]:
        """The column with this key."""
        return next(column for column in self.columns if column.key == key)

    @property
    def names(self) -> list[str]:
        """The names of what files hold."""
        stored = [column for column in self.columns if column.files]
        return [name.format(column.key) for column in stored for name in column.format.files]

    def records(self) -> Iterator[dict[str, Scalar]]:
        """What files hold, row by row."""
        stored, names = [column for column in self.columns if column.files], self.names
        for row in self.rows:
            values = ((column.value(row), column.format.files.values()) for column in stored)
            held = (None if value is None else get(value) for value, gets in values for get in gets)
            yield dict(zip(names, held, strict=True))
