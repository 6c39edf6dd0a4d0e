"""Draw the accuracy on `data=spacing` by distance, a panel for each choice of rates.

    python docs/draw_lesson.py SWEEP FILE

The runs come from `python train.py -m experiment=demo model=dilated_125,plain,dilated_222 name=lesson`; with
`seed=0,1,2` besides, the means over the seeds are drawn.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
import yaml
from matplotlib.figure import Figure

COLOURS = ["#009e73", "#d55e00", "#0072b2"]  # Okabe and Ito 2008: distinct to colour-blind readers


def measure(sweep: Path) -> dict[str, list[dict[int, float]]]:
    """By rates, small fields first, the test accuracy of each run in percent at each distance."""
    runs = defaultdict(list)
    for folder in sorted(path.parent for path in sweep.glob("*/summary.json")):
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        predictions = np.load(folder / "test_predictions.npz")
        labels, correct = predictions["labels"], predictions["predicted"] == predictions["labels"]
        distances = range(config["data"]["smallest"], config["data"]["largest"] + 1)
        accuracies = (100 * float(correct[labels == label].mean()) for label in range(len(distances)))
        runs[tuple(config["model"]["dilations"])].append(dict(zip(distances, accuracies, strict=True)))
    return {",".join(map(str, rates)): runs[rates] for rates in sorted(runs, key=sum)}


def draw(measured: Mapping[str, list[dict[int, float]]]) -> Figure:
    """Accuracy against the distance of the dots, a panel for each item of `measure`."""
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    panels = figure.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    for axes, (rates, runs), colour in zip(panels, measured.items(), COLOURS, strict=False):
        # There are as many images of each distance, so that the mean over distances is the accuracy.
        mean = {distance: fmean(run[distance] for run in runs) for distance in runs[0]}
        axes.bar(list(mean), list(mean.values()), color=colour)
        axes.set_title(f"rates {rates}: accuracy {fmean(mean.values()):.2f}%", fontsize=11)
        axes.set_xlabel("distance of the dots (pixels)")
        axes.set_xticks(list(mean))
    several = any(len(runs) > 1 for runs in measured.values())
    panels[0].set_ylabel("accuracy (%), mean over seeds" if several else "accuracy (%)")
    return figure


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(measure(Path(sys.argv[1]))).savefig(sys.argv[2], dpi=120)
