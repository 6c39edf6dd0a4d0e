"""From checkpoints to tables and pictures of where their networks see what they name."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from rich.table import Table
from torch import Tensor

from dilated_cifar.config.data import CIFAR10_MEAN, CIFAR10_STD, Cifar10Config
from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.config.run import differing_keys
from dilated_cifar.data.scenes import BACKGROUNDS, Scenes, make_scenes
from dilated_cifar.data.splits import load_split
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.localization.boxes import boxes_around, overlaps, winning_responses
from dilated_cifar.evaluation.localization.maps import class_grid, class_maps, to_pixels, upsample
from dilated_cifar.evaluation.localization.measures import (
    ALL,
    AS_IT_IS,
    IOU,
    Outcome,
    Share,
    ask,
    choose_side,
    choose_threshold,
    outcomes,
)
from dilated_cifar.evaluation.localization.pictures import Shown, draw_localization
from dilated_cifar.evaluation.opened import Trained, data_here, folder_for, open_all
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_pixels, scale_to

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


def localize_scenes(config: LocalizeConfig) -> None:
    """Measure localization on scenes of test images, with thresholds chosen on those of training images.

    Raises:
        UserError: a checkpoint, the data or the output folder is not as expected.
    """
    trained = open_networks(config)
    tuning, scenes = scenes_of(trained, "train", config), scenes_of(trained, "test", config)
    side = choose_side(tuning)
    found = {
        each.label: outcomes(each, tuning, scenes, side=side, threshold=config.threshold) for each in trained
    }
    output = Output(folder_of(trained, config))
    rows = [outcome for of_network in found.values() for outcome in of_network]
    heading = (
        f"{len(scenes)} scenes of test images, {config.canvas}x{config.canvas} pixels, the image at "
        f"{config.scales[0]:g} to {config.scales[1]:g} times its size; threshold from {len(tuning)} scenes "
        f"of training images; centre box {side}x{side}"
    )
    output.console.print(table_of_all(rows, heading))
    output.console.print()
    output.console.print(table_by_background(rows))
    output.console.print()
    for name, meaning in DEFINITIONS.items():
        output.console.print(f"{name}: {meaning}", style="dim")
    output.note("localization", as_data(trained, rows, config, side))
    thresholds = {label: of_network[0].threshold for label, of_network in found.items()}
    output.draw("localization", scene_pictures(trained, scenes, thresholds, config))
    output.close()


def localize_pictures(config: LocalizeConfig) -> None:
    """Draw heat maps and boxes on the user's own pictures.

    Raises:
        UserError: a checkpoint, a picture, the data or the output folder is not as expected.
    """
    paths = find_images(config.images)
    trained = open_networks(config)
    whole = [read_pixels(path) for path in paths]
    pictures = [scale_to(picture, config.canvas) for picture in whole]
    networks = []
    numbers: list[dict[str, Any]] = []
    for each in trained:
        for path, before, picture in zip(paths, whole, pictures, strict=True):
            grid = class_grid(each, (picture.shape[1], picture.shape[2]), key=f"images={path}")
            if before.shape[1] < grid.shape[0] or before.shape[2] < grid.shape[1]:
                raise UserError(
                    f"images={path}: {before.shape[1]}x{before.shape[2]} pixels, fewer than the "
                    f"{grid.shape[0]}x{grid.shape[1]} places of the class map of {each.label}; expected a "
                    "picture at least as large as the map"
                )
        threshold = config.threshold
        if threshold is None:
            tuning = scenes_of([each], "train", config)
            threshold = choose_threshold(ask(each, tuning), AS_IT_IS, tuning)
        shown = [look(each, picture, threshold) for picture in pictures]
        networks.append((each.label, shown))
        answers = [
            {"picture": str(path), "class": seen.title, "size": list(picture.shape[1:]), "box": seen.box}
            for path, picture, seen in zip(paths, pictures, shown, strict=True)
        ]
        numbers.append({"checkpoint": str(each.path), "threshold": threshold, "pictures": answers})
    output = Output(folder_of(trained, config))
    output.console.print(table_of_pictures(paths, networks))
    output.note("pictures", {"canvas": config.canvas, "networks": numbers})
    names = [path.stem for path in paths]
    output.draw("pictures", draw_localization(pictures, names, None, networks))
    output.close()


def open_networks(config: LocalizeConfig) -> list[Trained]:
    """The networks of all checkpoints, which must share the data set whose scenes they see.

    Raises:
        UserError: they do not, or another size of their images would be another class.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    trained = open_all(config.checkpoint, device=config.device)
    first = trained[0].config.data
    for each in trained:
        data = each.config.data
        if not isinstance(data, Cifar10Config):
            raise UserError(
                f"checkpoint={each.path}: trained with data={data.family}, whose classes are distances that "
                "another size changes; expected a network trained with data=cifar10"
            )
        different = differing_keys({"data": asdict(data)}, {"data": asdict(first)})
        if different:
            raise UserError(
                f"checkpoint={each.path}: {different[0]} is not that of {trained[0].path}, so that the same "
                "scenes would not be fair; localize them one at a time"
            )
    return trained


def folder_of(trained: Sequence[Trained], config: LocalizeConfig) -> Path:
    """Where the results go."""
    return Path(config.output) if config.output is not None else folder_for(trained, "localize")


def scenes_of(trained: Sequence[Trained], split: str, config: LocalizeConfig) -> Scenes:
    """Scenes of the training split, which choose thresholds, or of the test split, which are measured.

    Raises:
        UserError: the split has too few images, or cannot be had.
    """
    data = data_here(trained[0].config.data, config.data)
    key, count = ("scenes", config.scenes) if split == "test" else ("tuning", config.tuning)
    images = load_split(data, split)
    if count > len(images):
        raise UserError(f"{key}={count}: expected at most the {len(images)} images of the {split} split")
    return make_scenes(
        images,
        count=count,
        canvas=config.canvas,
        scales=config.scales,
        mean=CIFAR10_MEAN,
        std=CIFAR10_STD,
        seed=config.seed,
    )


def scene_pictures(
    trained: Sequence[Trained], scenes: Scenes, thresholds: dict[str, float | None], config: LocalizeConfig
) -> Figure:
    """Draw some scenes, of every background in turn, with what each network sees in them."""
    by_background = [(scenes.backgrounds == number).nonzero().flatten() for number in range(len(BACKGROUNDS))]
    turns = zip_longest(*(numbers.tolist() for numbers in by_background))
    chosen = [number for turn in turns for number in turn if number is not None][: config.shown]
    images = [scenes.images[number] for number in chosen]
    names = [trained[0].class_names[scenes.labels[number]] for number in chosen]
    boxes = [scenes.boxes[number].tolist() for number in chosen]
    networks = []
    for each in trained:
        threshold = thresholds[each.label]
        assert threshold is not None
        seen = [look(each, scenes.images[number], threshold, scenes.boxes[number]) for number in chosen]
        networks.append((each.label, seen))
    return draw_localization(images, names, boxes, networks)


def look(trained: Trained, image: Tensor, threshold: float, true: Tensor | None = None) -> Shown:
    """What a network sees in one image, uint8 [3, H, W]; with the true box, how much its own overlaps it."""
    (maps,) = class_maps(trained, image[None])
    grid = class_grid(trained, (image.shape[1], image.shape[2]), key="image")
    named = maps.mean((2, 3)).argmax(1)
    responses = winning_responses(maps, named)
    box = boxes_around(responses, threshold, grid)
    dense, _ = upsample(maps, grid)
    title = trained.class_names[int(named)]
    if true is not None:
        title += f", IoU {overlaps(box, true[None]).item():.2f}"
    mask = to_pixels(responses[0] > threshold, grid)
    return Shown(title, dense[0, int(named)], mask, None if box.isnan().any() else box[0].tolist())


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
