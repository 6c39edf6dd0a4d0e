"""From a run to weights that are read by name: a safetensors file as export writes it."""

import re
from pathlib import Path

from dilated_cifar.config.export import ExportConfig
from dilated_cifar.config.published import MOST_BYTES, SUFFIX
from dilated_cifar.device import use_threads
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.trained import open_all, require_finite, some_test_images
from dilated_cifar.export.checked import Checked, in_batches, written
from dilated_cifar.export.export import figures_of, summary_of
from dilated_cifar.export.formats import Source
from dilated_cifar.progress import Steps
from dilated_cifar.runs.atomic import write


def publish(config: ExportConfig, name: str, folder: Path, steps: Steps) -> tuple[Path, Checked]:
    """Write the selected weights of one run as `NAME.safetensors`, once the file gave its network's logits.

    Args:
        config: Which run, and on how many test images the file is compared with it.
        name: Under which the weights are read.
        folder: Where published weights lie.
        steps: What is being done.

    Returns:
        The file, and how it compares with the network.

    Raises:
        UserError: the name is none or taken, nothing was measured of the weights, or the folder would hold
            more than its bound; nothing is written then.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UserError(f"{name}: expected a name of letters, digits, dots, dashes and underscores")
    path = folder / f"{name}{SUFFIX}"
    if path.exists():
        raise UserError(f"{path}: is there already; remove it first, or write another name")
    use_threads(config.threads)
    steps.begin("reading the checkpoint")
    networks = open_all(config.checkpoint[:1], device=config.device)
    require_finite(networks)
    (trained,) = networks
    figures = figures_of(trained, summary_of(trained))
    if figures is None:
        raise UserError(f"{trained.path}: nothing was measured of these weights; expected a finished run's")
    with steps.hidden():  # a download shows its own line
        split = some_test_images(trained.config.data, config.data, config.samples, progress=config.progress)
    steps.begin(f"{len(split):,} test images")
    expected = in_batches(trained.model.eval(), trained.inputs(split.images))
    source = Source(trained, figures)
    content, check = written(source, "safetensors", split.images, expected, config.tolerance)
    size = len(content) + sum(each.stat().st_size for each in folder.glob(f"*{SUFFIX}"))
    if size > MOST_BYTES:
        raise UserError(f"{folder}: would hold {size:,} bytes of weights; expected at most {MOST_BYTES:,}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(path, content)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); expected another folder") from error
    return path, check
