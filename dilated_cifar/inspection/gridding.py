"""Do neighbouring units read disjoint lattices? Gridding: its measures and its picture."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dilated_cifar.dilation.coverage import lattice_share
from dilated_cifar.inspection.effective_field import Panel, draw_gradients
from dilated_cifar.inspection.observation import LabelledGradients, Measure, Observation
from dilated_cifar.percentages import percent

NO_DILATION = 2
"""Distance of the variogram for networks without dilation."""


def overlap(one: Tensor, other: Tensor) -> float:
    """Share of the gradient that two units have in common: the sum of min(p, q), each map scaled to sum 1.

    Args:
        one: Gradient of a unit, not negative, [H, W].
        other: That of another unit.

    Returns:
        0 where no position counts for both, 1 where the maps are proportional, nan where one is zero.
    """
    p, q = one.double(), other.double()
    return float(torch.minimum(p / p.sum(), q / q.sum()).sum())


def neighbour_overlap(maps: Tensor | None) -> float:
    """Mean overlap of the first map with the others, [units, H, W]; nan where there is none."""
    others = [] if maps is None else [overlap(maps[0], other) for other in maps[1:]]
    return sum(others) / len(others) if others else float("nan")


def own_lattice_share(observed: Observation) -> float:
    """Lattice share of the target's gradient at its stage; nan where there is no stage."""
    gradient, stage = observed.gradients.stage, observed.target.stage
    if gradient is None or stage is None:
        return float("nan")
    return lattice_share(gradient[0], stage.position, stage.rate)


def variogram(maps: Tensor, distance: int) -> float:
    """Mean squared difference of values `distance` positions apart along rows and columns: V(h).

    Args:
        maps: [..., H, W], both sides larger than `distance`.
        distance: In positions, from 1.

    Source: Matheron 1963, "Principles of geostatistics", without the factor 1/2, which a ratio cancels.
    """
    values = maps.double()
    down = (values[..., distance:, :] - values[..., :-distance, :]).square()
    right = (values[..., distance:] - values[..., :-distance]).square()
    return float((down.sum() + right.sum()) / (down.numel() + right.numel()))


def variogram_ratio(maps: Tensor | None, distance: int) -> float:
    """V(1) / V(distance) of maps [..., H, W].

    Returns:
        Below 1 where neighbours are alike (0.25 for a slope and a distance of 2), 1 for noise, above 1 where
        positions `distance` apart are more alike than neighbours: a grid. nan for constant maps, inf where
        only neighbours differ, nan where there are no maps or they are too small for the distance.
    """
    if maps is None or distance >= min(maps.shape[-2:]):
        return float("nan")
    near, far = variogram(maps, 1), variogram(maps, distance)
    if far == 0:
        return float("inf") if near > 0 else float("nan")
    return near / far


def variogram_distance(observed: Observation) -> int:
    """The rate at which the dilated layers begin, or 2 where there are none."""
    return NO_DILATION if observed.target.stage is None else observed.target.stage.rate


MEASURES = (
    Measure(
        "overlap_image",
        "overlap (image)",
        "the share of the gradient at the image that the unit and its neighbour have in common: the sum of "
        "min(p, q), each scaled to sum 1, mean of the neighbours below and to the right; 0 where they share "
        "no pixel",
        "gridding: Wang et al. 2018, section 3.2; the sum is this project's",
        lambda observed: neighbour_overlap(observed.gradients.image),
    ),
    Measure(
        "overlap_stage",
        "overlap (dilated layer)",
        "the same at the input of the first convolution with a dilation rate r above 1",
        "as above",
        lambda observed: neighbour_overlap(observed.gradients.stage),
    ),
    Measure(
        "lattice_share",
        "lattice share",
        "the part of the gradient at the input of the first convolution with a dilation rate r above 1 that "
        "falls on the unit's own lattice, every r-th position both ways: 1.00 is full gridding, 1/r^2 no "
        "preference; not given where no layer follows that convolution, since a single convolution reads one "
        "lattice in any network; it says nothing about holes in the image, nor about lattices that a later, "
        "larger rate keeps apart",
        "gridding: Yu, Koltun & Funkhouser 2017, section 4; the share is this project's",
        own_lattice_share,
    ),
    Measure(
        "variogram_ratio",
        "variogram V(1)/V(r)",
        "V(h) is the mean squared difference of class-map values h positions apart, over images, classes, "
        "rows and columns; r is the first rate above 1, or 2: below 1 for smooth maps, 1 for noise, above 1 "
        "for a grid",
        "variogram: Matheron 1963; class maps: Zhou et al. 2016",
        lambda observed: variogram_ratio(observed.class_maps, variogram_distance(observed)),
    ),
)


def draw_lattices(networks: Sequence[LabelledGradients]) -> Figure | None:
    """Draw the gradient where the dilated layers begin, a row a network: trained beside randomly initialised.

    Networks without such a stage are left out; None where no network has one.
    """
    rows = []
    for network in networks:
        stage, panels = network.target.stage, []
        for name, gradients in network.gradients.items():
            if stage is None or gradients.stage is None:
                continue
            gradient, (row, column) = gradients.stage[0], stage.position
            share = lattice_share(gradient, stage.position, stage.rate)
            title = f"{name}: {percent(share, 0)} on its own lattice"
            panels.append(Panel(title, gradient, (float(row), float(column)), lattice=stage.rate))
        if stage is not None and panels:
            rows.append((f"{network.label}: input of {stage.layer}, rate {stage.rate}", panels))
    title = (
        "Gradient of the centre unit at the input of the first dilated convolution (grey: zero)\n"
        "red: positions of its own lattice"
    )
    return draw_gradients(rows, title, unit="feature-map") if rows else None
