import random
import subprocess
import sys

import pytest

from dilated_cifar.dilation.rates import Kernel, has_holes, hdc_distances, judge, receptive_field, warning


def test_importing_the_verdicts_does_not_import_torch() -> None:
    code = "import sys, dilated_cifar.dilation.rates; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("rates", "field", "percent"),
    [
        ([1, 1, 1], 7, 100.0),
        ([1, 2, 5], 17, 100.0),
        ([1, 2, 9], 25, 70.6),
        ([2, 2, 2], 13, 29.0),
        ([1, 2, 3], 13, 100.0),
        ([1, 2, 3, 1, 2, 3], 25, 100.0),
        ([2, 4, 8], 29, 26.8),
        ([5, 5, 5], 31, 5.1),
    ],
)
def test_the_worked_cases(rates: list[int], field: int, percent: float) -> None:
    verdict = judge(rates)
    assert verdict.receptive_field == receptive_field(rates) == field
    assert round(100 * verdict.covered, 1) == percent
    assert verdict.exact.holds == (percent == 100.0)
    assert (verdict.nearest_hole is None) == (verdict.alternatives == ()) == (percent == 100.0)


def test_the_published_rule_is_not_exact() -> None:
    content_with_holes = judge([2, 2, 2])
    assert content_with_holes.distances == (2, 2, 2)
    assert content_with_holes.published.holds is True
    assert content_with_holes.exact.holds is False
    alarmed_without_holes = judge([1, 4, 3])
    assert alarmed_without_holes.published.holds is False
    assert alarmed_without_holes.exact.holds is True
    assert alarmed_without_holes.covered == 1.0


def test_published_distances_are_those_of_the_paper() -> None:
    # Wang et al. 2018: r = [1, 2, 5] has M_2 = 2 and works, r = [1, 2, 9] has M_2 = 5 and does not.
    assert hdc_distances([1, 2, 5])[1] == 2
    assert hdc_distances([1, 2, 9])[1] == 5
    # M_3 = 3 lies below r_2 = 4, so that 2 r_2 - M_3 = 5 is the largest of the three terms.
    assert hdc_distances([1, 4, 3]) == (3, 5, 3)
    assert judge([1, 2, 5]).published.holds is True
    assert judge([1, 2, 9]).published.holds is False


def test_a_common_factor_is_found_and_named() -> None:
    verdict = judge([2, 4, 8])
    assert verdict.factor == 2
    assert verdict.common_factor.holds is False
    assert "multiples of 2" in verdict.common_factor.sentence
    # No common factor is not enough.
    assert judge([2, 3]).common_factor.holds is True
    assert judge([2, 3]).exact.holds is False


def test_a_single_rate_leaves_the_published_rule_silent() -> None:
    assert judge([2]).published.holds is None
    assert judge([2]).exact.holds is False
    assert judge([1]).exact.holds is True


def test_a_kernel_of_one_pixel_misses_nothing_and_spreads_nothing() -> None:
    verdict = judge([7, 2], kernel_size=1)
    assert verdict.receptive_field == 1
    assert verdict.exact.holds is verdict.common_factor.holds is True
    assert judge([7, 1, 2], [1, 3, 3]).exact.holds is True
    assert judge([4, 3, 2], [3, 1, 3]).factor == 2


def test_the_published_rule_is_asked_only_of_odd_kernels_of_one_size() -> None:
    assert judge([1, 2], 5).published.holds is True
    for kernels in (2, [3, 2], [3, 5]):
        verdict = judge([1, 2], kernels)
        assert verdict.published.holds is None
        assert "odd kernels of one size only" in verdict.published.sentence


def test_an_even_field_has_its_centre_between_pixels() -> None:
    verdict = judge([1, 2, 4, 8], 2)
    assert (verdict.receptive_field, verdict.covered) == (16, 1.0)
    gridded = judge([2, 2, 1], [2, 2, 4])
    assert (gridded.receptive_field, gridded.nearest_hole) == (8, None)
    assert judge([3], 2).nearest_hole == 0.5


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_the_order_of_the_rates_does_not_matter(kernel_size: int) -> None:
    source = random.Random(kernel_size)
    for _ in range(200):
        rates = [source.randint(1, 12) for _ in range(source.randint(2, 5))]
        shuffled = source.sample(rates, len(rates))
        assert has_holes(rates, kernel_size) == has_holes(shuffled, kernel_size)
        assert judge(rates, kernel_size).covered == judge(shuffled, kernel_size).covered


def test_the_warning_is_one_line_with_the_numbers_and_what_to_try() -> None:
    assert warning([1, 2, 5]) is None
    assert warning([2, 2, 2]) == (
        "dilations [2, 2, 2] leave holes: with kernel_size=3 an output sees 29.0% of its 13x13 receptive "
        "field, and the nearest pixel it misses is 1 from the centre; try [1, 2, 2] or [1, 2, 3]"
    )


def test_large_rates_are_judged() -> None:
    verdict = judge([300] * 8)
    assert verdict.receptive_field == 4801
    assert verdict.factor == 300
    assert not any(has_holes(rates) for rates in verdict.alternatives)


@pytest.mark.parametrize(
    ("rates", "kernel_size", "message"),
    [
        ([], 3, r"the list of rates is empty.*write for example \[1, 2, 5\]"),
        ([1, 0], 3, r"rate 0 in \[1, 0\].*at least 1"),
        ([1, -2], 3, r"rate -2"),
        ([1, 2.5], 3, r"rate 2.5"),
        ([1, True], 3, r"rate True"),
        ([1, 2], 0, r"kernel_size=0"),
        ([1, 2], [3], r"kernel_size=\[3\] has 1 numbers for 2 rates"),
        ([1, 2], [3, 2.5], r"kernel_size=\[3, 2.5\]"),
    ],
)
def test_wrong_input_is_refused_in_one_line(rates: list[int], kernel_size: Kernel, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        judge(rates, kernel_size)
    assert "\n" not in str(refusal.value)
