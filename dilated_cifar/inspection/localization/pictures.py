"""From checkpoints to boxes on the user's own pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from torch import Tensor

from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.data.pictures import read_pixels
from dilated_cifar.data.scenes import Scenes
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import KEY, find_images, read_each, scale_to
from dilated_cifar.evaluation.trained import Trained, folder_for
from dilated_cifar.inspection.localization.drawing import Shown, draw_pages, localize
from dilated_cifar.inspection.localization.grid import Grid, class_grid
from dilated_cifar.inspection.localization.localization import canvas_grid, open_networks, scenes_of
from dilated_cifar.inspection.localization.responses import NATIVE, choose_threshold, respond
from dilated_cifar.progress import Steps


def localize_pictures(config: LocalizeConfig, steps: Steps) -> list[str]:
    """Draw heat maps and boxes on the user's own pictures; returns a line for each that cannot be read.

    Raises:
        UserError: a checkpoint, every picture, the data or the output folder is not as expected.
    """
    paths = find_images(config.images)
    steps.begin("reading checkpoints")
    trained = open_networks(config)
    config = config.fitted(trained[0].config.data)
    channels = trained[0].config.data.input_size[0]
    found, faults = read_each(paths, lambda path: read_picture(path, config.canvas, channels))
    pictures = list(found.values())
    grids = [[picture_grid(each, picture) for picture in pictures] for each in trained]
    thresholds = [config.threshold] * len(trained)
    if config.threshold is None:
        tuning = scenes_of(trained[0].config.data, "train", config, steps)
        steps.expect(len(trained) + 1)
        thresholds = []
        for each in trained:
            steps.begin(f"{each.label}: threshold on {len(tuning)} scenes of training images")
            thresholds.append(tuned_threshold(each, tuning, config))
            steps.done()
    output = Output(folder_for(trained, "localize", config.output))
    output.prepare()
    steps.begin("drawing")
    networks, numbers = [], []
    for each, of_network, threshold in zip(trained, grids, thresholds, strict=True):
        assert threshold is not None
        shown = [
            localize(each, grid, picture.pixels, None, threshold)
            for picture, grid in zip(pictures, of_network, strict=True)
        ]
        networks.append((each.label, shown))
        answers = [picture.as_data(found) for picture, found in zip(pictures, shown, strict=True)]
        numbers.append({"checkpoint": str(each.path), "threshold": threshold, "pictures": answers})
    output.note("pictures", {"canvas": config.canvas, "networks": numbers})
    images, names = [picture.pixels for picture in pictures], [path.stem for path in found]
    draw_pages(output, "pictures", images, names, None, networks)
    steps.end()
    output.console.print(table_of_pictures(pictures, networks))
    output.close()
    return faults


@dataclass(frozen=True)
class Picture:
    """A picture of the user's own: its height and width, and its pixels uint8 [C, H, W], scaled."""

    path: Path
    size: tuple[int, int]
    pixels: Tensor

    def box(self, shown: Shown) -> list[float] | None:
        """The box in pixels of the picture as it was before it was scaled."""
        if shown.box is None:
            return None
        scales = [before / after for before, after in zip(self.size, shown.heat.shape, strict=True)] * 2
        return [edge * scale for edge, scale in zip(shown.box, scales, strict=True)]

    def as_data(self, shown: Shown) -> dict[str, Any]:
        """What a network predicts for it, and where, as plain data."""
        box = self.box(shown)
        return {"picture": str(self.path), "size": self.size, "class": shown.predicted, "box": box}


def read_picture(path: Path, longest: int, channels: int) -> Picture:
    """Read a picture and scale it so that its longer side is `longest` pixels.

    Raises:
        UserError: the file is no picture.
    """
    whole = read_pixels(path, channels=channels, key=KEY)
    return Picture(path, (whole.shape[1], whole.shape[2]), scale_to(whole, longest))


def picture_grid(trained: Trained, picture: Picture) -> Grid:
    """Where the cells of a network's class map lie on a scaled picture.

    Raises:
        UserError: the file has fewer pixels than the map has cells.
    """
    key, size = f"images={picture.path}", picture.size
    grid = class_grid(trained, (picture.pixels.shape[1], picture.pixels.shape[2]), key=key)
    cells = grid.shape
    if size[0] < cells[0] or size[1] < cells[1]:
        raise UserError(
            f"{key}: {size[0]}x{size[1]} pixels, fewer than the {cells[0]}x{cells[1]} cells of the class map "
            f"of {trained.label}; expected a picture at least as large as the map"
        )
    return grid


def tuned_threshold(trained: Trained, tuning: Scenes, config: LocalizeConfig) -> float:
    """The threshold with which a network localizes most scenes of training images."""
    return choose_threshold(respond(trained, tuning, canvas_grid(trained, config)), NATIVE, tuning)


def table_of_pictures(pictures: Sequence[Picture], networks: Sequence[tuple[str, Sequence[Shown]]]) -> Table:
    """What each network predicts for each picture, and where."""
    table = Table(title="boxes: top, left, bottom, right in pixels of the picture", title_justify="left")
    for name in ("picture", "network", "class", "box"):
        table.add_column(name, overflow="fold")
    for number, picture in enumerate(pictures):
        for label, shown in networks:
            box = picture.box(shown[number])
            found = "none above the threshold" if box is None else ", ".join(f"{edge:.0f}" for edge in box)
            table.add_row(str(picture.path), label, shown[number].predicted, found)
    return table
