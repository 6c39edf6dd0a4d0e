"""What localization says: tables for the screen and the same as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.evaluation.localization.measures import ALL, IOU, Outcome, Share
from dilated_cifar.evaluation.localization.pictures import Shown
from dilated_cifar.evaluation.opened import Trained

DEFINITIONS = {
    "named": "the network names the scene's class",
    "localized": f"it names the class, and the box of the class it names overlaps the true "
    f"box by at least {IOU} (intersection over union)",
    "true class": "the box of the true class overlaps as much, whatever the network names",
    "IoU": "mean overlap of the true class's box; 0 where no place wins and passes",
    "pointing": "the true class's map is highest inside the true box (Zhang et al. 2016); for boxes that do "
    "not depend on the class, their middle lies there",
    "its places": "the smallest box around the places of the class map where the class wins over all others "
    "and its response is above the threshold (Yu, Koltun & Funkhouser 2017, section 3)",
    "upsampled": "the same after bilinear interpolation of the class maps to the pixels",
    "whole, centre": "the whole canvas, and a square in its middle: boxes that see "
    "nothing, with the class that the network names",
    "threshold": "chosen on scenes of training images, where it localizes most; so is the side of the "
    "centre box",
    "95%": "interval over draws of the scenes (Wilson 1927); it says nothing of other trainings",
}


def table_of_all(rows: Sequence[Outcome], heading: str) -> Table:
    """Every network's ways of making boxes on all scenes."""
    table = Table(title=heading, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("network", overflow="fold")
    table.add_column("box", overflow="fold")
    for name in ("threshold", "named", "localized", "95%", "true class", "IoU", "pointing"):
        table.add_column(name, justify="right", no_wrap=True)
    before = None
    for row in rows:
        figures = row.figures[ALL]
        table.add_row(
            "" if row.network == before else row.network,
            row.method,
            "" if row.threshold is None else f"{row.threshold:.2f}",
            percent(figures.accuracy),
            percent(figures.localized),
            f"{100 * figures.localized.low:.1f}-{100 * figures.localized.high:.1f}",
            percent(figures.localized_true),
            f"{figures.mean_iou:.2f}",
            percent(figures.pointing),
        )
        before = row.network
    return table


def table_by_background(rows: Sequence[Outcome]) -> Table:
    """Share of scenes localized on each background."""
    names = [name for name in rows[0].figures if name != ALL]
    counts = ", ".join(f"{rows[0].figures[name].scenes} {name}" for name in names)
    title = f"localized by background ({counts})"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("network", overflow="fold")
    table.add_column("box", overflow="fold")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    before = None
    for row in rows:
        values = [percent(row.figures[name].localized) for name in names]
        table.add_row("" if row.network == before else row.network, row.method, *values)
        before = row.network
    return table


def table_of_pictures(paths: Sequence[Path], networks: Sequence[tuple[str, Sequence[Shown]]]) -> Table:
    """What each network names in each picture, and where."""
    table = Table(title="top, left, bottom, right in pixels of the scaled picture", title_justify="left")
    for name in ("picture", "network", "class", "box"):
        table.add_column(name, overflow="fold")
    for number, path in enumerate(paths):
        for label, seen in networks:
            box = seen[number].box
            where = "none: no place passes" if box is None else ", ".join(f"{edge:g}" for edge in box)
            table.add_row(str(path), label, seen[number].title, where)
    return table


def percent(share: Share) -> str:
    """A share as it is printed."""
    return f"{100 * share.value:.1f}%"


def as_data(
    trained: Sequence[Trained], rows: Sequence[Outcome], config: LocalizeConfig, side: int
) -> dict[str, Any]:
    """All figures as plain data."""
    return {
        "definitions": DEFINITIONS,
        "checkpoints": {each.label: {"path": str(each.path), "epoch": each.epoch} for each in trained},
        "canvas": config.canvas,
        "scales": list(config.scales),
        "seed": config.seed,
        "tuning_scenes": config.tuning,
        "centre_side": side,
        "results": [
            {
                "network": row.network,
                "box": row.method,
                "threshold": row.threshold,
                "figures": {name: asdict(figures) for name, figures in row.figures.items()},
            }
            for row in rows
        ],
    }
