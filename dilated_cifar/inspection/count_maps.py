"""Count maps, drawn: how often each pixel enters one unit, or one output of a list of dilation rates.

The only part of what is said of a network before training that needs matplotlib.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from dilated_cifar.dilation.coverage import Unit, count_map, count_maps, count_stages
from dilated_cifar.dilation.rates import Kernel, each_kernel, judge
from dilated_cifar.inspection.coverage import field_text, unit_text
from dilated_cifar.inspection.lettering import fitted, headed
from dilated_cifar.inspection.network import Inspection
from dilated_cifar.inspection.verdicts import kernels_text, listed
from dilated_cifar.percentages import percent

_COLOURS = colormaps["viridis"].with_extremes(bad="0.85")
_PANEL_INCHES = {1: 6.6, 2: 5.4}
_PANEL_INCHES_IN_A_LONG_ROW = 4.4
_PANELS_IN_A_ROW = 4
_POINTS_PER_INCH = 72


def draw_coverage(inspection: Inspection, *, name: str = "", inches: float | None = None) -> Figure:
    """Draw the count map of the rates, or where no rule on lists applies that of the unit, which there is."""
    if inspection.ruling is None:
        assert inspection.unit is not None
        return draw_unit(inspection.unit, name=name, inches=inches)
    # A list of rates is drawn around its centre, larger than on the image and with its numbers.
    ruling = inspection.ruling
    return draw_comparison([ruling.rates], ruling.kernel_sizes, name=name, inches=inches)


def draw_depths(inspection: Inspection, *, name: str = "") -> Figure:
    """Draw the count maps of the same unit from the last layer or stage back to the image."""
    if inspection.ruling is not None:
        return draw_layers(inspection.ruling.rates, inspection.ruling.kernel_sizes, name=name)
    assert inspection.unit is not None
    maps = count_stages(inspection.model, inspection.trace, inspection.unit)
    return draw_stages(inspection.unit, maps, name=name)


def draw_unit(unit: Unit, *, name: str = "", inches: float | None = None) -> Figure:
    """Draw how often each pixel of the image enters one unit of the network `name`; axes in pixels."""
    covered = f"{percent(unit.covered, 1)} of it on the image covered"
    title = f"{unit_text(unit)}\nreceptive field {field_text(unit)}, {covered}"
    maps = [(title, unit.counts)]
    return draw_count_maps(
        maps, "How often each pixel enters one unit", name=name, centred=False, inches=inches
    )


def draw_stages(unit: Unit, maps: Sequence[tuple[str, Tensor]], *, name: str = "") -> Figure:
    """Draw the count maps `[h, w]` of one unit, from the last stage's input back to the image.

    Every map is drawn as large as the image: behind strides and pools one position covers several pixels.
    """
    panels = []
    for stage, counts in maps:
        source = "the image" if stage == maps[-1][0] else f"input of {stage}"
        times = unit.counts.shape[0] // counts.shape[0]
        cell = f", one position drawn as {times}x{times} pixels" if times > 1 else ""
        drawn = counts.repeat_interleave(times, 0).repeat_interleave(times, 1)
        panels.append((f"{source}\n{counts.shape[0]}x{counts.shape[1]}{cell}", drawn))
    title = f"How often each position enters {unit_text(unit)}"
    return draw_count_maps(panels, title, name=name, centred=False)


def draw_comparison(
    lists: Sequence[Sequence[int]],
    kernel_size: Kernel = 3,
    *,
    name: str = "",
    inches: float | None = None,
) -> Figure:
    """Draw the count maps of lists of rates side by side, at one scale in pixels from the centre.

    `name` is that of a network whose rates these are.

    Raises:
        ValueError: there is no list, a list is empty, a rate or a kernel is below 1, or there is not one
            kernel a rate.
    """
    panels = []
    for rates in lists:
        verdict = judge(rates, kernel_size)
        side = verdict.receptive_field
        title = f"rates {listed(rates)}\nreceptive field {side}x{side}, {percent(verdict.covered, 1)} covered"
        panels.append((title, count_map(rates, kernel_size)))
    kernels = kernels_text(each_kernel(lists[0] if lists else [1], kernel_size))
    title = f"How often each pixel enters one output ({kernels})"
    return draw_count_maps(panels, title, name=name, inches=inches)


def draw_layers(rates: Sequence[int], kernel_size: Kernel = 3, *, name: str = "") -> Figure:
    """Draw the row of count maps from the last layer's input back to the image, in pixels from the centre.

    `name` is that of a network whose rates these are.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.
    """
    panels = []
    for number, counts in zip(range(len(rates), 0, -1), count_maps(rates, kernel_size), strict=True):
        source = "the image" if number == 1 else f"input of layer {number}"
        panels.append((f"{source}\n(through rate {rates[number - 1]})", counts))
    title = f"How often each position enters one output, rates {listed(rates)}"
    return draw_count_maps(panels, title, name=name)


def draw_count_maps(
    panels: Sequence[tuple[str, Tensor]],
    title: str,
    *,
    name: str = "",
    centred: bool = True,
    inches: float | None = None,
) -> Figure:
    """Draw titled count maps `[H, W]` in rows of up to four, numbers in the cells where they are legible.

    All panels show the same range of pixels: from the centre of the map, or, with `centred` off, as they lie
    on the image, from its top left pixel (0, 0). A map whose counts are all alike has no colour bar.
    A panel is `inches` wide, or as suits their number.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not panels:
        raise ValueError("there is no map to draw: write at least one, for example rates [1, 2, 5]")
    columns = min(len(panels), _PANELS_IN_A_ROW)
    rows = ceil(len(panels) / columns)
    inches = inches or _PANEL_INCHES.get(len(panels), _PANEL_INCHES_IN_A_LONG_ROW)
    figure = Figure(figsize=(inches * columns, 0.88 * inches * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    view = (max(counts.shape[0] for _, counts in panels), max(counts.shape[1] for _, counts in panels))
    for axes, (panel_title, counts) in zip(grid.flat, panels, strict=False):
        numbers = np.ma.masked_equal(counts.detach().cpu().numpy(), 0)
        first = _first(numbers.shape) if centred else (0, 0)
        scale = _draw_panel(figure, axes, numbers, first)
        first_shown = _first(view) if centred else (0, 0)
        axes.set_xlim(first_shown[1] - 0.5, first_shown[1] + view[1] - 0.5)
        axes.set_ylim(first_shown[0] + view[0] - 0.5, first_shown[0] - 0.5)
        axes.set_xlabel("pixels from the centre" if centred else "pixel column")
        axes.set_ylabel("pixels from the centre" if centred else "pixel row")
        axes.set_title(fitted(panel_title, inches, 10), fontsize=10)
        _write_numbers(axes, numbers, first, scale, 0.68 * inches * _POINTS_PER_INCH / max(view))
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    never = "; grey: never" if any(bool((counts == 0).any()) for _, counts in panels) else ""
    figure.suptitle(headed(name, title + never, inches * columns, 12), fontsize=12)
    return figure


def _first(shape: Sequence[int]) -> tuple[float, float]:
    """The first row and column of a map, counted from its centre."""
    return -(shape[0] - 1) / 2, -(shape[1] - 1) / 2


def _draw_panel(
    figure: Figure, axes: Axes, numbers: np.ma.MaskedArray, first: tuple[float, float]
) -> Normalize:
    height, width = numbers.shape
    scale = _scale(numbers)
    edges = (first[1] - 0.5, first[1] + width - 0.5, first[0] + height - 0.5, first[0] - 0.5)
    picture = axes.imshow(numbers, cmap=_COLOURS, norm=scale, extent=edges, interpolation="nearest")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    if numbers.count() == 0 or numbers.min() == numbers.max():
        return scale
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
    axes: Axes, numbers: np.ma.MaskedArray, first: tuple[float, float], scale: Normalize, cell_points: float
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
