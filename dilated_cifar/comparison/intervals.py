"""The statistics of a comparison, each a few lines over scipy's distributions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm, t

LEVEL = 0.95
NORMAL = float(norm.ppf((1 + LEVEL) / 2))
SAME = 1e-6
"""Accuracies nearer than this are equal: one image of 10,000 is a hundred times more, and what is smaller
is the rounding of 32-bit floats, of which no interval may be made."""


@dataclass(frozen=True)
class Estimate:
    """A mean over runs with its 95% interval, or with the reason why there is none."""

    mean: float
    low: float | None
    high: float | None
    count: int
    why_none: str | None = None


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference of pairs with its 95% interval, and the p-value of "there is no difference"."""

    estimate: Estimate
    p_value: float | None


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same images: how many only one of them has right, and how likely that is."""

    only_first: int
    only_second: int
    exact: float
    mid_p: float


def mean_interval(
    values: Sequence[float], *, what: str = "seed", bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate:
    """Mean of independent runs and its t interval.

    Args:
        values: One for each run; at least one.
        what: What one value is of, for the reason why there is no interval.
        bounds: What the mean cannot lie outside of; an interval cut there covers as often as before.

    Source: Student 1908; every textbook's mean ± t(n-1) s / sqrt(n).
    """
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Estimate(mean, None, None, 1, f"one {what}: no interval")
    spread = float(np.std(values, ddof=1))
    if spread < SAME:
        return Estimate(mean, None, None, count, f"{count} {what}s, all equal: no interval")
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * spread / math.sqrt(count)
    return Estimate(mean, max(mean - half, bounds[0]), min(mean + half, bounds[1]), count)


def paired_difference(
    one: Sequence[float], other: Sequence[float], *, what: str = "pair"
) -> PairedDifference:
    """Mean of `one` minus `other`, pair by pair, with the t interval and the t test of the differences.

    Pairs that share a seed share what is easy or hard in it, so their differences vary less than the runs.
    """
    differences = [a - b for a, b in zip(one, other, strict=True)]
    estimate = mean_interval(differences, what=what, bounds=(-1.0, 1.0))
    if estimate.why_none is not None:
        return PairedDifference(estimate, None)
    error = float(np.std(differences, ddof=1)) / math.sqrt(len(differences))
    return PairedDifference(estimate, float(2 * t.sf(abs(estimate.mean) / error, len(differences) - 1)))


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """McNemar's test on which images [N] each of two classifiers has right.

    Returns:
        The exact conditional p-value, and the mid-p value, which errs less on the safe side.

    Source: McNemar 1947; Fagerland, Lydersen and Laake 2013, equations 4 and 5, for the mid-p value.
    """
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    fewer, both = min(only_first, only_second), only_first + only_second
    tail, point = float(binom.cdf(fewer, both, 0.5)), float(binom.pmf(fewer, both, 0.5))
    return McNemar(only_first, only_second, exact=min(1.0, 2 * tail), mid_p=min(1.0, 2 * tail - point))


def wilson(right: int, total: int) -> tuple[float, float]:
    """95% interval of a share over draws of the images, for one run.

    scipy has it, behind a test that takes a thousand times as long and that nobody asks for here.

    Source: Wilson 1927.
    """
    share, z = right / total, NORMAL
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for how many there are, so that one false alarm among all is as rare as in one test.

    Those that are None stay None and do not count.

    Source: Holm 1979.
    """
    known = sorted((value, index) for index, value in enumerate(p_values) if value is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, index) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted
