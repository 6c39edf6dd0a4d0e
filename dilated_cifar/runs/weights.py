"""Trained weights from any file that holds them: a checkpoint, or what was exported as safetensors."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dilated_cifar.config.limits import MOST_PARAMETERS
from dilated_cifar.errors import UserError
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.description import OURS, as_texts, described
from dilated_cifar.runs.reading import read_figures
from dilated_cifar.runs.record import EXPORTED, Figures

SAFETENSORS, ONNX = ".safetensors", ".onnx"
LARGEST_HEADER = 2**22
"""Bytes of a safetensors header, that of a network of a thousand blocks with its metadata many times over."""
LARGEST_FILE = 4 * MOST_PARAMETERS + LARGEST_HEADER
DIGEST = "sha256"


def read(path: Path) -> Checkpoint:
    """Read weights with the configuration and class names of their run onto the CPU.

    Raises:
        UserError: the file is none that training or export wrote, or was changed since.
    """
    if path.suffix == SAFETENSORS:
        return read_safetensors(path)
    if path.suffix in (ONNX, ".pt2"):
        raise UserError(f"{path}: a graph without the parts of its network; expected {EXPORTED} beside it")
    return checkpoint.load(path)


def safetensors_of(weights: Mapping[str, Tensor], description: Mapping[str, Any]) -> bytes:
    """A safetensors file of weights, with a description and their checksum as its metadata.

    `format` says that they are of torch, as libraries of the Hugging Face hub expect.
    """
    # Copies, for the format knows no weights that several layers share.
    plain = {name: weight.detach().cpu().contiguous().clone() for name, weight in weights.items()}
    return save(plain, {"format": "pt", **as_texts(description), DIGEST: digest(plain)})


def read_safetensors(path: Path) -> Checkpoint:
    """Read a safetensors file that export wrote; sizes are checked before memory is taken.

    Raises:
        UserError: there is no such file, or it is not as it was written.
    """
    if not path.is_file():  # a device could be read for ever
        raise UserError(f"{path}: no such file")
    require_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            texts = file.metadata() or {}
            found = described(texts, path)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except SafetensorError as error:
        raise UserError(f"{path}: damaged, truncated or no safetensors file; {OURS}") from error
    if texts.get(DIGEST) != digest(weights):
        raise UserError(f"{path}: damaged: its weights do not have the checksum that it names; {OURS}")
    return replace(found, model=weights)


def figures_in(path: Path) -> Figures | None:
    """What a safetensors file says was measured of its weights; None where it says nothing of the kind."""
    try:
        with safe_open(path, framework="pt") as file:
            found = read_figures(json.loads((file.metadata() or {})["figures"]))
        shares = [score.accuracy for score in (found.train, found.validation, found.test) if score]
        return found if all(0 <= share <= 1 for share in shares) else None
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RecursionError):
        return None


def require_header(path: Path) -> None:
    """Raise a UserError unless a file and the header that it announces are of a size that a network has."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if size > LARGEST_FILE:
        raise UserError(f"{path}: {size:,} bytes; expected at most {LARGEST_FILE:,}")
    if not 0 < header <= min(LARGEST_HEADER, size - 8):
        raise UserError(f"{path}: damaged, truncated or no safetensors file; {OURS}")


def digest(weights: Mapping[str, Tensor]) -> str:
    """The SHA-256 of weights by name, kind and value, wherever in a file they lie."""
    found = hashlib.sha256()
    for name in sorted(weights):
        weight = weights[name]
        found.update(json.dumps([name, str(weight.dtype), list(weight.shape)]).encode())
        found.update(weight.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()
