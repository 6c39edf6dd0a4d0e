"""A network as a file, opened again and compared with the network before anybody has it."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dilated_cifar.config.base import shortened
from dilated_cifar.errors import UserError, one_line
from dilated_cifar.evaluation.predict import BATCH
from dilated_cifar.export.formats import FORMATS, Source


@dataclass(frozen=True)
class Checked:
    """A file, and how far its logits are from those of the network on the same test images."""

    file: str
    bytes: int
    sha256: str
    images: int
    largest_difference: float
    """Of a logit, absolute."""
    largest_logit: float
    """Of the network, absolute."""
    tolerance: float
    """The largest difference that is let pass."""
    same_classes: int
    """Images of which both predict the same class."""


def written(
    source: Source, name: str, images: Tensor, expected: Tensor, tolerance: float
) -> tuple[bytes, Checked]:
    """A network as a file of a format, once it was opened again and gave the expected logits.

    Args:
        source: The network.
        name: The format.
        images: uint8 [N, C, H, W].
        expected: The network's logits [N, classes].
        tolerance: As a share of the largest logit.

    Raises:
        UserError: the network cannot be written in this format, or a logit differs by more.
    """
    form = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / form.file
        try:
            content = form.write(source)
            path.write_bytes(content)
            found = in_batches(form.open(path), images.float() / 255)
        except Exception as error:  # of what a plugin's network does, torch may raise anything
            reason = shortened(one_line(error).removeprefix(f"{path}: "))
            raise UserError(
                f"formats={name}: model.family={source.trained.config.model.family} cannot be exported: "
                f"{reason}; leave {name} out of formats="
            ) from error
    largest = expected.abs().max().item()
    check = Checked(
        file=form.file,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        images=len(images),
        largest_difference=(found - expected).abs().max().item(),
        largest_logit=largest,
        tolerance=tolerance * max(1.0, largest),
        same_classes=int((found.argmax(1) == expected.argmax(1)).sum()),
    )
    if not check.largest_difference <= check.tolerance:  # nan is no agreement either
        raise UserError(
            f"{form.file}: a logit differs by {check.largest_difference:.2g} from the network's; expected at "
            f"most {check.tolerance:.2g}, so nothing was written; leave {name} out of formats=, or raise "
            "tolerance="
        )
    return content, check


@torch.inference_mode()
def in_batches(predict: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Logits [N, classes] of images float [N, C, H, W]: of the first alone, of the others in batches."""
    parts = [images[:1], *images[1:].split(BATCH)]
    return torch.cat([predict(part) for part in parts if len(part)])
