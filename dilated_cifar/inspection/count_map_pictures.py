"""Count maps drawn: brighter is counted more often, grey is never seen."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from dilated_cifar.dilation.coverage import count_map, count_maps
from dilated_cifar.dilation.rates import judge

_COLOURS = colormaps["viridis"].with_extremes(bad="0.85")
_PANEL_INCHES = {1: 6.6, 2: 5.4}
_PANEL_INCHES_IN_A_LONG_ROW = 4.4
_PANELS_IN_A_ROW = 4
_POINTS_PER_INCH = 72


def draw_rates(rates: Sequence[int], kernel_size: int = 3) -> Figure:
    """Draw the count map of a list of rates as a heat map with its numbers; axes in pixels from the centre.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.
    """
    return draw_comparison([rates], kernel_size)


def draw_comparison(lists: Sequence[Sequence[int]], kernel_size: int = 3) -> Figure:
    """Draw the count maps of several lists of rates side by side, at one scale in pixels from the centre.

    Raises:
        ValueError: there is no list, a list is empty, a rate is below 1, or the kernel is even.
    """
    panels = []
    for rates in lists:
        verdict = judge(rates, kernel_size)
        seen = "no holes" if verdict.nearest_hole is None else f"{verdict.covered:.1%} seen"
        title = f"rates {_listed(rates)}\nfield {verdict.receptive_field} pixels, {seen}"
        panels.append((title, count_map(rates, kernel_size)))
    return draw_count_maps(
        panels, f"How often each pixel enters one output ({kernel_size}x{kernel_size} kernels)"
    )


def draw_layers(rates: Sequence[int], kernel_size: int = 3) -> Figure:
    """Draw the row of count maps from the last layer's input back to the image, in pixels from the centre.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.
    """
    panels = []
    for number, counts in zip(range(len(rates), 0, -1), count_maps(rates, kernel_size), strict=True):
        place = "the image" if number == 1 else f"what enters layer {number}"
        panels.append((f"{place}\n(through rate {rates[number - 1]})", counts))
    return draw_count_maps(panels, f"What one output counts, layer by layer, for rates {_listed(rates)}")


def draw_count_maps(panels: Sequence[tuple[str, Tensor]], title: str, *, centred: bool = True) -> Figure:
    """Draw titled count maps `[H, W]` in rows of up to four, numbers in the cells where they are legible.

    All panels show the same range of pixels: from the centre of the map, or, with `centred` off, as they lie
    on the image, from its top left pixel (0, 0).

    Raises:
        ValueError: there is nothing to draw.
    """
    if not panels:
        raise ValueError("there is no map to draw: write at least one, for example rates [1, 2, 5]")
    columns = min(len(panels), _PANELS_IN_A_ROW)
    rows = ceil(len(panels) / columns)
    inches = _PANEL_INCHES.get(len(panels), _PANEL_INCHES_IN_A_LONG_ROW)
    figure = Figure(figsize=(inches * columns, 0.88 * inches * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    view = (max(counts.shape[0] for _, counts in panels), max(counts.shape[1] for _, counts in panels))
    for axes, (panel_title, counts) in zip(grid.flat, panels, strict=False):
        numbers = np.ma.masked_equal(counts.detach().cpu().numpy(), 0)
        first = (-(numbers.shape[0] // 2), -(numbers.shape[1] // 2)) if centred else (0, 0)
        scale = _draw_panel(figure, axes, numbers, first)
        first_shown = (-(view[0] // 2), -(view[1] // 2)) if centred else (0, 0)
        axes.set_xlim(first_shown[1] - 0.5, first_shown[1] + view[1] - 0.5)
        axes.set_ylim(first_shown[0] + view[0] - 0.5, first_shown[0] - 0.5)
        axes.set_xlabel("pixels from the centre" if centred else "pixel column")
        axes.set_ylabel("pixels from the centre" if centred else "pixel row")
        axes.set_title(panel_title, fontsize=10)
        _write_numbers(axes, numbers, first, scale, 0.68 * inches * _POINTS_PER_INCH / max(view))
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    unseen = "; grey: never" if any(bool((counts == 0).any()) for _, counts in panels) else ""
    figure.suptitle(title + unseen, fontsize=12)
    return figure


def _draw_panel(figure: Figure, axes: Axes, numbers: np.ma.MaskedArray, first: tuple[int, int]) -> Normalize:
    height, width = numbers.shape
    scale = _scale(numbers)
    edges = (first[1] - 0.5, first[1] + width - 0.5, first[0] + height - 0.5, first[0] - 0.5)
    picture = axes.imshow(numbers, cmap=_COLOURS, norm=scale, extent=edges, interpolation="nearest")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    logarithmic = isinstance(scale, LogNorm)
    figure.colorbar(
        picture,
        ax=axes,
        label="count, logarithmic" if logarithmic else "count",
        shrink=0.8,
        ticks=None if logarithmic else MaxNLocator(nbins=6, integer=True),
    )
    return scale


def _scale(numbers: np.ma.MaskedArray) -> Normalize:
    """A linear scale from zero, or a logarithmic one where the largest count would hide the others."""
    if numbers.count() == 0:
        return Normalize(0, 1)
    least, most = float(numbers.min()), float(numbers.max())
    return LogNorm(least, most) if most > max(1000.0, least) else Normalize(0, most)


def _write_numbers(
    axes: Axes, numbers: np.ma.MaskedArray, first: tuple[int, int], scale: Normalize, cell_points: float
) -> None:
    digits = len(f"{numbers.max():.0f}") if numbers.count() else 1
    size = min(9.0, cell_points * 0.55, 1.4 * cell_points / digits)
    whole = bool((numbers == numbers.round()).all())
    if size < 5.5 or not whole:
        return
    for row, column in zip(*np.nonzero(~np.ma.getmaskarray(numbers)), strict=True):
        count = float(numbers[row, column])
        axes.text(
            first[1] + column,
            first[0] + row,
            f"{count:.0f}",
            ha="center",
            va="center",
            fontsize=size,
            color="black" if scale(count) > 0.55 else "white",
        )


def _listed(rates: Sequence[int]) -> str:
    return ", ".join(str(rate) for rate in rates)
