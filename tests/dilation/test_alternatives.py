import random
from collections.abc import Sequence
from itertools import product

import pytest

from dilated_cifar.dilation.rates import has_holes, judge, receptive_field


@pytest.mark.parametrize(
    ("kernel_sizes", "largest"), [((3, 3, 3), 9), ((5, 5), 9), ((2, 2, 2), 8), ((3, 2, 3), 6), ((2, 1, 4), 6)]
)
def test_alternatives_are_the_nearest_of_all(kernel_sizes: Sequence[int], largest: int) -> None:
    every = list(product(range(1, 2 * largest + 1), repeat=len(kernel_sizes)))
    good = [rates for rates in every if not has_holes(rates, kernel_sizes)]
    given = [rates for rates in every if max(rates) <= largest and has_holes(rates, kernel_sizes)]
    for rates in random.Random(0).sample(given, 25):
        change = {found: sum(abs(a - b) for a, b in zip(rates, found, strict=True)) for found in good}
        fields = {found: receptive_field(found, kernel_sizes) for found in good}
        first, *second = judge(rates, kernel_sizes).alternatives
        assert change[first] == min(change.values())
        widest = max(field for field in fields.values() if field <= receptive_field(rates, kernel_sizes))
        keeping = (second or [first])[0]
        assert fields[keeping] == widest
        assert change[keeping] == min(change[found] for found in good if fields[found] == widest)


def test_the_order_of_the_given_rates_is_kept() -> None:
    assert judge([2, 2, 2]).alternatives == ((1, 2, 2), (1, 2, 3))
    assert judge([8, 4, 2]).alternatives[0] == (8, 3, 1)
