"""Keep what was measured inside the networks of a study, beside its runs, which are kept without weights.

`python docs/keep_figures.py STUDY EXPLAINED LOCALIZED` writes docs/results/STUDY_networks.csv, a row for
each run, of the folders that `explain` and `localize` wrote of the runs outputs/STUDY/NETWORK/seed-N. Shares
of scenes are in percent; what stands for random initialization is the mean of the networks explain draws.
"""

import csv
import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

RESULTS = Path(__file__).parent / "results"
MEASURES = {"lattice_share": "lattice_share", "variogram": "variogram_ratio"}
"""Columns of what explain measures, by its keys; each is followed by one at random initialization."""


def main(study: str, explained: Path, localized: Path) -> None:
    """Write the CSV file."""
    rows = {place(each["checkpoint"]): seen(each) for each in read(explained / "inspection.json")["networks"]}
    content = read(localized / "localization.json")
    paths = {label: found["path"] for label, found in content["checkpoints"].items()}
    for each in content["results"]:
        if each["box"] != "whole":
            rows[place(paths[each["network"]])] |= boxes(each["box"], each["figures"]["all"])
    with (RESULTS / f"{study}_networks.csv").open("w", encoding="utf-8", newline="") as file:
        names = list(next(iter(rows.values())))
        writer = csv.DictWriter(file, ["network", "seed", *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {"network": network, "seed": seed} | row for (network, seed), row in sorted(rows.items())
        )


def read(path: Path) -> dict[str, Any]:
    """The content of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def place(checkpoint: str) -> tuple[str, str]:
    """Network and seed of `.../NETWORK/seed-N/checkpoints/best.pt`."""
    run = Path(checkpoint).parents[1]
    return run.parent.name, run.name.removeprefix("seed-")


def seen(network: dict[str, Any]) -> dict[str, str]:
    """What explain measured of a network, empty where it has no such layer."""
    row = {}
    for column, key in MEASURES.items():
        found = network["measures"].get(key)
        given = found is not None and found["trained"] is not None
        row[column] = f"{found['trained']:.2f}" if given else ""
        row[f"{column}_initial"] = f"{fmean(found['randomly_initialised']):.2f}" if given else ""
    return row


def boxes(kind: str, figures: dict[str, Any]) -> dict[str, str]:
    """What localize measured of a network's boxes of one kind."""
    shares = {"classified": "accuracy", f"{kind}": "localized", f"{kind}_given": "localized_true"}
    if kind == "native":
        shares["pointing"] = "pointing"
    return {column: f"{100 * figures[key]['value']:.1f}" for column, key in shares.items()}


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
