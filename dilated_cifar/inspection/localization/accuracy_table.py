"""The accuracy of localization shown: tables, sentences and plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.answers import plain_table
from dilated_cifar.inspection.localization.accuracy import ALL, CENTRE, Outcome, Share
from dilated_cifar.inspection.localization.responses import IOU, NATIVE
from dilated_cifar.percentages import percent

DEFINITIONS = {
    "accuracy": "share of scenes whose class is predicted",
    "localized": "top-1 localization: share of scenes whose class is predicted and where the box of the "
    f"predicted class overlaps the true box by at least {IOU} (intersection over union)",
    "GT-known": "share of scenes where the box of the true class overlaps as much, whatever is predicted",
    "IoU": "mean overlap of the true class's box; 0 where there is no box",
    "pointing": "share of scenes where the true class's map is highest inside the true box (Zhang et al. "
    "2016); for boxes that do not depend on the class, where their centre lies inside it",
    "native": "the smallest box around the cells of the class map where the class has the highest response "
    "of all classes and that response is above the threshold (Yu, Koltun & Funkhouser 2017, section 3)",
    "upsampled": "the same after bilinear interpolation of the class maps to the pixels",
    "whole, centre": "the whole canvas, and a square in its middle: image-independent baselines, with the "
    "class that the network predicts; the side of the square is the best on scenes of training images",
    "95%": "interval over draws of the scenes (Wilson 1927); it says nothing about other trainings",
    "boxless": "share of scenes without a box of the true class",
}


def definitions(config: LocalizeConfig) -> dict[str, str]:
    """What every column and row means in this call."""
    chosen = "the one that localizes most scenes of training images"
    return {**DEFINITIONS, "threshold": chosen if config.threshold is None else "as given"}


def heading(config: LocalizeConfig, side: int) -> str:
    """What was measured, in a line."""
    scales = " to ".join(f"{scale:g}" for scale in config.scales)
    return (
        f"{config.scenes} scenes of test images, {config.canvas}x{config.canvas} pixels, the image at "
        f"{scales} times its size; {config.tuning} scenes of training images to choose on; "
        f"centre box {side}x{side}"
    )


def verdicts(rows: Sequence[Outcome]) -> list[Text]:
    """In a line a network: the share localized by its own class maps, beside the centre box."""
    lines = []
    for own in (row for row in rows if row.box == NATIVE):
        centre = next(row for row in rows if (row.network, row.box) == (own.network, CENTRE))
        found, base = own.figures[ALL].localized, centre.figures[ALL].localized
        lines.append(
            Text(
                f"{own.network}: localizes {percent(found.value, 1)} of the scenes (95% interval "
                f"{bounds(found)}), the centre box {percent(base.value, 1)}",
                style="bold",
            )
        )
    return lines


def table_of_all(rows: Sequence[Outcome], title: str) -> Table:
    """Every network's ways of making boxes on all scenes."""
    columns = ("threshold", "accuracy", "localized", "95%", "GT-known", "IoU", "pointing")
    values = [
        (
            "" if row.threshold is None else f"{row.threshold:.3g}",
            percent(figures.accuracy.value, 1),
            percent(figures.localized.value, 1),
            bounds(figures.localized),
            percent(figures.localized_true.value, 1),
            f"{figures.mean_iou:.2f}",
            percent(figures.pointing.value, 1),
        )
        for row, figures in ((row, row.figures[ALL]) for row in rows)
    ]
    return table_of(rows, title, columns, values)


def bounds(share: Share) -> str:
    """The interval of a share in percent."""
    return f"{100 * share.low:.1f}-{100 * share.high:.1f}"


def table_by_background(rows: Sequence[Outcome]) -> Table:
    """Share of scenes localized on each background."""
    scenes = {name: figures.scenes for name, figures in rows[0].figures.items() if name != ALL}
    columns = [f"{name} ({count})" for name, count in scenes.items()]
    values = [[percent(row.figures[name].localized.value, 1) for name in scenes] for row in rows]
    return table_of(rows, "localized, by background (scenes)", columns, values)


def table_of(
    rows: Sequence[Outcome], title: str, columns: Sequence[str], values: Sequence[Sequence[str]]
) -> Table:
    """A line for every way of making boxes, each network's label once."""
    table = plain_table(title)
    table.add_column("network", overflow="fold", min_width=7)
    table.add_column("box", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    before = None
    for row, cells in zip(rows, values, strict=True):
        table.add_row("" if row.network == before else row.network, row.box, *cells)
        before = row.network
    return table


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
        "results": [asdict(row) for row in rows],
    }
