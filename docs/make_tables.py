"""Rewrite the tables of the pages from the data in docs/results: `python docs/make_tables.py`.

Between `<!-- table NAME -->` and `<!-- end of table -->` stands a table that is made of the CSV file of its
name; one with a column of seeds is shown as means with intervals. Between `<!-- study NAME ... -->` and
`<!-- end of table -->` stands what `study_tables.py` says of a study's runs.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from study_tables import interval, markdown, study

from dilated_cifar.comparison.statistics import mean_interval

RESULTS = Path(__file__).parent / "results"
PAGES = [Path(__file__).parents[1] / "README.md", *sorted(Path(__file__).parent.rglob("*.md"))]
MARKED = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
STUDIES = re.compile(r"(<!-- study (\S+(?: \S+)*) -->\n).*?(<!-- end of table -->)", re.DOTALL)

LOCALIZED = "{localized}% ({low} to {high})"
TABLES: Mapping[str, Mapping[str, str]] = {
    "drn_gridding": {
        "network": "{network}",
        "seeds": "{seeds}",
        "lattice share at initialization": "{lattice_share_initial}",
        "lattice share, trained": "{lattice_share}",
        "V(1)/V(r) at initialization": "{variogram_initial}",
        "V(1)/V(r), trained": "{variogram}",
    },
    "drn_cost": {
        "network": "{network}",
        "layout": "{layout}",
        "parameters": "{parameters:,}",
        "multiply-adds": "{multiply_adds}",
        "minutes an epoch": "{minutes_an_epoch}",
    },
    "localization": {
        "network": "{network}",
        "seeds": "{seeds}",
        "accuracy (%)": "{classified}",
        "Top-1 localization (%)": "{native}",
        "Top-1, upsampled": "{upsampled}",
        "Top-1 of the centre box": "{centre}",
        "GT-known localization (%)": "{native_given}",
        "GT-known, upsampled": "{upsampled_given}",
        "pointing game (%)": "{pointing}",
    },
    "localization_trained_on_scenes": {
        "network": "{network}",
        "accuracy": "{classified}%",
        "Top-1 localization (95% interval)": LOCALIZED,
        "GT-known localization": "{gt_known}%",
        "accuracy on the test images themselves": "{whole_images}%",
        "minutes": "{minutes}",
    },
    "speed": {
        "network": "`{network}`",
        "precision": "{precision}",
        "images/s": "{project:,} ({project_low:,} to {project_high:,})",
        "usual way": "{usual:,} ({usual_low:,} to {usual_high:,})",
        "Lightning": "{lightning:,} ({lightning_low:,} to {lightning_high:,})",
        "evaluation": "{evaluation:,}",
        "of peak": "{peak_share}%",
        "MB": "{memory}",
    },
    "resnet_trials": {
        "epochs": "{epochs}",
        "trained on": "{trained_on}",
        "learning rate": "{lr}",
        "weight decay": "{weight_decay}",
        "cutout": "{cutout}",
        "validation accuracy": "{validation}%",
        "training accuracy": "{train}%",
        "minutes": "{minutes}",
    },
    "teacher_trials": {
        "teacher": "{teacher}",
        "its validation accuracy (%)": "{own}",
        "temperature": "{temperature}",
        "validation accuracy (%)": "{validation}",
    },
    "lion": {"optimizer": "{network}", "seeds": "{seeds}", "test accuracy (%)": "{test}"},
    "commands": {"command": "{command}", "took": "{took}"},
}
"""Of each table its columns: the heading, and how a row of the CSV file fills it."""
FILES = {"drn_gridding": "resolution_networks", "localization": "resolution_networks"}
"""The CSV file of a table that does not bear its name."""


def read(name: str) -> list[dict[str, str]]:
    """The rows of `docs/results/NAME.csv`."""
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(name: str) -> str:
    """A table in Markdown, made of its CSV file."""
    columns = TABLES[name]
    rows, found = [], read(FILES.get(name, name))
    for row in over_seeds(found) if "seed" in found[0] else found:
        values = {key: int(value) if value.isdecimal() else value or "–" for key, value in row.items()}
        rows.append([cell.format(**values) for cell in columns.values()])
    return markdown([dict(zip(columns, row, strict=True)) for row in rows])


def over_seeds(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """A row for each network, with the mean of its runs and its 95% interval in place of each figure."""
    found = []
    for network in dict.fromkeys(row["network"] for row in rows):
        runs = [row for row in rows if row["network"] == network]
        cells = {"network": network, "seeds": str(len(runs))}
        for name in runs[0].keys() - {"network", "seed"}:
            given = [row[name] for row in runs if row[name]]
            cells[name] = mean_of(given) if given else ""
        found.append(cells)
    return found


def mean_of(figures: Sequence[str]) -> str:
    """A mean with its interval, to as many decimals as the figures have."""
    decimals = len(figures[0].partition(".")[2])
    estimate = mean_interval([float(each) for each in figures])
    return interval(estimate, lambda value: f"{value:.{decimals}f}", "")


def filled(page: str) -> str:
    """The text of a page with the tables as the data have them now."""
    page = MARKED.sub(lambda found: found[1] + table(found[2]) + found[3], page)
    return STUDIES.sub(lambda found: found[1] + study(found[2]) + found[3], page)


if __name__ == "__main__":
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        path.write_text(filled(text), encoding="utf-8")
