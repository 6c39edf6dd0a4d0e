"""The rates without holes that lie nearest to a list of rates, without torch."""

from collections.abc import Sequence

import numpy as np


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
    found = dict(zip(order, ascending, strict=True))
    return tuple(found[index] for index in range(len(rates)))
