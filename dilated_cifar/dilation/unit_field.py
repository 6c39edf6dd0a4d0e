"""What the centre unit of a map sees of an image, and how much of that enters it; without torch."""

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.dilation.arithmetic import Pair, convolution_output_size


class Window(NamedTuple):
    """A convolution or a pooling, alike along rows and columns."""

    kernel: int
    stride: int = 1
    padding: int = 0
    rate: int = 1


class Line(NamedTuple):
    """What a unit sees of one row or column: how often each pixel enters it, float64 `[n]`, and its field.

    `first` and `last` are the ends of the receptive field, which may lie outside the image.
    """

    counts: NDArray[np.float64]
    first: int
    last: int


class Seen(NamedTuple):
    """The part `box` of a receptive field on an image (first row, first column, end row, end column).

    `centre` is that of the whole field, `covered` the share of the box that enters the unit, `nearest_hole`
    the distance in rows or columns from the centre to the nearest pixel of the box that does not, None where
    all do.
    """

    box: tuple[int, int, int, int]
    centre: tuple[float, float]
    covered: float
    nearest_hole: float | None


def centre_line(size: int, windows: Sequence[Window]) -> Line:
    """Count how often each of `size` pixels in a row enters the centre unit behind a stack of windows.

    Rows and columns of a stack do not mix: in two dimensions the counts are the product of two lines.

    Raises:
        ValueError: a map vanishes.
    """
    sizes = [size]
    for each in windows:
        sizes.append(convolution_output_size(sizes[-1], each.kernel, each.stride, each.padding, each.rate))
    first = last = sizes[-1] // 2
    counts = np.zeros(sizes[-1])
    counts[first] = 1
    for each, before in zip(reversed(windows), reversed(sizes[:-1]), strict=True):
        after, counts = counts, np.zeros(before)
        for tap in range(each.kernel):
            read = np.arange(len(after)) * each.stride + tap * each.rate - each.padding
            inside = (read >= 0) & (read < before)
            counts[read[inside]] += after[inside]  # no two positions read the same one with the same tap
        first = first * each.stride - each.padding
        last = last * each.stride - each.padding + (each.kernel - 1) * each.rate
    return Line(counts, first, last)


def seen_of(counts: NDArray[np.float64], rows: Pair, columns: Pair) -> Seen:
    """Say how much of a receptive field enters its unit.

    Args:
        counts: How often each pixel of the image enters the unit, `[H, W]`.
        rows: First and last row of the field, which may lie outside the image.
        columns: First and last column.
    """
    centre = ((rows[0] + rows[1]) / 2, (columns[0] + columns[1]) / 2)
    top, left = max(0, rows[0]), max(0, columns[0])
    bottom, right = min(counts.shape[0], rows[1] + 1), min(counts.shape[1], columns[1] + 1)
    inside = counts[top:bottom, left:right]
    holes = np.argwhere(inside == 0) + np.array([top, left])
    nearest = float(np.abs(holes - centre).max(1).min()) if len(holes) else None
    return Seen(
        (top, left, bottom, right), centre, float((inside > 0).mean()) if inside.size else nan, nearest
    )
