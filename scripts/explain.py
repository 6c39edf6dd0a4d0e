"""Explain what a network sees: `python scripts/explain.py model=dilated_125`; `--help` says what else."""

import sys

from dilated_cifar.cli.explain import main

if __name__ == "__main__":
    sys.exit(main())
