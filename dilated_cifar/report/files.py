"""The comparison as CSV and JSON; accuracies are shares from 0 to 1, times are in seconds."""

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.comparison.measures import Band
from dilated_cifar.report.columns import Scalar, Table
from dilated_cifar.report.run_tables import config_table, left_out_table, run_table
from dilated_cifar.report.sentences import answer, methods
from dilated_cifar.report.tables import section_tables
from dilated_cifar.runs.record import write_text

DIGITS = 6
"""Significant digits of the curves; everything else is written in full."""
CURVE_COLUMNS = ("setting", "group", "curve", "epoch", "mean", "lowest", "highest", "runs")


@dataclass
class Records:
    """What a file holds: the rows of a table over all sections."""

    names: dict[str, None] = field(default_factory=dict)
    """Of the columns, in their order; sections may have different ones."""
    rows: list[dict[str, Scalar]] = field(default_factory=list)

    def add(self, table: Table[Any], **before: Scalar) -> None:
        """Add a table's rows, with columns in front of its own."""
        self.names |= dict.fromkeys([*before, *table.names])
        self.rows += [
            before | {name: finite(value) for name, value in row.items()} for row in table.records()
        ]


def write_tables(comparison: Comparison, folder: Path) -> None:
    """Write every table as `NAME.csv`, and all of them with the sentences as `comparison.json`.

    In JSON the values of a curve are one list; as rows they would be most of the file.
    """
    tables = all_records(comparison)
    for name, records in tables.items():
        write_text(folder / f"{name}.csv", as_csv(records))
    curves_csv, curve_lines = curve_texts(comparison)
    write_text(folder / "curves.csv", curves_csv)
    sentences = {"answer": answer(comparison), "notes": comparison.notes, "methods": methods(comparison)}
    lines = {name: [json.dumps(row, allow_nan=False) for row in each.rows] for name, each in tables.items()}
    parts = [f"{json.dumps(name)}: {json.dumps(each)}" for name, each in sentences.items()]
    for name, rows in {**lines, "curves": curve_lines}.items():
        parts.append(f"{json.dumps(name)}: [\n" + ",\n".join(rows) + "\n]")
    write_text(folder / "comparison.json", "{\n" + ",\n".join(parts) + "\n}\n")


def all_records(comparison: Comparison) -> dict[str, Records]:
    """Every table but the curves, by the name of its file."""
    found: dict[str, Records] = {}
    for figures in comparison.sections:
        for table in section_tables(comparison, figures):
            found.setdefault(table.name, Records()).add(table, setting=figures.section.title)
    whole: list[Table[Any]] = [
        run_table(comparison),
        left_out_table(comparison.left_out),
        config_table(comparison, joined=False),
    ]
    for table in whole:
        found.setdefault(table.name, Records()).add(table)
    return found


def as_csv(records: Records) -> str:
    """A table as CSV; what is not there is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(records.names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records.rows)
    return stream.getvalue()


def curve_texts(comparison: Comparison) -> tuple[str, list[str]]:
    """The curves as CSV, a row an epoch, and as JSON objects; there may be a million rows."""
    stream, lines = io.StringIO(), []
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for setting, group, name, band in all_curves(comparison):
        mean, low, high = (shortened(values) for values in (band.mean, band.low, band.high))
        before, epochs = (repeat(setting), repeat(group), repeat(name)), range(1, len(mean) + 1)
        writer.writerows(zip(*before, epochs, mean, low, high, repeat(band.runs), strict=False))
        head = json.dumps({"setting": setting, "group": group, "curve": name, "runs": band.runs})[:-1]
        lists = zip(("mean", "lowest", "highest"), (mean, low, high), strict=True)
        lines.append(head + "".join(f', "{key}": [{", ".join(each)}]' for key, each in lists) + "}")
    return stream.getvalue(), lines


def all_curves(comparison: Comparison) -> Iterator[tuple[str, str, str, Band]]:
    """Every curve with its section's title, its group's label and its name."""
    for each in comparison.sections:
        for figures in each.groups:
            for name, band in figures.curves.items():
                yield each.section.title, figures.group.label, name, band


def shortened(values: NDArray[np.float64]) -> list[str]:
    """The values in DIGITS significant digits."""
    return [f"{value:.{DIGITS}g}" for value in values.tolist()]


def finite(value: Scalar) -> Scalar:
    """The value; null where it is a number that is not finite, which JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
