"""What one unit of a real network sees of an image: where, how much of it, and through which layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import torch
from torch import Tensor, nn

from dilated_cifar.dilation.coverage import covered_share, network_count_map
from dilated_cifar.dilation.trace import Layer, Trace


@dataclass(frozen=True)
class View:
    """What one unit sees.

    `position` is its (row, column) on its layer's map, None for a layer that puts out no map. `counts` says
    how often each pixel enters it, float64 `[H, W]`. `centre` is the centre of its receptive field and `box`
    the part of the field that lies on the image: first row, first column, end row, end column. `covered` is
    the share of that box that enters the unit, `nearest_hole` the distance in rows or columns from the
    centre to the nearest pixel of it that does not, None where all do.
    """

    layer: Layer
    position: tuple[int, int] | None
    centre: tuple[float, float]
    box: tuple[int, int, int, int]
    counts: Tensor
    covered: float
    nearest_hole: float | None


def view(
    module: nn.Module,
    input_size: tuple[int, int, int],
    traced: Trace,
    name: str,
    position: tuple[int, int] | None = None,
) -> View:
    """Look through one unit of the layer `name` at an image `[C, H, W]`; the centre unit without a position.

    Raises:
        ValueError: no such layer or position, or an operation that cannot be counted.
    """
    layer = last_row(traced, name)
    position = position or centre_position(layer)
    counts = network_count_map(module, input_size, layer=name, position=position)
    centre = unit_centre(layer, position)
    height, width = counts.shape
    top, bottom = _clipped(centre[0], layer.receptive_field[0], height)
    left, right = _clipped(centre[1], layer.receptive_field[1], width)
    seen = counts[top:bottom, left:right]
    holes = (seen == 0).nonzero() + torch.tensor([top, left])
    distances = (holes - torch.tensor(centre)).abs().amax(1)
    return View(
        layer=layer,
        position=position,
        centre=centre,
        box=(top, left, bottom, right),
        counts=counts,
        covered=covered_share(seen),
        nearest_hole=float(distances.min()) if len(distances) else None,
    )


def last_row(traced: Trace, name: str) -> Layer:
    """Find what ran last of the module `name`, itself a layer or made of layers.

    Raises:
        ValueError: nothing of that name ran.
    """
    for layer in reversed(traced.layers):
        if is_within(layer.name, name):
            return layer
    return traced.layer(name)  # raises, and names the layers there are


def is_within(layer: str, name: str) -> bool:
    """Decide whether the module `layer` is the module `name` or a part of it."""
    return layer == name or layer.startswith(f"{name}.")


def centre_position(layer: Layer) -> tuple[int, int] | None:
    """Give the (row, column) of a map's centre unit; None where the output is no map."""
    if len(layer.output_shape) != 3:
        return None
    return layer.output_shape[1] // 2, layer.output_shape[2] // 2


def unit_centre(layer: Layer, position: tuple[int, int] | None) -> tuple[float, float]:
    """Compute the centre of a unit's receptive field, in input pixels."""
    row, column = position or (0, 0)
    return layer.start[0] + row * layer.jump[0], layer.start[1] + column * layer.jump[1]


def parts_before(traced: Trace, name: str) -> list[str]:
    """Name the parts of a network that lead to the layer `name`, in the order in which they ran.

    A part is a direct child of the module that holds the layers, such as `features.stage2`, with a
    convolution or a pooling in it.
    """
    rows = list(traced.layers)
    last = max(index for index, layer in enumerate(rows) if is_within(layer.name, name))
    windows = [layer.name for layer in rows[: last + 1] if layer.kernel is not None]
    return list(dict.fromkeys(".".join(window.split(".")[:2]) for window in windows))


def count_maps_before(
    module: nn.Module, input_size: tuple[int, int, int], seen: View, name: str, parts: Sequence[str]
) -> list[tuple[str, Tensor]]:
    """Count for one unit what enters each of the parts before it, from the last one back to the first."""
    maps = []
    for part in reversed(parts):
        counts = network_count_map(module, input_size, layer=name, position=seen.position, source=part)
        maps.append((part, counts))
    return maps


def _clipped(centre: float, field: int, size: int) -> tuple[int, int]:
    first = ceil(centre - (field - 1) / 2)
    last = floor(centre + (field - 1) / 2)
    return max(0, first), min(size, last + 1)
