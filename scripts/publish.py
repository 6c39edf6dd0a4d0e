"""Publish a run's weights under a name, so that every command reads them as `published:NAME`.

`python scripts/publish.py RUN NAME` writes dilated_cifar/published/NAME.safetensors, part of the package.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.config.export import ExportConfig
from dilated_cifar.config.published import FOLDER, PREFIX
from dilated_cifar.errors import UserError
from dilated_cifar.export.publish import publish
from dilated_cifar.progress import Steps


def main(argv: Sequence[str] | None = None) -> int:
    """Publish one network; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", help="folder of a finished run, whose selected weights are taken")
    parser.add_argument("name")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="another folder of published weights")
    parser.add_argument("--samples", type=int, default=1_000, help="test images to compare the file on")
    arguments = parser.parse_args(argv)
    try:
        config = ExportConfig(checkpoint=[arguments.run], samples=arguments.samples)
        with Steps(shown=True) as steps:
            path, check = publish(config, arguments.name, arguments.folder, steps)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    same = f"{check.same_classes:,} of {check.images:,} test images classified as by the run"
    print(f"{path}: {check.bytes / 1000:,.0f} kB, {same}; read as {PREFIX}{arguments.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
