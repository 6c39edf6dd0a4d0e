"""Draw the accuracy of each run on `data=spacing` by distance: `python docs/draw_lesson.py SWEEP FILE`.

The runs come from `python train.py -m experiment=demo model=dilated_125,plain,dilated_222 name=lesson`. A
file ending in .csv gets the drawn numbers instead; docs/results/spacing.csv holds those of the picture.
"""

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml
from matplotlib.figure import Figure

COLOURS = ["#009e73", "#d55e00", "#0072b2"]  # Okabe and Ito 2008: distinct to colour-blind readers


def measure(sweep: Path) -> list[dict[str, str]]:
    """Test accuracy of each run in percent, over all images and for each distance; small fields first."""
    rows = []
    for folder in sorted(path.parent for path in sweep.glob("*/summary.json")):
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        predictions = np.load(folder / "test_predictions.npz")
        labels, correct = predictions["labels"], predictions["predicted"] == predictions["labels"]
        row = {
            "network": folder.name,
            "dilations": ",".join(map(str, config["model"]["dilations"])),
            "test_accuracy": f"{100 * correct.mean():.2f}",
        }
        for label, distance in enumerate(range(config["data"]["smallest"], config["data"]["largest"] + 1)):
            row[f"distance_{distance}"] = f"{100 * correct[labels == label].mean():.1f}"
        rows.append(row)
    return sorted(rows, key=lambda row: sum(map(int, row["dilations"].split(","))))


def draw(rows: Sequence[Mapping[str, str]]) -> Figure:
    """Accuracy against the distance of the dots, a panel for each row of `measure`."""
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    panels = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    for axes, row, colour in zip(panels, rows, COLOURS, strict=False):
        accuracies = {
            int(key.removeprefix("distance_")): float(value)
            for key, value in row.items()
            if key.startswith("distance_")
        }
        axes.bar(list(accuracies), list(accuracies.values()), color=colour)
        axes.set_title(f"rates {row['dilations']}: accuracy {row['test_accuracy']}%", fontsize=11)
        axes.set_xlabel("distance of the dots (pixels)")
        axes.set_xticks(list(accuracies))
    panels[0].set_ylabel("accuracy (%)")
    return figure


def main(sweep: Path, target: Path) -> None:
    """Draw the runs of a sweep, or write their numbers as CSV."""
    rows = measure(sweep)
    if target.suffix == ".csv":
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    else:
        draw(rows).savefig(target, dpi=120)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
