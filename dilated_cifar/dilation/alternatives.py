"""The nearest dilation rates without holes, found exactly by dynamic programming."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

Counts = tuple[int, ...]
"""How many layers of each kernel size have got their new rate."""


def nearest_without_holes(rates: Sequence[int], kernel_sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Find the lists of the same length without holes that change least, with any field and with the same.

    The first has the least sum of absolute changes; the second, where it is another one, the least change
    among those whose receptive field is the given one, or else the widest below it. For [2, 2, 2] and
    kernels of 3 they are [1, 2, 2] and [1, 2, 3]. Rates of layers with kernels of 1 pixel stay.

    A rate fits behind others if it is at most their receptive field (see `has_holes`). So that field, and how
    many layers of each kernel size are placed, are all that the next choice has to know about the choices
    before it. Of layers with one kernel size, the smaller new rate goes to the smaller old one: any other
    way changes as much or more, and the pixels reached are the same.
    """
    layers = {
        size: sorted(
            (number for number, kernel in enumerate(kernel_sizes) if kernel == size), key=lambda n: rates[n]
        )
        for size in sorted(set(kernel_sizes) - {1})
    }
    groups = [(size, [rates[number] for number in numbers]) for size, numbers in layers.items()]
    costs = _least_changes(groups)
    whole = tuple(len(old) for _, old in groups)
    feasible = np.flatnonzero(np.isfinite(costs[whole]))
    given = sum((size - 1) * rate for size, old in groups for rate in old)
    smallest_change = min(feasible, key=lambda reached: (costs[whole][reached], abs(reached - given)))
    same_field = feasible[feasible <= given].max()
    found: dict[tuple[int, ...], None] = {}
    for reached in (smallest_change, same_field):
        mended = list(rates)
        for group, index, choice in _walk_back(groups, costs, int(reached)):
            mended[layers[groups[group][0]][index]] = choice
        found[tuple(mended)] = None
    return tuple(found)


def _least_changes(groups: Sequence[tuple[int, list[int]]]) -> dict[Counts, np.ndarray]:
    """Least change of the first layers of each group that gives them a field of 1 + s without holes.

    Args:
        groups: Kernel size, and the rates of its layers, ascending.

    Returns:
        Of each number of placed layers a table by s.
    """
    total = sum(sum(old) for _, old in groups)
    sums = 2 * sum((size - 1) * rate for size, old in groups for rate in old) + 1
    costs: dict[Counts, np.ndarray] = {}
    for counts in product(*(range(len(old) + 1) for _, old in groups)):
        latest = np.full(sums, np.inf)
        if not any(counts):
            latest[0] = 0.0
        for size, rate, before in _last_steps(groups, counts):
            for choice in range(1, total + 1):
                least, further = choice - 1, (size - 1) * choice
                if least + further >= sums:
                    break
                reached = latest[least + further :]
                np.minimum(reached, costs[before][least : sums - further] + abs(choice - rate), out=reached)
        costs[counts] = latest
    return costs


def _last_steps(groups: Sequence[tuple[int, list[int]]], counts: Counts) -> Iterator[tuple[int, int, Counts]]:
    """Kernel size and old rate of every layer that may have been placed last, with the counts before it."""
    for group, (size, old) in enumerate(groups):
        if counts[group]:
            before = (*counts[:group], counts[group] - 1, *counts[group + 1 :])
            yield size, old[counts[group] - 1], before


def _walk_back(
    groups: Sequence[tuple[int, list[int]]], costs: dict[Counts, np.ndarray], reached: int
) -> Iterator[tuple[int, int, int]]:
    """Group, index in it and new rate of every layer, for the least change that reaches a sum."""
    counts = tuple(len(old) for _, old in groups)
    while any(counts):
        size, choice, before = next(
            (size, choice, before)
            for size, rate, before in _last_steps(groups, counts)
            for choice in range(reached // (size - 1), 0, -1)
            if reached - (size - 1) * choice >= choice - 1
            and costs[before][reached - (size - 1) * choice] + abs(choice - rate) == costs[counts][reached]
        )
        group = next(number for number, count in enumerate(counts) if count != before[number])
        yield group, before[group], choice
        counts, reached = before, reached - (size - 1) * choice
