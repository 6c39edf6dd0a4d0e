import pytest
from hypothesis import given
from hypothesis import strategies as some

from dilated_cifar.percentages import percent, points


@given(some.integers(0, 50_000), some.integers(1, 50_000), some.integers(0, 2))
def test_only_all_is_a_hundred_percent_and_only_nothing_is_zero(part: int, rest: int, decimals: int) -> None:
    share = part / (part + rest)
    written = float(percent(share, decimals).rstrip("%"))
    assert (written == 0, written == 100) == (part == 0, False)
    assert abs(written - 100 * share) <= 10.0**-decimals
    assert percent(1.0, decimals) == f"{100:.{decimals}f}%"


@pytest.mark.parametrize(
    ("difference", "written"), [(0.413, "+41.30"), (-0.0295, "-2.95"), (-0.00001, "+0.00"), (0.0, "+0.00")]
)
def test_points_have_a_sign_and_no_negative_zero(difference: float, written: str) -> None:
    assert points(difference) == written
