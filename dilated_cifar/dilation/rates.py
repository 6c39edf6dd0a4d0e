"""Verdicts on a list of dilation rates: whether a stack of dilated convolutions covers every pixel.

All of it concerns convolutions with an odd kernel of one size and stride 1, in any order; nothing here
imports torch. Rows and columns do not mix, so one dimension decides for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from dilated_cifar.dilation.arithmetic import check_odd


@dataclass(frozen=True)
class Ruling:
    """What one rule says: whether it holds (None where it does not apply), and why, in a sentence."""

    rule: str
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """All that the theory says about a list of rates.

    `receptive_field` is in pixels; `covered` the share of its square that enters the output; `nearest_hole`
    the distance in pixels from the centre to the first pixel that does not, None where there is none.
    `distances` are the published M_1..M_n, `factor` the greatest common factor, `alternatives` the nearest
    rates without holes (empty where there are none to mend).
    """

    rates: tuple[int, ...]
    kernel_size: int
    receptive_field: int
    covered: float
    nearest_hole: int | None
    distances: tuple[int, ...]
    factor: int
    alternatives: tuple[tuple[int, ...], ...]
    exact: Ruling
    published: Ruling
    common_factor: Ruling

    @property
    def rulings(self) -> tuple[Ruling, Ruling, Ruling]:
        """The exact criterion, the published distance and the common-factor rule."""
        return (self.exact, self.published, self.common_factor)


def judge(rates: Sequence[int], kernel_size: int = 3) -> Verdict:
    """Judge a list of rates by the exact criterion and by the two published rules.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.

    Source: Wang et al. 2018, "Understanding convolution for semantic segmentation", section 3.2 and
    equation 2, for the published rules.
    """
    check_rates(rates, kernel_size)
    offsets = _covered_offsets(rates, kernel_size)
    radius = receptive_field(rates, kernel_size) // 2
    holes = [offset for offset in range(radius + 1) if offset not in offsets]
    distances = hdc_distances(rates)
    factor = gcd(*rates)
    return Verdict(
        rates=tuple(rates),
        kernel_size=kernel_size,
        receptive_field=2 * radius + 1,
        covered=(len(offsets) / (2 * radius + 1)) ** 2,
        nearest_hole=holes[0] if holes else None,
        distances=distances,
        factor=factor,
        alternatives=nearest_without_holes(rates, kernel_size) if holes else (),
        exact=_rule_exactly(rates, kernel_size),
        published=_rule_by_distance(distances, kernel_size),
        common_factor=_rule_by_factor(rates, factor),
    )


def warning(rates: Sequence[int], kernel_size: int = 3) -> str | None:
    """Say in one line what rates with holes miss and what to try instead; None for rates without holes.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.
    """
    verdict = judge(rates, kernel_size)
    if verdict.nearest_hole is None:
        return None
    alternatives = " or ".join(str(list(found)) for found in verdict.alternatives)
    return (
        f"dilations {list(rates)} leave holes: with kernel_size={kernel_size} an output sees "
        f"{verdict.covered:.1%} of its {verdict.receptive_field}x{verdict.receptive_field} receptive field, "
        f"and the nearest pixel it misses is {verdict.nearest_hole} from the centre; try {alternatives}"
    )


def check_rates(rates: Sequence[int], kernel_size: int = 3) -> None:
    """Refuse what is no list of dilation rates.

    Raises:
        ValueError: the list is empty, a rate is not a whole number of at least 1, or the kernel is even.
    """
    check_odd(kernel_size)
    if not rates:
        raise ValueError("the list of rates is empty, at least one was expected: write for example [1, 2, 5]")
    for rate in rates:
        if not isinstance(rate, int) or isinstance(rate, bool) or rate < 1:
            raise ValueError(
                f"rate {rate!r} in {list(rates)} is no dilation, whole numbers of at least 1 were expected: "
                "write 1 for a convolution without dilation"
            )


def receptive_field(rates: Sequence[int], kernel_size: int = 3) -> int:
    """Compute the receptive field in pixels of a stack at stride 1: 1 + (K-1) (r_1 + ... + r_n)."""
    return 1 + (kernel_size - 1) * sum(rates)


def has_holes(rates: Sequence[int], kernel_size: int = 3) -> bool:
    """Decide exactly whether some pixel of the receptive field never enters the output.

    There is none if and only if, from the smallest rate up, every rate is at most the receptive field of the
    smaller ones, which starts at 1. (If one is larger than that field of F pixels, so are all behind it, and
    the pixel F steps inside the edge of the whole field is missed.) The order does not matter.
    """
    return _first_gap(rates, kernel_size) is not None


def hdc_distances(rates: Sequence[int]) -> tuple[int, ...]:
    """Compute M_1..M_n, the published distance between two covered pixels, from the last layer back.

    M_n = r_n and M_i = max(M_{i+1} - 2 r_i, 2 r_i - M_{i+1}, r_i); the kernel size does not enter.

    Source: Wang et al. 2018, equation 2.
    """
    distances = [rates[-1]]
    for rate in reversed(rates[:-1]):
        distances.append(max(distances[-1] - 2 * rate, 2 * rate - distances[-1], rate))
    return tuple(reversed(distances))


def _first_gap(rates: Sequence[int], kernel_size: int) -> tuple[int, int] | None:
    """Smallest rate that exceeds the field of the smaller ones, with that field."""
    field = 1
    for rate in sorted(rates):
        if rate > field and kernel_size > 1:
            return rate, field
        field += (kernel_size - 1) * rate
    return None


def _covered_offsets(rates: Sequence[int], kernel_size: int) -> set[int]:
    half = kernel_size // 2
    offsets = {0}
    for rate in rates:
        offsets = {offset + rate * tap for offset in offsets for tap in range(-half, half + 1)}
    return offsets


def _rule_exactly(rates: Sequence[int], kernel_size: int) -> Ruling:
    gap = _first_gap(rates, kernel_size)
    reason = "every rate is at most the receptive field of the smaller ones: no pixel is missed"
    if gap is not None:
        field = f"{gap[1]}, the receptive field of the smaller rates"
        reason = f"rate {gap[0]} is larger than {field}: pixels are missed"
    return Ruling("exact criterion", gap is None, reason)


def _rule_by_distance(distances: tuple[int, ...], kernel_size: int) -> Ruling:
    if len(distances) == 1:
        return Ruling(
            "published distance", None, "a single rate has no M_2: the published rule does not apply"
        )
    holds = distances[1] <= kernel_size
    compared = f"M_2 = {distances[1]} is {'at most' if holds else 'larger than'} K = {kernel_size}"
    outcome = f"the published rule is {'satisfied' if holds else 'violated'}"
    return Ruling("published distance", holds, f"{compared}: {outcome}")


def _rule_by_factor(rates: Sequence[int], factor: int) -> Ruling:
    reason = f"{list(rates)} have no common factor: a published necessary condition is satisfied"
    if factor > 1:
        reason = f"all of {list(rates)} are multiples of {factor}: pixels between the multiples are missed"
    return Ruling("common factor", factor == 1, reason)


def nearest_without_holes(rates: Sequence[int], kernel_size: int) -> tuple[tuple[int, ...], ...]:
    """Find the lists of the same length without holes that change least, with any field and with the same.

    The first has the least sum of absolute changes; the second, where it is another one, the least change
    among those whose receptive field is the given one, or else the widest below it. For [2, 2, 2] and a
    kernel of 3 they are [1, 2, 2] and [1, 2, 3].
    """
    ascending = sorted(rates)
    costs = _least_changes(ascending, kernel_size)
    feasible = np.flatnonzero(np.isfinite(costs[-1]))
    total = sum(rates)
    smallest_change = min(feasible, key=lambda reached: (costs[-1][reached], abs(reached - total)))
    same_field = feasible[feasible <= total].max()
    found = dict.fromkeys(
        _in_given_order(rates, _walk_back(ascending, kernel_size, costs, int(reached)))
        for reached in (smallest_change, same_field)
    )
    return tuple(found)


def _least_changes(ascending: list[int], kernel_size: int) -> list[np.ndarray]:
    """Least change of the first i rates that makes them sum to s without holes: table [i][s].

    A rate r fits behind smaller ones that sum to s if it is at most their receptive field, 1 + (K-1) s. So
    the sum is all that the next choice has to know about the choices before it.
    """
    sums = 2 * sum(ascending) + 1
    costs = [np.full(sums, np.inf)]
    costs[0][0] = 0.0
    for rate in ascending:
        latest = np.full(sums, np.inf)
        for choice in range(1, sum(ascending) + 1):
            least = _least_sum_before(choice, kernel_size)
            reached = latest[least + choice :]
            np.minimum(reached, costs[-1][least : sums - choice] + abs(choice - rate), out=reached)
        costs.append(latest)
    return costs


def _walk_back(ascending: list[int], kernel_size: int, costs: list[np.ndarray], reached: int) -> list[int]:
    chosen: list[int] = []
    for index in range(len(ascending) - 1, -1, -1):
        for choice in range(reached, 0, -1):
            before = reached - choice
            cost = costs[index][before] + abs(choice - ascending[index])
            if before >= _least_sum_before(choice, kernel_size) and cost == costs[index + 1][reached]:
                break
        chosen.append(choice)
        reached = before
    return chosen[::-1]


def _least_sum_before(rate: int, kernel_size: int) -> int:
    return -(-(rate - 1) // (kernel_size - 1))


def _in_given_order(rates: Sequence[int], ascending: list[int]) -> tuple[int, ...]:
    order = sorted(range(len(rates)), key=lambda index: rates[index])
    return tuple(rate for _, rate in sorted(zip(order, ascending, strict=True)))
