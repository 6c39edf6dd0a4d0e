"""How well networks localize: thresholds chosen on some scenes, figures measured on others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dilated_cifar.data.scenes import BACKGROUNDS, Scenes
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.intervals import wilson_interval
from dilated_cifar.evaluation.opened import Trained
from dilated_cifar.inspection.localization.boxes import (
    areas,
    boxes_around,
    centre_boxes,
    contains,
    overlaps,
    winning_responses,
)
from dilated_cifar.inspection.localization.maps import Grid, batch_size, class_grid, maps_of, upsample

IOU = 0.5
"""A box is right where it overlaps the true one by at least this much: the criterion of ImageNet."""
STEPS = 50
"""Thresholds that are tried: as many quantiles of the responses."""


@dataclass(frozen=True)
class Responses:
    """What the class maps of a network say about scenes.

    `predicted` [N, h, w] are the responses of the class the network names where that class wins, -inf
    elsewhere, `true` those of the true class; `peak` [N, 2] is where the true class's map is highest, in
    pixels from the border.
    """

    predicted: Tensor
    true: Tensor
    peak: Tensor
    grid: Grid


@dataclass(frozen=True)
class Answers:
    """A network on scenes: the class it names, int64 [N], and its class maps by how they are read."""

    named: Tensor
    maps: dict[str, Responses]


AS_IT_IS, UPSAMPLED = "its places", "upsampled"


def ask(trained: Trained, scenes: Scenes) -> Answers:
    """Class maps of scenes, place by place and interpolated to the pixels."""
    side = scenes.images.shape[-1]
    grid = class_grid(trained, (side, side), key=f"canvas={side}")
    named: list[Tensor] = []
    parts: dict[str, list[Responses]] = {AS_IT_IS: [], UPSAMPLED: []}
    batch = batch_size(grid.image)
    for images, true in zip(scenes.images.split(batch), scenes.labels.split(batch), strict=True):
        maps = maps_of(trained, images)
        named.append(maps.mean((2, 3)).argmax(1))
        parts[AS_IT_IS].append(respond(maps, grid, named[-1], true))
        parts[UPSAMPLED].append(respond(*upsample(maps, grid), named[-1], true))
    return Answers(torch.cat(named), {reading: joined(found) for reading, found in parts.items()})


def respond(maps: Tensor, grid: Grid, named: Tensor, true: Tensor) -> Responses:
    """What class maps [N, classes, h, w] say of the named and of the true classes [N]."""
    own = maps[torch.arange(len(maps)), true]
    return Responses(winning_responses(maps, named), winning_responses(maps, true), peaks(own, grid), grid)


def joined(parts: Sequence[Responses]) -> Responses:
    """The responses of several batches as those of one."""
    return Responses(
        torch.cat([part.predicted for part in parts]),
        torch.cat([part.true for part in parts]),
        torch.cat([part.peak for part in parts]),
        parts[0].grid,
    )


def peaks(maps: Tensor, grid: Grid) -> Tensor:
    """The middle of the highest place of each map [N, h, w], float64 [N, 2] in pixels from the border."""
    highest = maps.flatten(1).argmax(1)
    places = torch.stack([highest // maps.shape[2], highest % maps.shape[2]], 1)
    return torch.tensor(grid.start) + 0.5 + places.double() * torch.tensor(grid.jump).double()


def choose_threshold(answers: Answers, reading: str, scenes: Scenes) -> float:
    """The threshold with which a network localizes most scenes: its own class right, and its box.

    The smallest of equals, among quantiles of the responses of the classes it names.

    Raises:
        UserError: there are no such responses.
    """
    found = answers.maps[reading]
    responses = found.predicted[found.predicted.isfinite()]
    if len(responses) == 0:
        raise UserError(
            f"tuning={len(scenes)}: on no scene does the class that the network names win anywhere; "
            "expected more scenes to choose the threshold on"
        )
    # numpy's, since torch's takes 16 million numbers at most.
    lowest = np.quantile(responses.numpy(), np.arange(STEPS) / STEPS, method="lower")
    # A place passes where its response is above the threshold, and the lowest is to pass.
    tried = np.nextafter(np.unique(lowest), -np.inf, dtype=np.float32).tolist()
    right = answers.named == scenes.labels
    shares = [
        (right & (overlaps(boxes_around(found.predicted, value, found.grid), scenes.boxes) >= IOU)).sum()
        for value in tried
    ]
    return float(tried[int(torch.stack(shares).argmax())])


def choose_side(scenes: Scenes) -> int:
    """The side of the centre box, in whole pixels, that overlaps most boxes enough; of equals the first."""
    canvas = scenes.images.shape[-1]
    right = [
        (overlaps(centre_boxes(len(scenes), side, (canvas, canvas)), scenes.boxes) >= IOU).sum()
        for side in range(1, canvas + 1)
    ]
    return 1 + int(torch.stack(right).argmax())


@dataclass(frozen=True)
class Share:
    """A share of scenes with its 95% interval over draws of the scenes (Wilson 1927)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """How well one way of making boxes does on some scenes."""

    scenes: int
    accuracy: Share
    """Scenes whose class the network names."""
    localized: Share
    """Scenes whose class the network names and whose box, of the named class, overlaps enough."""
    localized_true: Share
    """Scenes whose box of the true class overlaps enough, whatever the network names."""
    mean_iou: float
    """Mean overlap of the true class's box; 0 counts where there is none."""
    pointing: Share
    """Scenes where the point lies in the true box: the highest place of the true class's map, or the middle
    of the box for boxes that do not depend on the class (Zhang et al. 2016)."""
    boxless: float
    """Share of scenes without a box of the true class: no place wins and passes."""


@dataclass(frozen=True)
class Outcome:
    """One way of making boxes, its threshold (None where it has none), its figures by background."""

    network: str
    method: str
    threshold: float | None
    figures: dict[str, Figures]


ALL = "all"
WHOLE, CENTRE = "whole", "centre"


def outcomes(
    trained: Trained, tuning: Scenes, scenes: Scenes, *, side: int, threshold: float | None
) -> list[Outcome]:
    """Localize scenes by each reading of a network's class maps, and by boxes that see nothing.

    Args:
        trained: The network.
        tuning: Scenes of training images, which choose the threshold.
        scenes: Scenes of test images.
        side: Of the centre box, as `choose_side` gives it for the tuning scenes.
        threshold: For every reading, instead of the chosen one.
    """
    answers = ask(trained, scenes)
    tuned = ask(trained, tuning) if threshold is None else None
    found = []
    for reading, responses in answers.maps.items():
        passing = choose_threshold(tuned, reading, tuning) if tuned is not None else threshold
        assert passing is not None
        of_named = boxes_around(responses.predicted, passing, responses.grid)
        of_true = boxes_around(responses.true, passing, responses.grid)
        figures = by_background(answers.named, of_named, of_true, responses.peak, scenes)
        found.append(Outcome(trained.label, reading, passing, figures))
    canvas = scenes.images.shape[-1]
    for method, length in ((WHOLE, canvas), (CENTRE, side)):
        boxes = centre_boxes(len(scenes), length, (canvas, canvas))
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        figures = by_background(answers.named, boxes, boxes, middle, scenes)
        found.append(Outcome(trained.label, method, None, figures))
    return found


def by_background(
    named: Tensor, of_named: Tensor, of_true: Tensor, points: Tensor, scenes: Scenes
) -> dict[str, Figures]:
    """Figures of boxes of the named and of the true class: of all scenes, and of each background."""
    groups = {ALL: torch.ones(len(scenes), dtype=torch.bool)}
    groups |= {name: scenes.backgrounds == number for number, name in enumerate(BACKGROUNDS)}
    right = named == scenes.labels
    own, true = overlaps(of_named, scenes.boxes), overlaps(of_true, scenes.boxes)
    pointed = contains(scenes.boxes.double(), points)
    boxless = areas(of_true).isnan()
    return {
        name: Figures(
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
