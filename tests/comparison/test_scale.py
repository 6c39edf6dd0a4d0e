import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
MEASURE = """
import sys
from dilated_cifar.cli.compare import main
status = main()
# Not from getrusage: its peak begins with that of the process that started this one.
print("peak", open("/proc/self/status").read().partition("VmHWM:")[2].split()[0], file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak is read from /proc")
@pytest.mark.parametrize("groups", [50, 1000])
def test_a_thousand_runs_compare_in_half_a_gigabyte_to_a_page_of_ten_megabytes(runs, groups: int) -> None:
    random = np.random.default_rng(0)
    rates = ([1, 1, 1], [1, 2, 3], [1, 2, 5], [1, 2, 9], [2, 2, 2])
    seeds = 1000 // groups
    for group in range(groups):
        for seed in range(seeds):
            dilations = rates[group % len(rates)]
            runs.write(
                f"{group}-{seed}",
                epochs=100,
                seed=seed,
                test=float(random.uniform(0.5, 0.9)),
                model__dilations=dilations,
                optimizer__lr=0.001 * (group // len(rates) + 1),
                receptive_field=1 + 2 * sum(dilations),
            )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(runs.parent)], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    output = runs.parent / "comparison"
    assert len(pd.read_csv(output / "runs.csv")) == 1000
    assert len(pd.read_csv(output / "groups.csv")) == groups
    assert (output / "report.html").stat().st_size < 10_000_000
    peak = int(ran.stderr.split("peak ")[1])
    assert peak < 500_000  # kilobytes
