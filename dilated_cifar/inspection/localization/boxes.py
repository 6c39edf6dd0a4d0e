"""Boxes on images: float64 [N, 4], top, left, bottom, right in pixels from the image's border."""

import torch
from torch import Tensor

from dilated_cifar.inspection.localization.grid import Grid


def winning_responses(maps: Tensor, classes: Tensor) -> Tensor:
    """The response of one class of each image where it is the highest of all classes, elsewhere -inf.

    Args:
        maps: Class maps, [N, classes, h, w].
        classes: int64 [N].

    Returns:
        [N, h, w].
    """
    own = maps[torch.arange(len(maps)), classes]
    return own.masked_fill(maps.argmax(1) != classes[:, None, None], -torch.inf)


def boxes_around(responses: Tensor, threshold: float, grid: Grid) -> Tensor:
    """The smallest box around all cells whose response is above a threshold; nan where none is.

    Args:
        responses: Of the cells where the class wins, -inf elsewhere, [N, h, w].
        threshold: Responses above it count.
        grid: Where the cells lie.

    Source: Yu, Koltun & Funkhouser 2017, "Dilated residual networks", section 3.
    """
    passed = responses > threshold
    ends = []
    for axis in (0, 1):
        lines = passed.any(2 - axis)
        first = lines.int().argmax(1)
        last = lines.shape[1] - 1 - lines.flip(1).int().argmax(1)
        begins, stops = grid.edges(axis)
        ends.append((begins[first], stops[last]))
    (top, bottom), (left, right) = ends
    boxes = torch.stack([top, left, bottom, right], 1)
    return boxes.masked_fill(~passed.any(2).any(1)[:, None], torch.nan)


def centre_boxes(count: int, side: float, image: tuple[int, int]) -> Tensor:
    """`count` times the square of this side in the middle of the image."""
    height, width = image
    box = [(height - side) / 2, (width - side) / 2, (height + side) / 2, (width + side) / 2]
    return torch.tensor(box, dtype=torch.float64).repeat(count, 1)


def overlaps(found: Tensor, true: Tensor) -> Tensor:
    """Intersection over union of each found box with its true one, float64 [N]; 0 where none was found."""
    true = true.double()
    sides = torch.minimum(found[:, 2:], true[:, 2:]) - torch.maximum(found[:, :2], true[:, :2])
    common = sides.clamp(min=0).prod(1)
    union = areas(found) + areas(true) - common
    return (common / union).nan_to_num(0.0)


def areas(boxes: Tensor) -> Tensor:
    """The area of each box in pixels, float64 [N]; nan where there is no box."""
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def contains(boxes: Tensor, points: Tensor) -> Tensor:
    """Whether each point [N, 2], row and column in pixels from the border, lies in its box: bool [N]."""
    return ((points >= boxes[:, :2]) & (points < boxes[:, 2:])).all(1)
