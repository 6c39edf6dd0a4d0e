"""From checkpoints to tables and pictures of where their networks see what they name."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
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
    AS_IT_IS,
    ask,
    choose_side,
    choose_threshold,
    outcomes,
)
from dilated_cifar.evaluation.localization.pictures import Shown, draw_localization
from dilated_cifar.evaluation.localization.tables import (
    DEFINITIONS,
    as_data,
    table_by_background,
    table_of_all,
    table_of_pictures,
)
from dilated_cifar.evaluation.opened import Trained, data_here, folder_for, open_all
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_pixels, scale_to


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
