"""Draw what each run of a sweep on `data=spacing` can tell: `python docs/draw_lesson.py SWEEP PICTURE`.

The runs come from `python train.py -m experiment=demo model=dilated_125,plain,dilated_222 name=lesson`.
"""

import sys
from pathlib import Path

import numpy as np
import yaml
from matplotlib.figure import Figure

COLOURS = ["#0072b2", "#d55e00", "#009e73"]  # Okabe and Ito 2008: distinct to colour-blind readers


def draw(sweep: Path) -> Figure:
    """The share of test images told rightly against the distance of the dots, a panel a run."""
    folders = sorted(path.parent for path in sweep.glob("*/summary.json"))
    figure = Figure(figsize=(9, 2.9), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(folders), sharey=True)
    for axes, folder, colour in zip(panels, folders, COLOURS, strict=False):
        config = yaml.safe_load((folder / "config.yaml").read_text())
        predictions = np.load(folder / "test_predictions.npz")
        right = predictions["predicted"] == predictions["labels"]
        distances = range(config["data"]["smallest"], config["data"]["largest"] + 1)
        shares = [100 * right[predictions["labels"] == label].mean() for label in range(len(distances))]
        axes.bar(distances, shares, color=colour)
        axes.set_title(f"dilations {config['model']['dilations']}: {right.mean():.2%}")
        axes.set_xlabel("distance of the dots (pixels)")
        axes.set_xticks(list(distances))
    panels[0].set_ylabel("told rightly (%)")
    return figure


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(Path(sys.argv[1])).savefig(sys.argv[2])
