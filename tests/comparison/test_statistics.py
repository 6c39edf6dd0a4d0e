import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some
from scipy import stats

from dilated_cifar.comparison.statistics import (
    Estimate,
    holm,
    mcnemar,
    mean_interval,
    paired_difference,
)


def test_the_t_interval_is_that_of_a_worked_example() -> None:
    # Three runs 0.90, 0.92, 0.94: mean 0.92, s = 0.02, t(2; 0.975) = 4.302653, half width 0.049683.
    found = mean_interval([0.90, 0.92, 0.94])
    assert found.mean == pytest.approx(0.92)
    assert (found.low, found.high) == pytest.approx((0.870317, 0.969683), abs=1e-6)
    assert found.count == 3
    assert found.why_none is None


@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_t_interval_and_the_paired_test_are_scipys(count: int) -> None:
    random = np.random.default_rng(count)
    one, other = random.normal(0.8, 0.01, count), random.normal(0.79, 0.01, count)
    expected = stats.ttest_1samp(one, 0).confidence_interval(0.95)
    found = mean_interval(list(one))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    pairs, p_value = paired_difference(list(one), list(other))
    expected = stats.ttest_1samp(one - other, 0)
    interval = expected.confidence_interval(0.95)
    assert p_value == pytest.approx(expected.pvalue)
    assert (pairs.low, pairs.high) == pytest.approx((interval.low, interval.high))


def test_one_seed_has_no_interval_and_says_so() -> None:
    assert mean_interval([0.9]) == Estimate(0.9, None, None, 1, "one seed: no interval")
    pairs, p_value = paired_difference([0.9], [0.8], what="common seed")
    assert p_value is None
    assert pairs.why_none == "one common seed: no interval"


def test_equal_seeds_give_no_interval_of_width_zero() -> None:
    found = mean_interval([0.5, 0.5, 0.5])
    assert (found.low, found.high, found.why_none) == (None, None, "3 seeds, all equal: no interval")
    # The same difference of two images in 100, as 32-bit floats round it.
    singles = [float(np.float32(value)) for value in (0.42, 0.40, 0.52, 0.50)]
    pairs, p_value = paired_difference([singles[0], singles[2]], [singles[1], singles[3]])
    assert pairs.mean == pytest.approx(0.02)
    assert p_value is None
    assert pairs.low is None


def test_an_interval_of_accuracies_stays_within_0_and_1() -> None:
    found = mean_interval([0.97, 0.999], bounds=(0, 1))
    assert found.high == 1
    assert found.low is not None
    assert 0 <= found.low < 0.97


def test_a_paired_difference_is_sharper_than_the_runs() -> None:
    # Seeds differ by ten points, the groups by one point in every seed.
    one, other = [0.71, 0.81, 0.912], [0.70, 0.80, 0.90]
    _, p_value = paired_difference(one, other)
    assert p_value is not None
    assert p_value < 0.01
    assert stats.ttest_ind(one, other).pvalue > 0.8


def test_mcnemar_is_that_of_the_published_example() -> None:
    # Fagerland, Lydersen and Laake 2013, table 1 (Bentur et al. 2009): 1 and 7 discordant of 21.
    first = np.array([True] * 1 + [False] * 7 + [True] * 13)
    second = np.array([False] * 1 + [True] * 7 + [True] * 13)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (1, 7)
    assert found.exact == pytest.approx(0.0703, abs=5e-5)
    assert found.mid_p == pytest.approx(0.0391, abs=5e-5)
    assert found.exact == pytest.approx(stats.binomtest(1, 8).pvalue)


def test_mcnemar_finds_nothing_where_nothing_differs() -> None:
    same = np.array([True, False, True])
    assert (mcnemar(same, same).exact, mcnemar(same, same).mid_p) == (1.0, 1.0)
    balanced = mcnemar(np.array([True, False]), np.array([False, True]))
    assert (balanced.exact, balanced.mid_p) == pytest.approx((1.0, 1.0))


def test_holm_is_that_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([None, 0.03, 0.9]) == [None, pytest.approx(0.06), pytest.approx(0.9)]
    assert holm([]) == []


@given(some.lists(some.floats(0, 1), min_size=1, max_size=20), some.randoms())
def test_holm_keeps_the_order_of_p_values_and_never_makes_one_smaller(p_values, random) -> None:
    adjusted = holm(p_values)
    for value, corrected in zip(p_values, adjusted, strict=True):
        assert corrected is not None
        assert value <= corrected <= 1
    ranked = [adjusted[index] for index in np.argsort(p_values)]
    assert ranked == sorted(ranked)
    assert ranked[0] == min(1, len(p_values) * min(p_values))
    order = random.sample(range(len(p_values)), len(p_values))
    assert holm([p_values[index] for index in order]) == [adjusted[index] for index in order]


@given(some.lists(some.tuples(some.integers(0, 1000), some.integers(0, 1000)), min_size=2, max_size=8))
def test_a_paired_difference_changes_its_sign_with_the_order_of_the_groups(pairs) -> None:
    one, other = ([each[side] / 1000 for each in pairs] for side in (0, 1))
    (found, p_value), (reverse, reverse_p) = paired_difference(one, other), paired_difference(other, one)
    assert p_value == pytest.approx(reverse_p)
    assert found.mean == pytest.approx(-reverse.mean)
    if found.low is not None and found.high is not None:
        assert (found.low, found.high) == pytest.approx((-reverse.high, -reverse.low), abs=1e-12)
        assert found.low <= found.mean <= found.high


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_intervals_cover_the_truth_95_times_in_100(count: int) -> None:
    random = np.random.default_rng(0)
    trials, truth, difference = 1000, 0.75, 0.01
    covered = paired = 0
    for _ in range(trials):
        seeds = random.normal(0, 0.02, count)
        runs = truth + seeds + random.normal(0, 0.01, count)
        others = truth - difference + seeds + random.normal(0, 0.01, count)
        interval = mean_interval(list(runs), bounds=(0, 1))
        pairs, _ = paired_difference(list(runs), list(others))
        assert interval.low is not None
        assert interval.high is not None
        assert pairs.low is not None
        assert pairs.high is not None
        covered += interval.low <= truth <= interval.high
        paired += pairs.low <= difference <= pairs.high
    assert 0.93 <= covered / trials <= 0.97
    assert 0.93 <= paired / trials <= 0.97


def test_mcnemar_raises_a_false_alarm_at_most_5_times_in_100() -> None:
    random = np.random.default_rng(2)
    exact = mid = 0
    for _ in range(1000):
        easy = random.random(400)
        first, second = (random.random(400) < 0.5 + 0.5 * easy for _ in range(2))
        found = mcnemar(first, second)
        exact += found.exact < 0.05
        mid += found.mid_p < 0.05
    assert exact <= mid
    assert exact / 1000 <= 0.05
    assert 0.03 <= mid / 1000 <= 0.06


def test_the_corrected_interval_and_test_of_folds_are_those_of_a_worked_example() -> None:
    # Five folds 0.80, 0.82, 0.81, 0.84, 0.83: mean 0.82, s = sqrt(0.001 / 4) = 0.0158114; the standard error
    # is s * sqrt(1/5 + 1/4) = 0.0106066, t(4; 0.975) = 2.776445, half width 0.0294486.
    values = [0.80, 0.82, 0.81, 0.84, 0.83]
    found = mean_interval(values, what="fold", folds=5)
    assert (found.mean, found.count, found.method) == (pytest.approx(0.82), 5, "corrected t")
    assert (found.low, found.high) == pytest.approx((0.7905514, 0.8494486), abs=1e-6)
    # Against 0.80 in each: t = 0.02 / 0.0106066 = 1.885618; p = 0.132419 by the closed form for 4 degrees of
    # freedom. Without the correction t = 2.828427, and p = 0.047421 would have shown a difference.
    pairs, p_value = paired_difference(values, [0.80] * 5, folds=5)
    assert (pairs.low, pairs.high) == pytest.approx((0.02 - 0.0294486, 0.02 + 0.0294486), abs=1e-6)
    assert p_value == pytest.approx(0.132419, abs=1e-6)
    assert paired_difference(values, [0.80] * 5)[1] == pytest.approx(0.047421, abs=1e-6)


@settings(deadline=None)
@given(some.lists(some.floats(0.3, 0.7), min_size=2, max_size=20, unique=True), some.integers(2, 100))
def test_the_correction_of_folds_is_one_part_over_the_rest(values: list[float], folds: int) -> None:
    assume(np.std(values) > 1e-3)
    plain, corrected = mean_interval(values), mean_interval(values, folds=folds)
    wider = (corrected.high - corrected.low) / (plain.high - plain.low)  # type: ignore[operator]
    count = len(values)
    assert wider**2 == pytest.approx((1 / count + 1 / (folds - 1)) * count)


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_equal_folds_give_no_interval(folds: int) -> None:
    found = mean_interval([0.5] * folds, what="fold", folds=folds)
    assert (found.low, found.why_none) == (None, f"{folds} folds, all equal: no interval")
