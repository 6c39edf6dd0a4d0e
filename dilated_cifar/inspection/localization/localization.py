"""From checkpoints to tables and pictures of where their networks see the predicted class in scenes."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest

from rich.console import RenderableType
from rich.text import Text

from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.data.scenes import BACKGROUNDS, Scenes, make_scenes
from dilated_cifar.data.splits import load_split
from dilated_cifar.device import use_threads
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.trained import Trained, data_here, folder_for, open_all, require_finite
from dilated_cifar.inspection.localization.accuracy import Outcome, outcomes
from dilated_cifar.inspection.localization.accuracy_table import (
    as_data,
    definitions,
    heading,
    table_by_background,
    table_of_all,
    verdicts,
)
from dilated_cifar.inspection.localization.drawing import draw_pages, localize
from dilated_cifar.inspection.localization.grid import Grid, class_grid
from dilated_cifar.inspection.localization.responses import choose_side
from dilated_cifar.progress import Steps

DECIDING = (
    "family", "validation", "fold", "folds", "split_seed", "train", "test", "labels", "contents", "size",
    "channels",
)  # fmt: skip
"""Keys of a data set that decide which images a network was trained on, and which are left to measure it."""


def localize_scenes(config: LocalizeConfig, steps: Steps) -> None:
    """Measure localization on scenes of test images, with thresholds chosen on those of training images.

    Raises:
        UserError: a checkpoint, the data or the output folder is not as expected.
    """
    steps.begin("reading checkpoints")
    trained = open_networks(config)
    config = config.fitted(trained[0].config.data)
    grids = [canvas_grid(each, config) for each in trained]
    tuning, scenes = (scenes_of(trained[0].config.data, split, config, steps) for split in ("train", "test"))
    output = Output(folder_for(trained, "localize", config.output))
    output.prepare()
    side = choose_side(tuning)
    steps.expect(2 * len(trained) + 1)
    found = [
        outcomes(each, grid, tuning, scenes, side=side, threshold=config.threshold, steps=steps)
        for each, grid in zip(trained, grids, strict=True)
    ]
    rows = [outcome for of_network in found for outcome in of_network]
    steps.begin("drawing")
    draw_scenes(output, trained, grids, found, scenes, config.shown)
    output.note("localization", as_data(trained, rows, config, side))
    steps.end()
    answer: list[RenderableType] = [*verdicts(rows), "", table_of_all(rows, heading(config, side))]
    meanings = [Text(f"{name}: {meaning}", style="dim") for name, meaning in definitions(config).items()]
    details: list[RenderableType] = ["", table_by_background(rows), "", *meanings]
    output.tell("localization", answer, details, detailed=config.details)
    output.close()


def draw_scenes(
    output: Output,
    trained: Sequence[Trained],
    grids: Sequence[Grid],
    found: Sequence[Sequence[Outcome]],
    scenes: Scenes,
    count: int,
) -> None:
    """Draw the first scenes of every background in turn, with the class maps at their own resolution."""
    chosen = in_turn(scenes, count)
    images, true = [scenes.images[number] for number in chosen], [scenes.boxes[number] for number in chosen]
    names = [trained[0].class_names[scenes.labels[number]] for number in chosen]
    networks = []
    for each, grid, (native, *_) in zip(trained, grids, found, strict=True):
        assert native.threshold is not None
        shown = [
            localize(each, grid, image, box, native.threshold)
            for image, box in zip(images, true, strict=True)
        ]
        networks.append((each.label, shown))
    draw_pages(output, "localization", images, names, [box.tolist() for box in true], networks)


def in_turn(scenes: Scenes, count: int) -> list[int]:
    """The numbers of the first scenes of every background in turn."""
    by_background = [(scenes.backgrounds == number).nonzero().flatten() for number in range(len(BACKGROUNDS))]
    rounds = zip_longest(*(numbers.tolist() for numbers in by_background))
    return [number for turn in rounds for number in turn if number is not None][:count]


def canvas_grid(trained: Trained, config: LocalizeConfig) -> Grid:
    """Where the cells of a network's class maps lie on scenes.

    Raises:
        UserError: the canvas is too small for the network.
    """
    return class_grid(trained, (config.canvas, config.canvas), key=f"canvas={config.canvas}")


def open_networks(config: LocalizeConfig) -> list[Trained]:
    """The networks of all checkpoints, which must have been trained on the same images.

    Raises:
        UserError: they were not, another size of their images would be another class, or a network has no
            class maps.
    """
    use_threads(config.threads)
    trained = open_all(config.checkpoint, device=config.device)
    require_finite(trained)
    first = asdict(trained[0].config.data)
    for each in trained:
        if not each.config.data.scalable:
            raise UserError(
                f"{each.path}: trained with data={each.config.data.family}, whose classes another size "
                "changes; expected a network trained with images such as data=cifar10"
            )
        if not each.has_class_maps:
            raise UserError(
                f"{each.path}: model.family={each.config.model.family} has no class maps to localize by; "
                "give its network a method class_maps(images), or build a Classifier of its features"
            )
        data = asdict(each.config.data)
        for key in DECIDING:
            if data.get(key) != first.get(key):
                raise UserError(
                    f"{each.path}: data.{key} is not that of {trained[0].path}, so that the same "
                    "scenes would not be fair; localize them one at a time"
                )
    return trained


def scenes_of(data: DataConfig, split: str, config: LocalizeConfig, steps: Steps) -> Scenes:
    """Scenes of the training split, which choose thresholds, or of the test split, which are measured.

    Raises:
        UserError: the split has too few images, or cannot be had.
    """
    key, count = ("scenes", config.scenes) if split == "test" else ("tuning", config.tuning)
    with steps.hidden():
        images = load_split(data_here(data, config.data), split, progress=config.progress)
    if count > len(images):
        raise UserError(f"{key}={count}: expected at most the {len(images)} images of the {split} split")
    steps.begin(f"making {count} scenes of {split} images")
    mean, std = data.colours
    return make_scenes(
        images,
        count=count,
        canvas=config.canvas,
        scales=config.scales,
        mean=mean,
        std=std,
        seed=config.seed,
        purpose=split,
    )
