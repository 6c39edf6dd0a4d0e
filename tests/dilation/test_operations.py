from fractions import Fraction

import pytest

from dilated_cifar.dilation.operations import Field, merge


@pytest.mark.parametrize("narrow_first", [True, False])
def test_where_paths_meet_the_largest_counts_in_either_order(narrow_first: bool) -> None:
    narrow, wide = Field(), Field().slid(5, 1, 2, 1)
    paths = [narrow, wide] if narrow_first else [wide, narrow]
    met = merge(paths, [8, 8])
    assert (met.low, met.high, met.size, met.start) == (-2, 2, 5, 0.0)


def test_paths_off_centre_are_seen_from_end_to_end() -> None:
    met = merge([Field().sliced(3, 1), Field().sliced(-1, 1)], [8, 8])
    assert (met.low, met.high, met.size, met.start) == (-1, 3, 5, 1.0)


def test_a_single_unit_that_is_broadcast_says_nothing_about_the_jump() -> None:
    met = merge([Field().collapsed(8), Field().slid(3, 2, 1, 1)], [1, 4])
    assert met.jump == 2
    assert met.size == 9


def test_half_a_pixel_of_jump_still_counts_whole_pixels() -> None:
    upsampled = Field().transposed(2, 2, 0, 1)
    assert (upsampled.size, upsampled.jump) == (1, Fraction(1, 2))
    assert upsampled.slid(2, 1, 0, 1).size == 2
