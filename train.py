"""Train a network: `python train.py model=dilated_125`; `python train.py --help` says what can be chosen."""

import sys

from dilated_cifar.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
