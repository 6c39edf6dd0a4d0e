"""What a count is made of: nodes that are sums of others, with a window over their rows and columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dilated_cifar.dilation.arithmetic import Pair


class Window(NamedTuple):
    """A window that slides along one axis."""

    kernel: int
    stride: int
    padding: int
    """In front."""
    dilation: int


Taps = tuple[tuple[tuple[int, float], ...], ...]
"""What each place of the output is made of along one axis: places of the input, with their weights."""
Axis = Window | Taps


@dataclass(frozen=True)
class Node:
    """One channel of a map: a weighted sum of earlier ones, over which a window of ones then slides."""

    size: Pair
    parts: tuple[tuple[int, float], ...] = ()
    """Earlier nodes, all of one size, with their weights."""
    rows: Axis | None = None
    columns: Axis | None = None


@dataclass(frozen=True)
class CountGraph:
    """The nodes in the order in which they arise, the image first, and those that modules put out."""

    nodes: tuple[Node, ...]
    """Each made of nodes before it."""
    modules: dict[str, int]
    """Of each module whose map can be counted, the node of its mean channel."""
    uncounted: dict[str, str]
    """Of each other one, why not."""

    def values(self, image: Tensor) -> list[Tensor]:
        """What every node holds for an image `[H, W]`: sums of its pixels, each times its count."""
        found = [image]
        for node in self.nodes[1:]:
            value = sum((weight * found[part] for part, weight in node.parts), torch.zeros(()).double())
            assert isinstance(value, Tensor)
            if node.rows is not None and node.columns is not None:
                rows = axis_matrix(node.rows, node.size[0], value.shape[0])
                value = rows @ value @ axis_matrix(node.columns, node.size[1], value.shape[1]).T
            found.append(value)
        return found


def axis_matrix(axis: Axis, after: int, before: int) -> Tensor:
    """How often each place of the input enters each of the output: float64 `[after, before]`."""
    matrix = torch.zeros(after, before, dtype=torch.float64)
    for place in range(after):
        for source, weight in taps_at(axis, place):
            if 0 <= source < before:
                matrix[place, source] += weight
    return matrix


def taps_at(axis: Axis, place: int) -> Sequence[tuple[int, float]]:
    """The places of the input that one of the output is made of; of a window some may lie outside."""
    if isinstance(axis, Window):
        first = place * axis.stride - axis.padding
        return [(first + tap * axis.dilation, 1.0) for tap in range(axis.kernel)]
    return axis[place]
