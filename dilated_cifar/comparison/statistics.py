"""The statistics of a comparison, each a few lines over scipy's."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr, stdtrit  # scipy.stats takes a second to import

from dilated_cifar.evaluation.intervals import CONFIDENCE, wilson_interval

ALPHA = 1 - CONFIDENCE
SAME = 1e-6
"""Accuracies nearer than this are equal: one image of 10,000 is a hundred times more, and what is smaller
is the rounding of 32-bit floats, of which no interval may be made."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95% interval, or with the reason why there is none."""

    mean: float
    low: float | None
    high: float | None
    count: int
    """Runs, folds or images that it is the mean of."""
    why_none: str | None = None
    method: Literal["t", "corrected t", "Wilson"] = "t"
    """Of the interval: over runs, over the folds of a cross-validation, or over the images of one run."""


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same images: how many only one of them gets right, and how likely that is."""

    only_first: int
    only_second: int
    exact: float
    mid_p: float


def mean_interval(
    values: Sequence[float],
    *,
    what: str = "seed",
    mixed: Collection[str] = (),
    bounds: tuple[float, float] = (-math.inf, math.inf),
    folds: int | None = None,
) -> Estimate:
    """Mean of independent runs and its t interval (Student 1908), or of folds and the corrected one.

    Args:
        values: One for each run, or for each fold; at least one.
        what: What one value is of, for the reason why there is no interval.
        mixed: Keys other than the seed in which the runs differ; with any, there is no interval.
        bounds: What the mean cannot lie outside of; an interval cut there covers as often as before.
        folds: Into how many parts the training images were divided; None for independent runs.
    """
    count, mean = len(values), math.fsum(values) / len(values)
    reason = why_no_interval(values, what, mixed)
    method: Literal["t", "corrected t"] = "t" if folds is None else "corrected t"
    if reason is not None:
        return Estimate(mean, None, None, count, reason, method)
    reach = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * standard_error(values, folds)
    return Estimate(mean, max(mean - reach, bounds[0]), min(mean + reach, bounds[1]), count, method=method)


def standard_error(values: Sequence[float], folds: int | None = None) -> float:
    """The standard error of the mean of runs, or of folds, whose training sets overlap.

    The variance of values `[n]` over n is that of a mean of independent values. Two folds train on mostly the
    same images; their correlation is taken to be the share of images that is held out, so that 1/n becomes
    1/n + (held out)/(trained on) = 1/n + 1/(folds - 1).

    Source: Nadeau and Bengio 2003, "Inference for the generalization error", section 3 (the corrected
    resampled t test).
    """
    overlap = 0.0 if folds is None else 1 / (folds - 1)
    return float(np.std(values, ddof=1)) * math.sqrt(1 / len(values) + overlap)


def paired_difference(
    one: Sequence[float],
    other: Sequence[float],
    *,
    what: str = "pair",
    mixed: Collection[str] = (),
    folds: int | None = None,
) -> tuple[Estimate, float | None]:
    """Mean of `one` minus `other`, shares, pair by pair, with the interval and p-value of the paired t test.

    Pairs that share a seed or a fold share what is easy or hard in it, so their differences vary less than
    the runs. `what`, `mixed` and `folds` are those of `mean_interval`.
    """
    differences = [a - b for a, b in zip(one, other, strict=True)]
    found = mean_interval(differences, what=what, mixed=mixed, bounds=(-1, 1), folds=folds)
    if found.why_none is not None:
        return found, None
    statistic = abs(found.mean) / standard_error(differences, folds)
    return found, float(2 * stdtr(found.count - 1, -statistic))


def share_interval(hits: int, images: int) -> Estimate:
    """The share of correctly classified images of one run, with its Wilson interval."""
    low, high = wilson_interval(hits, images)
    return Estimate(hits / images, low, high, images, method="Wilson")


def why_no_interval(values: Sequence[float], what: str, mixed: Collection[str]) -> str | None:
    """Why a t interval of the values would say nothing, or None where it says something."""
    if len(values) == 1:
        return f"one {what}: no interval"
    if mixed:
        return f"runs differ in {', '.join(mixed)}: no interval"
    if np.std(values, ddof=1) < SAME:
        return f"{len(values)} {what}s, all equal: no interval"
    return None


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """McNemar's test on which images [N] each of two classifiers gets right.

    Returns:
        The exact conditional p-value, and the mid-p value, which is less conservative.

    Source: McNemar 1947; Fagerland, Lydersen and Laake 2013, equations 4 and 5, for the mid-p value.
    """
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    fewer, both = min(only_first, only_second), only_first + only_second
    tail = float(bdtr(fewer, both, 0.5))
    point = tail - (float(bdtr(fewer - 1, both, 0.5)) if fewer else 0.0)
    return McNemar(only_first, only_second, exact=min(1.0, 2 * tail), mid_p=min(1.0, 2 * tail - point))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for how many there are, so that one false alarm among all is as rare as in one test.

    Those that are None stay None and do not count.

    Source: Holm 1979. scipy's `false_discovery_control` bounds another rate, and has no Holm.
    """
    known = sorted((value, index) for index, value in enumerate(p_values) if value is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, index) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted
