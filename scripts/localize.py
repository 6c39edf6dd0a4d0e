"""Show where a network sees its class: `python scripts/localize.py outputs/NAME`; `--help`."""

import sys

from dilated_cifar.cli.localize import main

if __name__ == "__main__":
    sys.exit(main())
