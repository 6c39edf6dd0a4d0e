"""What localization says: tables for the screen and the same as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.evaluation.opened import Trained
from dilated_cifar.inspection.localization.measures import ALL, IOU, Outcome, Share
from dilated_cifar.inspection.localization.pictures import Shown

DEFINITIONS = {
    "named": "the network names the scene's class",
    "localized": f"it names the class, and the box of the class it names overlaps the true box by at least "
    f"{IOU} (intersection over union)",
    "true class": "the box of the true class overlaps as much, whatever the network names",
    "IoU": "mean overlap of the true class's box; 0 where no place wins and passes",
    "pointing": "the true class's map is highest inside the true box (Zhang et al. 2016); for boxes that do "
    "not depend on the class, their middle lies there",
    "its places": "the smallest box around the places of the class map where the class wins over all others "
    "and its response is above the threshold (Yu, Koltun & Funkhouser 2017, section 3)",
    "upsampled": "the same after bilinear interpolation of the class maps to the pixels",
    "whole, centre": "the whole canvas, and a square in its middle: boxes that see nothing, with the class "
    "that the network names; the side of the square is the best on scenes of training images",
    "95%": "interval over draws of the scenes (Wilson 1927); it says nothing of other trainings",
    "boxless": "share of scenes where no place of the true class wins and passes",
}
CHOSEN = "the one that localizes most scenes of training images"
GIVEN = "as given"


def definitions(config: LocalizeConfig) -> dict[str, str]:
    """What every column and row means, in one call's own terms."""
    return {**DEFINITIONS, "threshold": CHOSEN if config.threshold is None else GIVEN}


def heading(config: LocalizeConfig, side: int) -> str:
    """What was measured, in a line."""
    scales = " to ".join(f"{scale:g}" for scale in config.scales)
    return (
        f"{config.scenes} scenes of test images, {config.canvas}x{config.canvas} pixels, the image at "
        f"{scales} times its size; {config.tuning} scenes of training images to choose on; "
        f"centre box {side}x{side}"
    )


def table_of_all(rows: Sequence[Outcome], title: str) -> Table:
    """Every network's ways of making boxes on all scenes."""
    columns = ("threshold", "named", "localized", "95%", "true class", "IoU", "pointing")
    values = []
    for row in rows:
        figures = row.figures[ALL]
        values.append(
            (
                "" if row.threshold is None else f"{row.threshold:.3g}",
                percent(figures.accuracy),
                percent(figures.localized),
                f"{100 * figures.localized.low:.1f}-{100 * figures.localized.high:.1f}",
                percent(figures.localized_true),
                f"{figures.mean_iou:.2f}",
                percent(figures.pointing),
            )
        )
    return table_of(rows, title, columns, values)


def table_by_background(rows: Sequence[Outcome]) -> Table:
    """Share of scenes localized on each background."""
    names = [name for name in rows[0].figures if name != ALL]
    columns = [f"{name} ({rows[0].figures[name].scenes})" for name in names]
    values = [[percent(row.figures[name].localized) for name in names] for row in rows]
    return table_of(rows, "localized, by background (scenes)", columns, values)


def table_of(
    rows: Sequence[Outcome], title: str, columns: Sequence[str], values: Sequence[Sequence[str]]
) -> Table:
    """A line for every way of making boxes, the network named once."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("network", overflow="fold", min_width=7)
    table.add_column("box", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    before = None
    for row, cells in zip(rows, values, strict=True):
        table.add_row("" if row.network == before else row.network, row.method, *cells)
        before = row.network
    return table


def table_of_pictures(
    paths: Sequence[Path],
    sizes: Sequence[tuple[int, int]],
    networks: Sequence[tuple[str, Sequence[Shown]]],
) -> Table:
    """What each network names in each picture, and where."""
    table = Table(title="boxes: top, left, bottom, right in pixels of the picture", title_justify="left")
    for name in ("picture", "network", "class", "box"):
        table.add_column(name, overflow="fold")
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        for label, seen in networks:
            box = box_on(size, seen[number])
            where = "none: no place passes" if box is None else ", ".join(f"{edge:.0f}" for edge in box)
            table.add_row(str(path), label, seen[number].named, where)
    return table


def box_on(size: tuple[int, int], seen: Shown) -> list[float] | None:
    """The box in pixels of a picture of that height and width, of which a scaled one was seen."""
    if seen.box is None:
        return None
    scales = [before / after for before, after in zip(size, seen.heat.shape, strict=True)] * 2
    return [edge * scale for edge, scale in zip(seen.box, scales, strict=True)]


def percent(share: Share) -> str:
    """A share as it is printed."""
    return f"{100 * share.value:.1f}%"


def as_data(
    trained: Sequence[Trained], rows: Sequence[Outcome], config: LocalizeConfig, side: int
) -> dict[str, Any]:
    """All figures as plain data."""
    return {
        "definitions": definitions(config),
        "checkpoints": {each.label: {"path": str(each.path), "epoch": each.epoch} for each in trained},
        "canvas": config.canvas,
        "scales": list(config.scales),
        "seed": config.seed,
        "tuning_scenes": config.tuning,
        "threshold": config.threshold,
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
