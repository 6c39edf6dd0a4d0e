"""The comparison as CSV and JSON."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dilated_cifar.reporting.comparison import Comparison
from dilated_cifar.training.folder import write_text


def write_tables(comparison: Comparison, found: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write every table as `NAME.csv`, and all of them with the words around them as `comparison.json`."""
    for name, table in found.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    content = {
        "answer": comparison.answer,
        "notes": comparison.notes,
        "methods": comparison.methods,
        **{name: [plain(row) for row in table.to_dict("records")] for name, table in found.items()},
    }
    write_text(folder / "comparison.json", json.dumps(content, indent=1, allow_nan=False) + "\n")


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as JSON can hold it: what is not there, or not finite, is null."""
    return {
        str(key): None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
        if value is not pd.NA
    }
