"""The output folder of a comparison: the page, the figures, and every table as CSV and JSON.

In files, accuracies are shares from 0 to 1 and times are in seconds.
"""

import csv
import io
import json
import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.errors import UserError
from dilated_cifar.report.charts import section_charts
from dilated_cifar.report.columns import Scalar, Table
from dilated_cifar.report.figures import write_figures
from dilated_cifar.report.page import render
from dilated_cifar.report.run_tables import config_table, left_out_table, run_table
from dilated_cifar.report.sentences import answer, methods
from dilated_cifar.report.tables import section_tables
from dilated_cifar.runs.atomic import write_text

MARK = "comparison.json"
MAX_CHARTED = 6
"""Sections that the page draws; of further ones, it has the tables."""
DIGITS = 6
"""Significant digits of the curves; everything else is written in full."""
CURVE_COLUMNS = ("setting", "group", "curve", "epoch", "mean", "lowest", "highest", "runs")


@dataclass
class Records:
    """What a file holds: the rows of a table over all sections, which may have different columns."""

    names: dict[str, None] = field(default_factory=dict)
    rows: list[dict[str, Scalar]] = field(default_factory=list)

    def add(self, table: Table[Any], **before: Scalar) -> None:
        """Add a table's rows, with columns in front of its own; a number that is not finite becomes null."""
        self.names |= dict.fromkeys([*before, *table.names])
        for row in table.records():
            lost = {
                name: None
                for name, value in row.items()
                if isinstance(value, float) and not math.isfinite(value)
            }
            self.rows.append(before | row | lost)


def prepare(folder: Path) -> None:
    """Make the output folder, or see that an earlier comparison may be replaced there.

    Raises:
        UserError: it cannot be written, or holds files of something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARK).is_file():
            raise UserError(f"output={folder}: holds files that are not a comparison's; write output=OTHER")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"cannot be written ({error.strerror}); write output=FOLDER"
        raise UserError(f"output={folder}: {reason}") from error


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write tables, figures and the page into a prepared folder."""
    charts = [section_charts(figures) for figures in comparison.sections[:MAX_CHARTED]]
    write_tables(comparison, folder)
    write_figures(comparison, charts, folder / "figures")
    write_text(folder / "report.html", render(comparison, charts, folder))


def write_tables(comparison: Comparison, folder: Path) -> None:
    """Write every table as `NAME.csv`, and all of them with the sentences as `comparison.json`.

    In JSON the values of a curve are one list; as rows they would be most of the file.
    """
    tables = all_records(comparison)
    for name, records in tables.items():
        write_text(folder / f"{name}.csv", as_csv(records))
    curves, curve_lines = curve_texts(comparison)
    write_text(folder / "curves.csv", curves)
    lines = {name: [json.dumps(row, allow_nan=False) for row in each.rows] for name, each in tables.items()}
    sentences = {"answer": answer(comparison), "notes": comparison.notes, "methods": methods(comparison)}
    parts = [f"{json.dumps(name)}: {json.dumps(each)}" for name, each in sentences.items()]
    for name, rows in (lines | {"curves": curve_lines}).items():
        parts.append(f"{json.dumps(name)}: [\n" + ",\n".join(rows) + "\n]")
    write_text(folder / MARK, "{\n" + ",\n".join(parts) + "\n}\n")


def all_records(comparison: Comparison) -> dict[str, Records]:
    """Every table but the curves, by the name of its file."""
    found: dict[str, Records] = {}
    for figures in comparison.sections:
        for table in section_tables(comparison, figures):
            found.setdefault(table.name, Records()).add(table, setting=figures.section.title)
    whole: Iterable[Table[Any]] = (
        run_table(comparison),
        left_out_table(comparison.left_out),
        config_table(comparison, joined=False),
    )
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
    bands = (
        (each.section.title, figures.group.label, name, band)
        for each in comparison.sections
        for figures in each.groups
        for name, band in figures.curves.items()
    )
    for *place, band in bands:
        mean, low, high = (
            [f"{value:.{DIGITS}g}" for value in values.tolist()]
            for values in (band.mean, band.low, band.high)
        )
        epochs = range(1, len(mean) + 1)
        writer.writerows(zip(*map(repeat, place), epochs, mean, low, high, repeat(band.runs), strict=False))
        head = dict(zip(CURVE_COLUMNS, place, strict=False)) | {"runs": band.runs}
        lists = (("mean", mean), ("lowest", low), ("highest", high))
        values = "".join(f', "{key}": [{", ".join(each)}]' for key, each in lists)
        lines.append(json.dumps(head)[:-1] + values + "}")
    return stream.getvalue(), lines
