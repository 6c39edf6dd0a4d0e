"""How many scenes are localized? Figures and tables of networks and of image-independent baselines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.table import Table
from rich.text import Text
from torch import Tensor

from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.data.scenes import BACKGROUNDS, Scenes
from dilated_cifar.evaluation.intervals import wilson_interval
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.answers import plain_table
from dilated_cifar.inspection.localization.boxes import (
    areas,
    boxes_around,
    centre_boxes,
    contains,
    overlaps,
)
from dilated_cifar.inspection.localization.grid import Grid
from dilated_cifar.inspection.localization.responses import IOU, NATIVE, choose_threshold, respond
from dilated_cifar.percentages import percent
from dilated_cifar.progress import Steps

ALL = "all"
WHOLE, CENTRE = "whole", "centre"
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


@dataclass(frozen=True)
class Share:
    """A share of scenes with its 95% interval over draws of the scenes (Wilson 1927)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SceneFigures:
    """How well one way of making boxes does on some scenes."""

    scenes: int
    accuracy: Share
    """Scenes whose class is predicted."""
    localized: Share
    """Scenes whose class is predicted and whose box, of the predicted class, overlaps enough."""
    localized_true: Share
    """Scenes whose box of the true class overlaps enough, whatever is predicted."""
    mean_iou: float
    """Mean overlap of the true class's box; 0 counts where there is none."""
    pointing: Share
    """Scenes where the point lies in the true box: the highest cell of the true class's map, or the centre of
    the box for boxes that do not depend on the class (Zhang et al. 2016)."""
    boxless: float
    """Share of scenes without a box of the true class: it wins in no cell above the threshold."""


@dataclass(frozen=True)
class Outcome:
    """One way of making boxes, its threshold (None where it has none), its figures by background."""

    network: str
    box: str
    threshold: float | None
    figures: dict[str, SceneFigures]


def outcomes(
    trained: Trained,
    grid: Grid,
    tuning: Scenes,
    scenes: Scenes,
    *,
    side: int,
    threshold: float | None,
    steps: Steps,
) -> list[Outcome]:
    """Localize scenes by a network's class maps at each resolution, and by image-independent boxes.

    Args:
        trained: The network.
        grid: Of its class maps on the scenes.
        tuning: Scenes of training images, which choose the threshold.
        scenes: Scenes of test images.
        side: Of the centre box, as `choose_side` gives it for the tuning scenes.
        threshold: For every resolution, instead of the chosen one.
        steps: What is being done; two of them.
    """
    steps.begin(f"{trained.label}: {len(scenes)} scenes of test images")
    answers = respond(trained, scenes, grid)
    steps.next(f"{trained.label}: threshold on {len(tuning)} scenes of training images")
    tuned = respond(trained, tuning, grid) if threshold is None else None
    steps.done()
    found = []
    for resolution, responses in answers.responses.items():
        passing = choose_threshold(tuned, resolution, tuning) if tuned is not None else threshold
        assert passing is not None
        own, true = (
            boxes_around(each, passing, responses.grid) for each in (responses.predicted, responses.true)
        )
        figures = by_background(answers.predicted, own, true, responses.peak, scenes)
        found.append(Outcome(trained.label, resolution, passing, figures))
    canvas = scenes.images.shape[-1]
    for box, length in ((WHOLE, canvas), (CENTRE, side)):
        boxes = centre_boxes(len(scenes), length, (canvas, canvas))
        figures = by_background(answers.predicted, boxes, boxes, boxes.view(-1, 2, 2).mean(1), scenes)
        found.append(Outcome(trained.label, box, None, figures))
    return found


def by_background(
    predicted: Tensor, of_predicted: Tensor, of_true: Tensor, points: Tensor, scenes: Scenes
) -> dict[str, SceneFigures]:
    """Figures of boxes of the predicted and of the true class: of all scenes, and of each background."""
    groups = {ALL: torch.ones(len(scenes), dtype=torch.bool)}
    groups |= {name: scenes.backgrounds == number for number, name in enumerate(BACKGROUNDS)}
    right = predicted == scenes.labels
    own, true = overlaps(of_predicted, scenes.boxes), overlaps(of_true, scenes.boxes)
    pointed = contains(scenes.boxes.double(), points)
    boxless = areas(of_true).isnan()
    return {
        name: SceneFigures(
            int(chosen.sum()),
            share(right[chosen]),
            share((right & (own >= IOU))[chosen]),
            share((true >= IOU)[chosen]),
            float(true[chosen].mean()),
            share(pointed[chosen]),
            float(boxless[chosen].double().mean()),
        )
        for name, chosen in groups.items()
        if chosen.any()
    }


def share(hits: Tensor) -> Share:
    """The share of hits, bool [N], with its interval."""
    return Share(float(hits.double().mean()), *wilson_interval(int(hits.sum()), len(hits)))


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
