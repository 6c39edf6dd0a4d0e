"""A network as the page shows it: the geometry of its layers, and the count maps of their units."""

import base64
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.data.pictures import as_shown
from dilated_cifar.dilation.counting import UncountableError
from dilated_cifar.dilation.coverage import Unit
from dilated_cifar.dilation.every_unit import MOST_PIXELS, count_every_unit
from dilated_cifar.dilation.trace import Layer
from dilated_cifar.inspection.coverage import unit_text
from dilated_cifar.inspection.network import Inspection, operation
from dilated_cifar.pages.inlining import data_address

MOST_NUMBERS = 150_000
"""Counts of one layer's units that the page holds; of more, those of every second unit, every third, ..."""
DIGITS = 11
"""Binary digits of a count: up to 2,048 it is exact, beyond it is right to three decimal digits."""


def network_data(
    label: str, inspection: Inspection, *, image: tuple[Tensor, str] | None = None
) -> dict[str, Any]:
    """All that the page needs of a network.

    `image` is uint8 `[3, H, W]` with what it shows. Units of small images bring their count maps; of larger
    ones, and of networks that are no sum of paths, only the inspected unit does, and of all others the page
    draws the receptive field alone.
    """
    traced, unit = inspection.trace, inspection.unit
    assert unit is not None
    _, height, width = traced.input_size
    picture, caption = image or (generated_image(height, width), "generated")
    layers = _shown_layers(inspection)
    maps: dict[str, Tensor] = {}
    if height * width <= MOST_PIXELS:
        with suppress(UncountableError):  # what follows the unit may not be counted
            maps = count_every_unit(inspection.model, traced.input_size, [*layers, unit.name])
        if not _agrees(maps.get(unit.name), unit):
            maps = {}
    values, rows = Values(), []
    for name, layer in layers.items():
        row = {
            "name": name,
            "operation": operation(layer) if layer.kernel else "output of the block",
            "rate": None if layer.dilation is None else layer.dilation[0],
            "shape": layer.output_shape[1:],
            "field": layer.receptive_field,
            "jump": layer.jump,
            "start": layer.start,
            "units": values.add(maps[name]) if name in maps else None,
        }
        rows.append(row)
    inspected = {
        "text": unit_text(unit),
        "counts": unit.counts.flatten().tolist() if not maps else None,
        "layer": unit.name,
        "position": unit.position,
    }
    return {
        "label": label,
        "image": data_address(as_shown(picture).numpy()),
        "caption": caption,
        "size": (height, width),
        "layers": rows,
        "values": values.packed(),
        "inspected": inspected,
    }


def _agrees(counts: Tensor | None, unit: Unit) -> bool:
    """Whether counting forwards finds of a unit what counting back from it found.

    It does wherever the network is a sum of paths; where maps are multiplied, such as by gates, it may not.
    """
    if counts is None or unit.position is None:
        return False
    return torch.allclose(counts[unit.position].double(), unit.counts, rtol=1e-5, atol=0)


class Values:
    """Count maps, each cut to its counted pixels; what is the same for several units is kept once."""

    def __init__(self) -> None:
        self.parts: list[NDArray[np.float32]] = []
        self.length = 0

    def add(self, counts: Tensor) -> dict[str, Any]:
        """Take the maps `[h, w, H, W]` of a layer; returns where those of its units are.

        `patterns` are offset, height and width of a map; `places` pattern, turn (see `_turns`), first row and
        first column of each unit, of every `step`-th row and column of the layer's map.
        """
        step = 1
        while (found := _patterns(rounded(counts[::step, ::step].numpy()))) is None:
            step += 1
        patterns, places = found
        offsets = []
        for pattern in patterns:
            offsets.append([self.length, *pattern.shape])
            self.parts.append(pattern.ravel())
            self.length += pattern.size
        return {"step": step, "patterns": offsets, "places": places}

    def packed(self) -> str:
        """All counts as float32, little-endian, compressed by deflate, in base64."""
        numbers = np.concatenate([*self.parts, np.zeros(0, np.float32)]).astype("<f4")
        return base64.b64encode(zlib.compress(numbers.tobytes(), 9)).decode("ascii")


def _patterns(counts: NDArray[np.float32]) -> tuple[list[NDArray[np.float32]], list[int]] | None:
    """The different maps among those of the units, and where each lies; None where they are too many."""
    patterns: dict[tuple[tuple[int, ...], bytes], int] = {}
    kept: list[NDArray[np.float32]] = []
    places: list[int] = []
    numbers = 0
    for unit in counts.reshape(-1, *counts.shape[2:]):
        rows, columns = np.flatnonzero(unit.any(1)), np.flatnonzero(unit.any(0))
        if not len(rows):  # a unit that reads nothing but padding
            rows = columns = np.zeros(1, int)
        cut = unit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        # Of a map and its mirror images one is kept: that whose numbers come first.
        shape, content, turn = min(
            (each.shape, each.tobytes(), turn) for turn, each in enumerate(_turns(cut))
        )
        key = (shape, content)
        if key not in patterns:
            pattern = _turns(cut)[turn]
            patterns[key] = len(kept)
            kept.append(pattern)
            numbers += pattern.size
            if numbers > MOST_NUMBERS:
                return None
        places += [patterns[key], turn, int(rows[0]), int(columns[0])]
    return kept, places


def _turns(pattern: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A map and its mirror images: turn 1 upside down, 2 left to right, 4 with rows and columns exchanged."""
    both = (pattern, pattern.T)
    return [each[:: 1 - 2 * down, :: 1 - 2 * right] for each in both for right in (0, 1) for down in (0, 1)]


def rounded(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers with as many binary digits as the page shows, which compresses them to less than half."""
    mantissa, exponent = np.frexp(numbers)
    result: NDArray[np.float32] = np.ldexp(np.round(np.ldexp(mantissa, DIGITS)), exponent - DIGITS)
    return result.astype(np.float32)


def _shown_layers(inspection: Inspection) -> dict[str, Layer]:
    """The layers with a window, and the blocks of several, by module name: those whose output is a map."""
    modules, traced = dict(inspection.model.named_modules()), inspection.trace
    shown: dict[str, Layer] = {}
    for number, layer in enumerate(traced.layers):
        if len(layer.output_shape) != 3 or layer.output_shape[1:] == (1, 1):
            continue
        if layer.kernel is not None and layer.name in modules:
            shown[layer.name] = layer
        block = layer.name.rpartition(".")[0]
        windows = [each for each in shown if each.startswith(f"{block}.")]
        ended = not any(later.is_within(block) for later in traced.layers[number + 1 :])
        # Behind its last convolution a block adds its shortcut, which changes what a unit counts.
        if ended and block in modules and len(windows) > 1 and layer.kernel is None:
            shown[block] = layer
    return shown


def generated_image(height: int, width: int) -> Tensor:
    """A picture uint8 `[3, H, W]` of a disc, a ring and stripes on a sky, which needs no data set."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    image = torch.stack([0.35 + 0.4 * y, 0.55 + 0.25 * y, 0.85 - 0.2 * y])
    ground = (y > 0.72 + 0.04 * torch.sin(6 * x)).float()
    image = image * (1 - ground) + ground * torch.tensor([0.33, 0.5, 0.28]).view(3, 1, 1)
    shapes = (
        ((y - 0.28).square() + (x - 0.74).square() < 0.13**2, (1.0, 0.86, 0.35)),
        ((y > 0.42) & (y < 0.84) & (x > 0.14) & (x < 0.5), (0.72, 0.34, 0.26)),
        ((y > 0.52) & (y < 0.64) & (x > 0.21) & (x < 0.31), (0.95, 0.92, 0.8)),
        ((y > 0.62) & (y < 0.84) & (x > 0.37) & (x < 0.45), (0.3, 0.18, 0.14)),
        ((y > 0.24) & (y < 0.42) & ((x - 0.32).abs() < (y - 0.22) * 1.15), (0.42, 0.2, 0.22)),
        ((y > 0.6) & (y < 0.86) & ((x - 0.77).abs() < 0.025), (0.36, 0.25, 0.16)),
        ((y - 0.55).square() + (x - 0.77).square() < 0.12**2, (0.2, 0.42, 0.22)),
    )
    for mask, colour in shapes:
        image = torch.where(mask, torch.tensor(colour).view(3, 1, 1), image)
    return (255 * image.clamp(0, 1)).round().to(torch.uint8)
