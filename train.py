"""Train a network: `python train.py model=dilated_125`; `python train.py --help` says what can be chosen."""

import sys

from dilated_cifar.start import start

if __name__ == "__main__":
    sys.exit(start("train"))
