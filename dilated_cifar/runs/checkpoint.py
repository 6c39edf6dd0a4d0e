"""Checkpoints: plain data on disk that carries its own configuration."""

import io
import logging
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.runs.atomic import keep, write
from dilated_cifar.runs.record import EXPORTED, best_checkpoint, last_checkpoint, previous_checkpoint
from dilated_cifar.runs.untrusted import archive_fault, content_fault, shown, weights_fault
from dilated_cifar.runs.verified import DamagedError, read_verified, sealed

logger = logging.getLogger(__name__)

FORMAT = "dilated-cifar checkpoint"
VERSION, READ = 2, (1, 2)
"""The version that is written, and those that are read: the first is of releases before 0.2."""


@dataclass(frozen=True)
class Checkpoint:
    """A network with everything needed to evaluate it and, in `last.pt`, to go on training it."""

    config: dict[str, Any]
    """The complete configuration of its run, as plain data."""
    class_names: list[str]
    epoch: int
    """Completed epochs."""
    model: dict[str, Tensor]
    """The weights to evaluate: the averaged ones where the run averages."""
    metrics: dict[str, float]
    """The row of metrics.csv of that epoch; empty before the first epoch ends."""
    training: dict[str, Any] | None = None
    """Optimizer, progress and, where the run averages, the weights that are trained; None in `best.pt`."""


def save(checkpoint: Checkpoint, path: Path, *, previous: Path | None = None) -> None:
    """Write `checkpoint` so that a crash at any moment leaves either the old file or the new one.

    Args:
        checkpoint: What to write.
        path: Where to.
        previous: Where the file goes that was at `path`; by default it is not kept.

    Raises:
        OSError: the file cannot be written; the old one is as it was.
    """
    write(path, as_bytes(checkpoint), previous=previous)


def as_bytes(checkpoint: Checkpoint) -> bytes:
    """The file that holds `checkpoint`."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    archive = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, **content}, archive)
    return sealed(archive.getvalue())


def load(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU, after it was verified; nothing in the file is executed.

    Raises:
        DamagedError: there is no such file, or it is not as it was written.
        UserError: it is not a checkpoint of this project.
    """
    verified = io.BytesIO(read_verified(path))
    try:
        if fault := archive_fault(verified.getvalue()):
            raise UserError(f"{path}: {fault}; expected one that training wrote")
        content = torch.load(verified, map_location="cpu", weights_only=True)
    except UserError:
        raise
    # Of a file that is not as torch wrote it, torch raises any of many errors.
    except Exception as error:
        raise UserError(
            f"{path}: damaged, truncated or not a checkpoint; expected one that training wrote"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: of another format; expected one that training wrote")
    version = content.get("version")
    if type(version) is not int or version not in READ:
        raise UserError(f"{path}: of format version {shown(version)}; this release reads up to {VERSION}")
    del content["format"], content["version"]
    if fault := content_fault(content):
        raise UserError(f"{path}: damaged or not of this release: {fault}; expected one that training wrote")
    return Checkpoint(**content)


def load_state(folder: Path) -> tuple[Checkpoint, Path]:
    """The state of the run in `folder` and its file; a damaged one is replaced by the one before it.

    Raises:
        UserError: neither is whole.
    """
    path, previous = last_checkpoint(folder), previous_checkpoint(folder)
    try:
        return load(path), path
    except DamagedError as error:
        try:
            state = load(previous)
        except DamagedError:
            raise UserError(
                f"{error}; {previous.name} is missing or damaged as well; put a copy of one of them back, "
                "or write name=OTHER for a new run"
            ) from error
        logger.warning("%s; continuing from %s, which was saved before it", error, previous.name)
        keep(previous, path)  # else the next save would keep the damaged one in place of it
        return state, path


def restore(checkpoint: Checkpoint, path: Path) -> tuple[Config, nn.Module]:
    """The configuration and the network of a checkpoint that was read from `path`.

    Raises:
        UserError: the weights are not those of the network that the configuration describes.
    """
    try:
        config = to_config(checkpoint.config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    classes = config.data.classes
    if len(checkpoint.class_names) != classes:
        raise UserError(
            f"{path}: names {len(checkpoint.class_names)} classes, its own data={config.data.family} has "
            f"{classes}; expected an unchanged file of a run"
        )
    # Built only where the file is as large as the network: a large one takes memory and time.
    needed, held = config.model.fewest_parameters(config.data.input_size), numbers(checkpoint.model)
    fault = f"{needed:,} numbers or more are expected, it holds {held:,}" if held < needed else None
    if not fault:
        model = build(config.model, classes, config.data.input_size)
        fault = weights_fault(checkpoint.model, model.state_dict())
    if fault:
        raise UserError(
            f"{path}: its weights do not fit its own model={config.model.family}: {fault}; "
            "expected an unchanged file of a run"
        )
    model.load_state_dict(checkpoint.model)
    return config, model


def numbers(weights: dict[str, Tensor]) -> int:
    """How many numbers some weights are."""
    return sum(weight.numel() for weight in weights.values() if isinstance(weight, Tensor))


def of_run(run: Path) -> Path:
    """The selected weights of a run's folder: the best, or the last where no images were held out.

    Args:
        run: A folder, also one with exported weights alone; or a file, which is returned.

    Raises:
        UserError: the folder holds no weights.
    """
    if not run.is_dir():
        return run
    for path in (best_checkpoint(run), last_checkpoint(run), run / EXPORTED):
        if path.is_file():
            return path
    below = [last.parents[1] for last in sorted(run.glob("*/checkpoints/last.pt"))]
    if below:
        raise UserError(f"{run}: holds {len(below)} runs and is none; write one or more of them: {below[0]}")
    raise UserError(f"{run}: no checkpoint there; expected a run folder such as outputs/dilated_125")
