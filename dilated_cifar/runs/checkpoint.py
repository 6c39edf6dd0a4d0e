"""Checkpoints: plain data on disk that carries its own configuration."""

import os
import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.runs.folder import best_checkpoint, last_checkpoint

FORMAT = "dilated-cifar checkpoint"
VERSION = 1


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


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write `checkpoint` so that a crash at any moment leaves either the old file or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
        torch.save({"format": FORMAT, "version": VERSION, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself must survive a power cut
    finally:
        os.close(folder)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU; nothing in the file is executed.

    Raises:
        UserError: there is no such file, or it is not a complete checkpoint of this project.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: no such file or folder; expected a run's, such as outputs/NAME, or a .pt file"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: damaged, truncated or not a checkpoint; expected one that training wrote"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: of another format; expected one that training wrote")
    if content["version"] != VERSION:
        raise UserError(f"{path}: of format version {content['version']}; this release reads {VERSION}")
    del content["format"], content["version"]
    return Checkpoint(**content)


def restore(checkpoint: Checkpoint, path: Path) -> tuple[Config, Classifier]:
    """The configuration and the network of a checkpoint that was read from `path`.

    Raises:
        UserError: the weights are not those of the network that the configuration describes.
    """
    config = to_config(checkpoint.config)
    model = build(config.model, len(checkpoint.class_names))
    try:
        model.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise UserError(
            f"{path}: its weights do not fit its own model={config.model.family}; "
            "expected an unchanged file of a run"
        ) from error
    return config, model


def of_run(run: Path) -> Path:
    """The selected weights of a run's folder: the best, or the last where no images were held out.

    Args:
        run: A folder; or a .pt file, which is returned.

    Raises:
        UserError: the folder holds no checkpoint.
    """
    if not run.is_dir():
        return run
    for path in (best_checkpoint(run), last_checkpoint(run)):
        if path.is_file():
            return path
    below = [last.parents[1] for last in sorted(run.glob("*/checkpoints/last.pt"))]
    if below:
        raise UserError(f"{run}: holds {len(below)} runs and is none; write one or more of them: {below[0]}")
    raise UserError(f"{run}: no checkpoint there; expected a run folder such as outputs/dilated_125")
