"""A network as the page shows it: the geometry of its layers, and how the counts of their units are made."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from dilated_cifar.data.pictures import as_shown
from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.count_graph import count_graph
from dilated_cifar.dilation.count_nodes import Axis, CountGraph, Window
from dilated_cifar.dilation.layers import Layer, Trace
from dilated_cifar.inspection.network import Inspection, global_path_text, operation
from dilated_cifar.pages.inlining import data_address


def network_data(
    label: str, inspection: Inspection, *, image: tuple[Tensor, str] | None = None
) -> dict[str, Any]:
    """All that the page needs of a network.

    `image` is uint8 `[C, H, W]` with what it shows. Of units whose counts are no sum of paths the page draws
    the receptive field alone, but for the inspected one, whose counts it has.
    """
    traced, unit = inspection.trace, inspection.unit
    _, height, width = traced.input_size
    picture, caption = image or (generated_image(height, width), "generated")
    layers = _shown_layers(inspection)
    graph = count_graph(inspection.model, traced.input_size, list(layers))
    shown: dict[str, dict[str, Any]] = {
        name: {
            "name": name,
            "operation": operation(layer) if layer.kernel and layer.name == name else "output of the block",
            "rate": layer.dilation[0] if layer.dilation and layer.name == name else None,
            "shape": layer.output_shape[1:],
            "field": layer.receptive_field,
            "bounds": _bounds(traced, name, layer),
            "node": graph.modules.get(name),
            "uncounted": graph.uncounted.get(name),
        }
        for name, layer in layers.items()
    }
    inspected: dict[str, Any] | None = None
    if unit is not None and unit.name in shown:
        inspected = {"layer": unit.name, "position": unit.position}
        if shown[unit.name]["node"] is None:
            inspected["counts"] = unit.counts.flatten().tolist()
    return {
        "label": label,
        "image": data_address(as_shown(picture).numpy()),
        "caption": caption,
        "size": (height, width),
        "note": _global_note(traced),
        "layers": list(shown.values()),
        "nodes": _graph_data(graph),
        "inspected": inspected,
    }


def _graph_data(graph: CountGraph) -> list[list[Any]]:
    """Of each node its size, its parts with their weights, and the windows over its rows and columns."""

    def axis_data(axis: Axis | None) -> list[Any] | None:
        if axis is None or isinstance(axis, Window):
            return axis and list(axis)
        return [[number for tap in taps for number in tap] for taps in axis]

    return [
        [
            node.size,
            [number for part in node.parts for number in part],
            axis_data(node.rows),
            axis_data(node.columns),
        ]
        for node in graph.nodes
    ]


def _bounds(traced: Trace, name: str, layer: Layer) -> list[Any]:
    """First and last row, then column, that each row, then column, of a layer's units sees.

    Of evenly spaced fields the first and the distance to the next are enough.
    """
    sides: list[Any] = []
    for axis in (0, 1):
        places: list[Pair] = [
            (0, place) if axis else (place, 0) for place in range(layer.output_shape[axis + 1])
        ]
        seen = [traced.bounds(name, place) for place in places]
        ends = [(bounds[axis], bounds[axis + 2]) for bounds in seen]
        steps = {after[end] - before[end] for before, after in pairwise(ends) for end in (0, 1)}
        sides.append({"each": ends} if len(steps) > 1 else {"first": ends[0], "step": max(steps, default=0)})
    return sides


def _global_note(traced: Trace) -> str | None:
    """That the whole input is seen beside the fields, and through what."""
    path = global_path_text(traced)
    return path and (
        f"The fields are those along convolutions. The whole input is seen as well, through {path}; such "
        "paths are not counted."
    )


def _shown_layers(inspection: Inspection) -> dict[str, Layer]:
    """The layers with a window, and the blocks of several, by module name: those whose output is a map."""
    modules, traced = dict(inspection.model.named_modules()), inspection.trace
    ended = {part: number for number, layer in enumerate(traced.layers) for part in _blocks_of(layer.name)}
    shown: dict[str, Layer] = {}
    windows: dict[str, int] = {}
    for number, layer in enumerate(traced.layers):
        if len(layer.output_shape) != 3 or layer.output_shape[1:] == (1, 1):
            continue
        if layer.kernel is not None and layer.name in modules:
            shown[layer.name] = layer
            for block in _blocks_of(layer.name):
                windows[block] = windows.get(block, 0) + 1
        block = layer.name.rpartition(".")[0]
        # Behind its last convolution a block adds its shortcut, which changes what a unit counts.
        if layer.kernel is None and block in modules and windows.get(block, 0) > 1 and ended[block] == number:
            shown[block] = layer
    unit = inspection.unit
    if unit is None or unit.position is None or unit.name in shown:
        return shown
    # What the user asked about is there as well, such as a stage of blocks, behind its last layer.
    shown[unit.name] = unit.layer
    return dict(sorted(shown.items(), key=lambda item: traced.layers.index(item[1])))


def _blocks_of(name: str) -> list[str]:
    """The modules that a layer is part of, by their names: of `a.b.c` those are `a` and `a.b`."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


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
