"""From checkpoints to tables and pictures of where their networks see what they name."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path

from torch import Tensor

from dilated_cifar.config.data import Cifar10Config, DataConfig
from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.data.scenes import BACKGROUNDS, Scenes, make_scenes
from dilated_cifar.data.splits import load_split
from dilated_cifar.device import use_threads
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.opened import Trained, data_here, folder_for, open_all
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_pixels, scale_to
from dilated_cifar.inspection.localization.boxes import boxes_around, overlaps, winning_responses
from dilated_cifar.inspection.localization.maps import Grid, class_grid, maps_of, to_pixels, upsample
from dilated_cifar.inspection.localization.measures import (
    AS_IT_IS,
    ask,
    choose_side,
    choose_threshold,
    outcomes,
)
from dilated_cifar.inspection.localization.pictures import Shown, draw_localization
from dilated_cifar.inspection.localization.tables import (
    as_data,
    box_on,
    definitions,
    heading,
    table_by_background,
    table_of_all,
    table_of_pictures,
)

ROWS = 20
"""Rows of a picture; more go to further ones."""
DECIDING = ("validation", "split_seed", "train", "test")
"""Keys of a data set that decide which images a network was trained on, and which are left to measure it."""


def localize_scenes(config: LocalizeConfig) -> None:
    """Measure localization on scenes of test images, with thresholds chosen on those of training images.

    Raises:
        UserError: a checkpoint, the data or the output folder is not as expected.
    """
    trained = open_networks(config)
    canvas = (config.canvas, config.canvas)
    grids = [class_grid(each, canvas, key=f"canvas={config.canvas}") for each in trained]
    tuning, scenes = (scenes_of(trained[0].config.data, split, config) for split in ("train", "test"))
    output = Output(folder_for(trained, "localize", config.output))
    output.prepare()
    side = choose_side(tuning)
    found = [outcomes(each, tuning, scenes, side=side, threshold=config.threshold) for each in trained]
    rows = [outcome for of_network in found for outcome in of_network]
    output.console.print(table_of_all(rows, heading(config, side)))
    output.console.print()
    output.console.print(table_by_background(rows))
    output.console.print()
    for name, meaning in definitions(config).items():
        output.console.print(f"{name}: {meaning}", style="dim")
    output.note("localization", as_data(trained, rows, config, side))
    chosen = turns(scenes, config.shown)
    images = [scenes.images[number] for number in chosen]
    true = [scenes.boxes[number] for number in chosen]
    names = [trained[0].class_names[scenes.labels[number]] for number in chosen]
    networks = []
    for each, grid, of_network in zip(trained, grids, found, strict=True):
        threshold = of_network[0].threshold
        shown = [look(each, grid, *pair, threshold) for pair in zip(images, true, strict=True)]
        networks.append((each.label, shown))
    draw_pages(output, "localization", images, names, [box.tolist() for box in true], networks)
    output.close()


def localize_pictures(config: LocalizeConfig) -> None:
    """Draw heat maps and boxes on the user's own pictures.

    Raises:
        UserError: a checkpoint, a picture, the data or the output folder is not as expected.
    """
    paths = find_images(config.images)
    trained = open_networks(config)
    pictures, sizes, grids = [], [], []
    for path in paths:
        whole = read_pixels(path)
        pictures.append(scale_to(whole, config.canvas))
        sizes.append((whole.shape[1], whole.shape[2]))
        grids.append([picture_grid(each, path, sizes[-1], pictures[-1]) for each in trained])
    tuning = scenes_of(trained[0].config.data, "train", config) if config.threshold is None else None
    output = Output(folder_for(trained, "localize", config.output))
    output.prepare()
    networks, numbers = [], []
    for each, of_network in zip(trained, zip(*grids, strict=True), strict=True):
        threshold = config.threshold
        if tuning is not None:
            threshold = choose_threshold(ask(each, tuning), AS_IT_IS, tuning)
        seen_on = zip(of_network, pictures, strict=True)
        shown = [look(each, grid, picture, None, threshold) for grid, picture in seen_on]
        networks.append((each.label, shown))
        answers = [
            {"picture": str(path), "size": size, "class": seen.named, "box": box_on(size, seen)}
            for path, size, seen in zip(paths, sizes, shown, strict=True)
        ]
        numbers.append({"checkpoint": str(each.path), "threshold": threshold, "pictures": answers})
    output.console.print(table_of_pictures(paths, sizes, networks))
    output.note("pictures", {"canvas": config.canvas, "networks": numbers})
    draw_pages(output, "pictures", pictures, [path.stem for path in paths], None, networks)
    output.close()


def picture_grid(trained: Trained, path: Path, size: tuple[int, int], picture: Tensor) -> Grid:
    """Where a network's class map lies on a scaled picture.

    Raises:
        UserError: the file, of `size`, has fewer pixels than the map has places.
    """
    grid = class_grid(trained, (picture.shape[1], picture.shape[2]), key=f"images={path}")
    places = grid.shape
    if size[0] < places[0] or size[1] < places[1]:
        raise UserError(
            f"images={path}: {size[0]}x{size[1]} pixels, fewer than the {places[0]}x{places[1]} places of "
            f"the class map of {trained.label}; expected a picture at least as large as the map"
        )
    return grid


def open_networks(config: LocalizeConfig) -> list[Trained]:
    """The networks of all checkpoints, which must have been trained on the same images.

    Raises:
        UserError: they were not, or another size of their images would be another class.
    """
    use_threads(config.threads)
    trained = open_all(config.checkpoint, device=config.device)
    first = asdict(trained[0].config.data)
    for each in trained:
        data = each.config.data
        if not isinstance(data, Cifar10Config):
            raise UserError(
                f"checkpoint={each.path}: trained with data={data.family}, whose classes are distances that "
                "another size changes; expected a network trained with data=cifar10"
            )
        for key in DECIDING:
            if asdict(data)[key] != first[key]:
                raise UserError(
                    f"checkpoint={each.path}: data.{key} is not that of {trained[0].path}, so that the same "
                    "scenes would not be fair; localize them one at a time"
                )
    return trained


def scenes_of(data: DataConfig, split: str, config: LocalizeConfig) -> Scenes:
    """Scenes of the training split, which choose thresholds, or of the test split, which are measured.

    Raises:
        UserError: the split has too few images, or cannot be had.
    """
    key, count = ("scenes", config.scenes) if split == "test" else ("tuning", config.tuning)
    images = load_split(data_here(data, config.data), split)
    if count > len(images):
        raise UserError(f"{key}={count}: expected at most the {len(images)} images of the {split} split")
    return make_scenes(
        images,
        count=count,
        canvas=config.canvas,
        scales=config.scales,
        mean=data.colours[0],
        std=data.colours[1],
        seed=config.seed,
        purpose=split,
    )


def turns(scenes: Scenes, count: int) -> list[int]:
    """The first scenes of every background in turn."""
    by_background = [(scenes.backgrounds == number).nonzero().flatten() for number in range(len(BACKGROUNDS))]
    rounds = zip_longest(*(numbers.tolist() for numbers in by_background))
    return [number for turn in rounds for number in turn if number is not None][:count]


def draw_pages(
    output: Output,
    name: str,
    images: Sequence[Tensor],
    names: Sequence[str],
    boxes: Sequence[Sequence[float]] | None,
    networks: Sequence[tuple[str, Sequence[Shown]]],
) -> None:
    """Draw images and what the networks see in them, on as many pages as they need."""
    for page, first in enumerate(range(0, len(images), ROWS), start=1):
        rows = slice(first, first + ROWS)
        figure = draw_localization(
            images[rows],
            names[rows],
            None if boxes is None else boxes[rows],
            [(label, seen[rows]) for label, seen in networks],
        )
        output.draw(name if page == 1 else f"{name}-{page}", figure)


def look(trained: Trained, grid: Grid, image: Tensor, true: Tensor | None, threshold: float | None) -> Shown:
    """What a network sees in one image, uint8 [3, H, W], whose true box [4] may be known."""
    assert threshold is not None  # of a reading of class maps, which always has one
    maps = maps_of(trained, image[None])
    named = maps.mean((2, 3)).argmax(1)
    responses = winning_responses(maps, named)
    box = boxes_around(responses, threshold, grid)
    dense, _ = upsample(maps, grid)
    return Shown(
        trained.class_names[int(named)],
        None if true is None else overlaps(box, true[None]).item(),
        dense[0, int(named)],
        to_pixels(responses[0] > threshold, grid),
        None if box.isnan().any() else box[0].tolist(),
    )
