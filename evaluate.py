"""Evaluate a saved checkpoint: `python evaluate.py outputs/NAME`; `--help` says what can be chosen."""

import sys

from dilated_cifar.start import start

if __name__ == "__main__":
    sys.exit(start("evaluate"))
