"""Rewrite the tables of the pages from the CSV files in docs/results: `python docs/make_tables.py`.

A table stands on a page between `<!-- table NAME -->` and `<!-- end of table -->`.
"""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PAGES = [Path(__file__).parents[1] / "README.md", *sorted(Path(__file__).parent.rglob("*.md"))]
MARKED = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

TEST_ACCURACY = "{test_accuracy}% ({low} to {high})"
LOCALIZED = "{localized}% ({low} to {high})"
TABLES: Mapping[str, Mapping[str, str]] = {
    "rates": {
        "network": "`{network}`",
        "dilation rates": "{dilations}",
        "receptive field": "{receptive_field} pixels",
        "test accuracy (95% interval)": TEST_ACCURACY,
        "training accuracy": "{train_accuracy}%",
        "train minus validation": "{gap} points",
        "minutes": "{minutes}",
    },
    "drn": {
        "network": "{network}",
        "parameters": "{parameters:,}",
        "multiply-adds": "{multiply_adds}",
        "test accuracy (95% interval)": TEST_ACCURACY,
        "train minus validation": "{gap} points",
        "minutes": "{minutes}",
        "images/s": "{images_per_second:,}",
    },
    "drn_gridding": {
        "network": "{network}",
        "lattice share at initialization": "{lattice_share_initial}",
        "lattice share, trained": "{lattice_share_trained}",
        "V(1)/V(r) at initialization": "{variogram_initial}",
        "V(1)/V(r), trained": "{variogram_trained}",
    },
    "drn_cost": {
        "network": "{network}",
        "layout": "{layout}",
        "parameters": "{parameters:,}",
        "multiply-adds": "{multiply_adds}",
        "minutes an epoch": "{minutes_an_epoch}",
    },
    "localization": {
        "class map of": "{method}",
        "accuracy": "{classified}%",
        "Top-1 localization (95% interval)": LOCALIZED,
        "GT-known localization": "{gt_known}%",
        "pointing game": "{pointing}%",
    },
    "localization_trained_on_scenes": {
        "network": "{network}",
        "accuracy": "{classified}%",
        "Top-1 localization (95% interval)": LOCALIZED,
        "GT-known localization": "{gt_known}%",
        "accuracy on the test images themselves": "{whole_images}%",
        "minutes": "{minutes}",
    },
    "spacing": {
        "network": "`{network}`",
        "dilation rates": "{dilations}",
        "test accuracy": "{test_accuracy}%",
    },
    "speed": {"network": "`{network}`", "images/s": "{images_per_second}"},
    "commands": {"command": "{command}", "took": "{took}"},
}
"""Of each table its columns: the heading, and how a row of the CSV file fills it."""
FILES = {"drn_gridding": "drn"}
"""The CSV file of a table that does not bear its name."""


def read(name: str) -> list[dict[str, str]]:
    """The rows of `docs/results/NAME.csv`."""
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(name: str) -> str:
    """A table in Markdown, made of its CSV file."""
    columns = TABLES[name]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in read(FILES.get(name, name)):
        values = {key: int(value) if value.isdecimal() else value or "–" for key, value in row.items()}
        lines.append("| " + " | ".join(cell.format(**values) for cell in columns.values()) + " |")
    return "\n".join(lines) + "\n"


def filled(page: str) -> str:
    """The text of a page with the tables as the data have them now."""
    return MARKED.sub(lambda found: found[1] + table(found[2]) + found[3], page)


if __name__ == "__main__":
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        path.write_text(filled(text), encoding="utf-8")
