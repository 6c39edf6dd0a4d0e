"""Compare finished runs: `python scripts/compare.py outputs/SWEEP`; `--help` says what can be chosen."""

import sys

from dilated_cifar.cli.compare import main

if __name__ == "__main__":
    sys.exit(main())
