"""Which pixels move the centre unit? The effective receptive field: its radii, and gradients drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from dilated_cifar.inspection.lettering import fitted
from dilated_cifar.inspection.observation import LabelledGradients, Measure

_COLOURS = colormaps["viridis"].with_extremes(bad="0.85")
_PANEL_INCHES = 4.2


def radius(gradient: Tensor, centre: tuple[float, float], share: float) -> float:
    """Distance from `centre` within which `share` of a map's sum lies.

    Every position counts where its centre lies; between two distances at which positions lie, the sum is
    taken to grow linearly, so that maps that differ a little have radii that differ a little.

    Args:
        gradient: Not negative, [H, W].
        centre: Row and column in positions, not necessarily whole.
        share: From 0 to 1.

    Returns:
        Euclidean distance in positions; 0 where that share lies on the centre itself, nan for a map of zeros.
    """
    rows, columns = torch.meshgrid(*(torch.arange(side) for side in gradient.shape), indexing="ij")
    # Squares are exact, so that equal distances are found equal.
    squares = ((rows.double() - centre[0]).square() + (columns.double() - centre[1]).square()).flatten()
    distances, ring = squares.unique(return_inverse=True)
    sums = torch.zeros_like(distances).index_add_(0, ring, gradient.flatten().double().cpu()).cumsum(0)
    if sums[-1] == 0:
        return float("nan")
    shares = sums / sums[-1]
    # A hair lower, against a rounding error in the last digit.
    reached = int((shares >= share * (1 - 1e-12)).nonzero()[0, 0])
    outer = float(distances[reached].sqrt())
    if reached == 0:
        return outer
    inner, before, after = float(distances[reached - 1].sqrt()), shares[reached - 1], shares[reached]
    return inner + float((share - before) / (after - before)) * (outer - inner)


MEASURES = (
    Measure(
        "radius_50",
        "50% radius (pixels)",
        "the Euclidean distance from the centre of the unit's receptive field within which half of its "
        "gradient at the image lies; each pixel counts at its centre, with linear interpolation in between",
        "effective receptive field: Luo et al. 2016",
        lambda observed: radius(observed.gradients.image[0], observed.target.centre, 0.5),
    ),
    Measure(
        "radius_95",
        "95% radius (pixels)",
        "the same for 95% of the gradient",
        "Luo et al. 2016",
        lambda observed: radius(observed.gradients.image[0], observed.target.centre, 0.95),
    ),
)


@dataclass(frozen=True)
class Panel:
    """A gradient map [H, W] with its title, and around its centre circles and a square, in positions."""

    title: str
    gradient: Tensor
    centre: tuple[float, float]
    radii: tuple[float, ...] = ()
    """The first is drawn solid, the second dashed."""
    field: tuple[int, int] | None = None
    """Height and width of a dotted rectangle: the receptive field."""
    lattice: int | None = None
    """Marks the positions this far apart around the centre where there is a gradient."""


def draw_effective_fields(networks: Sequence[LabelledGradients]) -> Figure:
    """Draw the gradient at the image, a row a network: trained beside randomly initialised."""
    rows = []
    for network in networks:
        target, panels = network.target, []
        for name, gradients in network.gradients.items():
            radii = tuple(radius(gradients.image[0], target.centre, share) for share in (0.5, 0.95))
            title = f"{name}: 50% within {radii[0]:.1f}, 95% within {radii[1]:.1f} pixels"
            panels.append(Panel(title, gradients.image[0], target.centre, radii, target.receptive_field))
        rows.append((network.label, panels))
    title = (
        "Effective receptive field: gradient of the centre unit of the last feature map (grey: zero)\n"
        "solid: 50% of the gradient, dashed: 95%, dotted: receptive field"
    )
    return draw_gradients(rows, title, unit="pixel")


def draw_gradients(rows: Sequence[tuple[str, Sequence[Panel]]], title: str, *, unit: str) -> Figure:
    """Draw gradient maps in rows, one row a network, each scaled to its largest value.

    Args:
        rows: Heading and panels of each row; at least one row, and as many panels in each.
        title: Says what is drawn.
        unit: What the rows and columns are of: `pixel` or `feature-map`.
    """
    columns = max(len(panels) for _, panels in rows)
    width = _PANEL_INCHES * columns + 0.9
    figure = Figure(figsize=(width, (_PANEL_INCHES + 0.3) * len(rows) + 0.7), layout="constrained")
    figure.suptitle(fitted(title, width, 12), fontsize=12)
    blocks = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for block, (heading, panels) in zip(blocks, rows, strict=True):
        block.suptitle(fitted(heading, width, 11), fontsize=11, fontweight="bold")
        line = block.subplots(1, columns, squeeze=False)[0]
        for axes, panel in zip(line, panels, strict=True):
            picture = draw_panel(axes, panel, unit)
        label = "mean absolute gradient, share of the largest"
        block.colorbar(picture, ax=line.tolist(), label=label, shrink=0.9)
    return figure


def draw_panel(axes: Axes, panel: Panel, unit: str) -> AxesImage:
    """Draw one gradient map; grey where there is none at all."""
    gradient = panel.gradient.numpy()
    shares = np.ma.masked_equal(gradient / max(gradient.max(), 1e-30), 0)
    # The square root keeps the faint surroundings visible; the scale says so by its ticks.
    picture = axes.imshow(shares, cmap=_COLOURS, norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    row, column = panel.centre
    for radius_drawn, style in zip(panel.radii, ("-", "--"), strict=False):
        for colour, width in (("black", 3.0), ("white", 1.5)):
            looks = {"edgecolor": colour, "linewidth": width, "linestyle": style}
            axes.add_patch(Circle((column, row), radius_drawn, fill=False, **looks))
    if panel.field is not None:
        height, width = panel.field
        corner = (column - width / 2, row - height / 2)
        axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="red", linestyle=":"))
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
    axes.set_title(fitted(panel.title, _PANEL_INCHES, 10), fontsize=10)
    return picture
