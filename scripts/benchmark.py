"""Measure how fast this machine trains: `python scripts/benchmark.py`; `--help`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Also a Python in which the package is not installed finds it, and can tell which Python to take.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from dilated_cifar.start import start

    sys.exit(start("benchmark"))
