"""What trained networks see, drawn beside what fresh ones see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from dilated_cifar.inspection.sight_features import LastMaps, Strongest

_COLOURS = colormaps["viridis"].with_extremes(bad="0.85")
_PANEL = 4.2
_THUMBNAIL = 1.35


@dataclass(frozen=True)
class Panel:
    """A gradient map [H, W] with its title, and around its centre circles and a square, in places."""

    title: str
    gradient: Tensor
    centre: tuple[float, float]
    radii: tuple[float, float] | None = None
    """Drawn solid and dashed."""
    field: tuple[int, int] | None = None
    """Height and width of a dotted rectangle: the receptive field."""
    lattice: int | None = None
    """Marks the places this far apart around the centre where there is a gradient."""


def draw_gradients(rows: Sequence[Sequence[Panel]], title: str, *, unit: str) -> Figure:
    """Draw gradient maps in rows, one row a network, each scaled to its largest value.

    Args:
        rows: Panels of equal number in each row.
        title: Says what is seen.
        unit: What a place is, for the axes: `pixel` or `place`.
    """
    columns = max(len(row) for row in rows)
    figure = Figure(figsize=(_PANEL * columns + 0.9, _PANEL * len(rows) + 0.7), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    picture = None
    for line, row in zip(grid, rows, strict=True):
        for axes, panel in zip(line, row, strict=True):
            picture = draw_panel(axes, panel, unit)
    if picture is not None:
        label = "mean absolute gradient, share of the largest"
        figure.colorbar(
            picture, ax=grid.ravel().tolist(), label=label, shrink=min(1.0, 0.8 / len(rows) + 0.2)
        )
    figure.suptitle(title, fontsize=12)
    return figure


def draw_panel(axes: Axes, panel: Panel, unit: str) -> AxesImage:
    """Draw one gradient map; grey where there is none at all."""
    gradient = panel.gradient.numpy()
    shares = np.ma.masked_equal(gradient / max(gradient.max(), 1e-30), 0)
    # The square root keeps the faint surroundings visible; the scale says so by its ticks.
    picture = axes.imshow(shares, cmap=_COLOURS, norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    row, column = panel.centre
    for radius, style in zip(panel.radii or (), ("-", "--"), strict=False):
        for colour, width in (("black", 3.0), ("white", 1.5)):
            circle = Circle(
                (column, row), radius, fill=False, edgecolor=colour, linewidth=width, linestyle=style
            )
            axes.add_patch(circle)
    if panel.field is not None:
        corner = (column - panel.field[1] / 2, row - panel.field[0] / 2)
        axes.add_patch(
            Rectangle(corner, panel.field[1], panel.field[0], fill=False, edgecolor="red", linestyle=":")
        )
    if panel.lattice is not None:
        first = (round(row) % panel.lattice, round(column) % panel.lattice)
        own = np.zeros(gradient.shape, dtype=bool)
        own[first[0] :: panel.lattice, first[1] :: panel.lattice] = True
        rows, columns = np.nonzero(own & (gradient > 0))
        axes.plot(columns, rows, "o", markersize=3, color="red", markeredgecolor="white", markeredgewidth=0.5)
    axes.set_xlim(-0.5, gradient.shape[1] - 0.5)
    axes.set_ylim(gradient.shape[0] - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.set_xlabel(f"{unit} column")
    axes.set_ylabel(f"{unit} row")
    axes.set_title(panel.title, fontsize=10)
    return picture


def draw_side_by_side(
    images: Tensor, names: Sequence[str], networks: Sequence[tuple[str, Sequence[LastMaps]]]
) -> Figure:
    """Draw two rows an image, a column a network: the class map, and the strongest map it is made of.

    Args:
        images: uint8, [N, 3, H, W].
        names: Of the images.
        networks: Label of each network, and what it makes of each image.

    Source: Yu, Koltun & Funkhouser 2017, section 4.
    """
    side = 2.1
    size = (side * (1 + len(networks)) + 0.3, 2 * (side + 0.3) * len(images) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(
        "Class map of the class each network names (first row)\nand strongest channel of its last map "
        "(second); yellow: strong",
        fontsize=10,
    )
    grid = figure.subplots(2 * len(images), 1 + len(networks), squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        upper, lower = grid[2 * number : 2 * number + 2]
        upper[0].imshow(image.permute(1, 2, 0).cpu().numpy())
        upper[0].set_title(name, fontsize=9, parse_math=False)
        for column, (label, found) in enumerate(networks, start=1):
            maps = found[number]
            upper[column].imshow(maps.class_map.numpy(), cmap="viridis", interpolation="nearest")
            upper[column].set_title(f"{label}: {maps.predicted}", fontsize=9)
            lower[column].imshow(maps.strongest.numpy(), cmap="viridis", interpolation="nearest")
            places = "x".join(str(length) for length in maps.strongest.shape)
            lower[column].set_title(f"channel {maps.channel} ({places})", fontsize=8)
    return figure


def draw_strongest(
    images: Tensor, names: Sequence[str], networks: Sequence[tuple[str, Sequence[Strongest]]]
) -> Figure:
    """Draw the strongest feature map of every layer: a row an image, a block of rows a network.

    Args:
        images: uint8, [N, 3, H, W].
        names: Of the images.
        networks: Label and feature maps of each network, of the same images.
    """
    columns = 1 + max(len(layers) for _, layers in networks)
    rows = len(images)
    height = (_THUMBNAIL + 0.35) * rows + 0.45
    figure = Figure(
        figsize=(max(7.0, _THUMBNAIL * columns), height * len(networks) + 0.4), layout="constrained"
    )
    figure.suptitle("The strongest channel of every layer (yellow: strong, blue: silent)", fontsize=11)
    blocks = figure.subfigures(len(networks), 1, squeeze=False)[:, 0]
    for block, (label, layers) in zip(blocks, networks, strict=True):
        block.suptitle(label, fontsize=10, fontweight="bold")
        grid = block.subplots(rows, columns, squeeze=False)
        for number, line in enumerate(grid):
            line[0].imshow(images[number].permute(1, 2, 0).cpu().numpy())
            line[0].set_title(names[number], fontsize=8, parse_math=False)
            for axes, layer in zip(line[1:], layers, strict=False):
                axes.imshow(layer.maps[number].numpy(), cmap="viridis", vmin=0, interpolation="nearest")
                size = "x".join(str(side) for side in layer.maps.shape[1:])
                axes.set_title(f"{layer.layer} ({size})\nchannel {layer.channels[number]}", fontsize=7)
            for axes in line:
                axes.set_axis_off()
    return figure
