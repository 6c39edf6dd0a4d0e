"""Figures read from a map of gradients or from class maps."""

import torch
from torch import Tensor


def radius(gradient: Tensor, centre: tuple[float, float], share: float) -> float:
    """Distance from `centre` within which `share` of a map's sum lies.

    Every place counts where its centre lies; between two distances at which places lie, the sum is taken to
    grow evenly, so that maps that differ a little have radii that differ a little.

    Args:
        gradient: Not negative, [H, W].
        centre: Row and column in places, not necessarily whole.
        share: From 0 to 1.

    Returns:
        Euclidean distance in places; 0 where that share lies on the centre itself, nan for a map of zeros.
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


def overlap(one: Tensor, other: Tensor) -> float:
    """Share of the gradient that two units have in common: the sum of min(p, q), each map scaled to sum 1.

    Args:
        one: Gradient of a unit, not negative, [H, W].
        other: That of another unit.

    Returns:
        0 where no place counts for both, 1 where the maps are proportional, nan where one is zero.
    """
    p, q = one.double(), other.double()
    return float(torch.minimum(p / p.sum(), q / q.sum()).sum())


def variogram(maps: Tensor, distance: int) -> float:
    """Mean squared difference of values `distance` places apart along rows and columns: V(h).

    Args:
        maps: [..., H, W], both sides larger than `distance`.
        distance: In places, from 1.

    Source: Matheron 1963, "Principles of geostatistics", without the factor 1/2, which a ratio cancels.
    """
    values = maps.double()
    down = (values[..., distance:, :] - values[..., :-distance, :]).square()
    right = (values[..., distance:] - values[..., :-distance]).square()
    return float((down.sum() + right.sum()) / (down.numel() + right.numel()))


def variogram_ratio(maps: Tensor, distance: int) -> float:
    """V(1) / V(distance) of maps [..., H, W].

    Returns:
        Below 1 where neighbours are alike (0.25 for a slope and a distance of 2), 1 for noise, above 1 where
        places `distance` apart are more alike than neighbours: a grid. nan for constant maps, inf where
        only neighbours differ, nan where a map is too small for the distance.
    """
    if distance >= min(maps.shape[-2:]):
        return float("nan")
    near, far = variogram(maps, 1), variogram(maps, distance)
    if far == 0:
        return float("inf") if near > 0 else float("nan")
    return near / far
