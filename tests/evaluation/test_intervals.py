import subprocess
import sys

import numpy as np
import pytest

from dilated_cifar.evaluation.intervals import wilson_interval


def test_importing_the_interval_does_not_import_torch() -> None:
    code = "import sys, dilated_cifar.evaluation.intervals; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_interval_is_that_of_worked_examples() -> None:
    # Newcombe 1998, table I, and Brown, Cai and DasGupta 2001.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)


@pytest.mark.parametrize("hits", [0, 5])
def test_at_the_ends_the_interval_stays_between_0_and_1_and_is_not_empty(hits: int) -> None:
    low, high = wilson_interval(hits, 5)
    assert 0 <= low <= hits / 5 <= high <= 1
    assert high - low > 0.3


@pytest.mark.parametrize("truth", [0.5, 0.8, 0.95])
def test_the_interval_covers_the_truth_95_times_in_100(truth: float) -> None:
    hits = np.random.default_rng(1).binomial(1000, truth, 1000)
    intervals = [wilson_interval(int(each), 1000) for each in hits]
    assert 0.93 <= np.mean([low <= truth <= high for low, high in intervals]) <= 0.97
