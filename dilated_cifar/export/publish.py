"""From a run to weights that are read by name: a safetensors file as export writes it."""

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from dilated_cifar.config.export import ExportConfig
from dilated_cifar.config.published import MOST_BYTES, SUFFIX
from dilated_cifar.errors import UserError
from dilated_cifar.export.export import export_all
from dilated_cifar.progress import Steps
from dilated_cifar.runs.record import EXPORTED
from dilated_cifar.runs.weights import figures_in


def publish(config: ExportConfig, name: str, folder: Path, steps: Steps) -> Path:
    """Write the selected weights of one run, compared with its network, as `NAME.safetensors`.

    Args:
        config: Which run, and on how many test images it is compared; formats and output are ours.
        name: Under which the weights are read.
        folder: Where published weights lie.
        steps: What is being done.

    Raises:
        UserError: the name is none or taken, nothing was measured of the weights, or the folder would hold
            more than its bound; nothing is written then.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UserError(f"{name}: expected a name of letters, digits, dots, dashes and underscores")
    path = folder / f"{name}{SUFFIX}"
    if path.exists():
        raise UserError(f"{path}: is there already; remove it first, or write another name")
    with tempfile.TemporaryDirectory() as place:
        export_all(replace(config, formats=["safetensors"], output=place), steps)
        written = Path(place) / EXPORTED
        if figures_in(written) is None:
            raise UserError(
                f"{config.checkpoint[0]}: nothing was measured of these weights; expected a finished run's"
            )
        size = sum(each.stat().st_size for each in (written, *folder.glob(f"*{SUFFIX}")))
        if size > MOST_BYTES:
            raise UserError(
                f"{folder}: would hold {size:,} bytes of weights; expected at most {MOST_BYTES:,}"
            )
        shutil.copyfile(written, path)
    return path
