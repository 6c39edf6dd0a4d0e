"""The comparison as CSV and JSON."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.runs.record import write_text

DIGITS = 6
"""Significant digits of the curves; everything else is written in full."""


def write_tables(comparison: Comparison, found: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write every table as `NAME.csv`, and all of them with the words around them as `comparison.json`."""
    for name, table in found.items():
        precision = f"%.{DIGITS}g" if name == "curves" else None
        text = table.to_csv(index=False, lineterminator="\n", float_format=precision)
        write_text(folder / f"{name}.csv", text)
    write_text(folder / "comparison.json", "{\n" + ",\n".join(json_parts(comparison, found)) + "\n}\n")


def json_parts(comparison: Comparison, found: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """The keys of the JSON object with their values, a row a line.

    Curves are lists, a value an epoch; as rows they would be most of the file.
    """
    lists = {"answer": comparison.answer, "notes": comparison.notes, "methods": comparison.methods}
    for name, sentences in lists.items():
        yield f"{json.dumps(name)}: {json.dumps(sentences)}"
    for name, table in found.items():
        rows = curve_rows(comparison) if name == "curves" else map(plain, table.to_dict("records"))
        lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
        yield f"{json.dumps(name)}: [\n{lines}\n]"


def curve_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One object for each group and curve."""
    for each in comparison.sections:
        for figures in each.groups:
            for name, band in figures.curves.items():
                yield {
                    "setting": each.section.title,
                    "group": figures.group.label,
                    "curve": name,
                    "runs": band.runs,
                    "mean": shortened(band.mean),
                    "lowest": shortened(band.low),
                    "highest": shortened(band.high),
                }


def shortened(values: NDArray[np.float64]) -> list[float | None]:
    """The values in DIGITS significant digits; what is not finite is null."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values.tolist()]


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as JSON can hold it: what is not there, or not finite, is null."""
    return {
        str(key): None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
