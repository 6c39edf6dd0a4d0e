"""What class maps respond to scenes, and the threshold and box side that localize most tuning scenes."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dilated_cifar.data.scenes import Scenes
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.localization.boxes import (
    boxes_around,
    centre_boxes,
    overlaps,
    winning_responses,
)
from dilated_cifar.inspection.localization.grid import Grid, batch_size, maps_of, upsample

IOU = 0.5
"""A box is right where it overlaps the true one by at least this much: the criterion of ImageNet."""
STEPS = 50
"""Thresholds that are tried: as many quantiles of the responses."""
NATIVE, UPSAMPLED = "native", "upsampled"
"""Class maps at their own resolution, or interpolated to the pixels."""


@dataclass(frozen=True)
class Responses:
    """What the class maps of a network respond to scenes, at one resolution.

    `predicted` [N, h, w] are the responses of the predicted class where that class wins, -inf elsewhere,
    `true` those of the true class; `peak` [N, 2] is where the true class's map is highest, in pixels from the
    border.
    """

    predicted: Tensor
    true: Tensor
    peak: Tensor
    grid: Grid


@dataclass(frozen=True)
class Answers:
    """A network on scenes: the class it predicts, int64 [N], and its responses by resolution."""

    predicted: Tensor
    responses: dict[str, Responses]


def respond(trained: Trained, scenes: Scenes, grid: Grid, *, batch: int | None = None) -> Answers:
    """Class maps of scenes, on their own grid and interpolated to the pixels; `batch` images a pass."""
    predicted: list[Tensor] = []
    parts: dict[str, list[tuple[Tensor, ...]]] = {NATIVE: [], UPSAMPLED: []}
    grids = {NATIVE: grid, UPSAMPLED: grid.of_pixels}
    batch = batch or batch_size(grid.image)
    for images, true in zip(scenes.images.split(batch), scenes.labels.split(batch), strict=True):
        native = maps_of(trained, images)
        predicted.append(native.mean((2, 3)).argmax(1))
        for resolution, maps in ((NATIVE, native), (UPSAMPLED, upsample(native, grid))):
            own = maps[torch.arange(len(maps)), true]
            winning = (winning_responses(maps, classes) for classes in (predicted[-1], true))
            parts[resolution].append((*winning, peaks(own, grids[resolution])))
    responses = {}
    for resolution, found in parts.items():
        of_predicted, of_true, peak = (torch.cat(part) for part in zip(*found, strict=True))
        responses[resolution] = Responses(of_predicted, of_true, peak, grids[resolution])
    return Answers(torch.cat(predicted), responses)


def peaks(maps: Tensor, grid: Grid) -> Tensor:
    """The centre of the highest cell of each map [N, h, w], float64 [N, 2] in pixels from the border."""
    highest = maps.flatten(1).argmax(1)
    cells = torch.stack([highest // maps.shape[2], highest % maps.shape[2]], 1)
    return torch.tensor(grid.start) + 0.5 + cells.double() * torch.tensor(grid.jump).double()


def choose_threshold(answers: Answers, resolution: str, scenes: Scenes) -> float:
    """The threshold with which a network localizes most scenes: class predicted, box overlapping enough.

    The smallest of equals, among quantiles of the responses of the predicted classes.

    Raises:
        UserError: there are no such responses.
    """
    found = answers.responses[resolution]
    responses = found.predicted[found.predicted.isfinite()]
    if len(responses) == 0:
        raise UserError(
            f"tuning={len(scenes)}: on no scene does the predicted class win in any cell of the class map; "
            "expected more scenes to choose the threshold on"
        )
    # numpy's, since torch's takes 16 million numbers at most.
    lowest = np.quantile(responses.numpy(), np.arange(STEPS) / STEPS, method="lower")
    # A cell passes where its response is above the threshold, and the lowest is to pass.
    tried = np.nextafter(np.unique(lowest), -np.inf, dtype=np.float32).tolist()
    right = answers.predicted == scenes.labels
    localized = [
        (right & (overlaps(boxes_around(found.predicted, value, found.grid), scenes.boxes) >= IOU)).sum()
        for value in tried
    ]
    return float(tried[int(torch.stack(localized).argmax())])


def choose_side(scenes: Scenes) -> int:
    """The side of the centre box, in whole pixels, that overlaps most boxes enough; of equals the first."""
    canvas = scenes.images.shape[-1]
    localized = [
        (overlaps(centre_boxes(len(scenes), side, (canvas, canvas)), scenes.boxes) >= IOU).sum()
        for side in range(1, canvas + 1)
    ]
    return 1 + int(torch.stack(localized).argmax())
