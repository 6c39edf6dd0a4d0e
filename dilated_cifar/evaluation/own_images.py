"""A user's own pictures, brought to the shape that a network was trained on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from dilated_cifar.config.base import shortened
from dilated_cifar.data.pictures import fit_to, read_pixels
from dilated_cifar.errors import UserError

KEY = "images="
"""What stands before a path in a message."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".svg"}
"""Files of a folder that are taken for pictures; an SVG is one that is refused by name."""

Read = TypeVar("Read")


def find_images(paths: Sequence[str]) -> list[Path]:
    """The files that paths, folders and patterns such as `photos/*.png` name, in order.

    Raises:
        UserError: one of them names no file.
    """
    found: list[Path] = []
    for text in paths:
        try:
            files = files_of(Path(text).expanduser())
        # A name that no file can have, a folder that may not be read, no pattern, no home of such a user.
        except (OSError, ValueError, RuntimeError, NotImplementedError):
            files = []
        if not files:
            raise UserError(
                f"images={shortened(text)}: no pictures there; expected a picture, a folder of pictures or a "
                "pattern"
            )
        found += files
    return found


def files_of(path: Path) -> list[Path]:
    """A file itself, the pictures of a folder, or those that a pattern matches."""
    if path.is_file():
        return [path]
    inside = path.iterdir() if path.is_dir() else Path(path.anchor).glob(str(path.relative_to(path.anchor)))
    return sorted(file for file in inside if file.is_file() and file.suffix.lower() in SUFFIXES)


def read_each(paths: Sequence[Path], read: Callable[[Path], Read]) -> tuple[dict[Path, Read], list[str]]:
    """Read the pictures that can be read.

    Returns:
        What `read` makes of each, by its path, and for each other one a line that refuses it by name.

    Raises:
        UserError: none of them can be read.
    """
    found: dict[Path, Read] = {}
    faults = []
    for path in paths:
        try:
            found[path] = read(path)
        except UserError as fault:
            faults.append(str(fault))
    if not found:
        more = f" (nor can the other {len(faults) - 1} be read)" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}{more}")
    return found, faults


def read_images(
    paths: Sequence[Path], input_size: tuple[int, int, int]
) -> tuple[Tensor, list[Path], list[str]]:
    """Pictures of any size and mode as uint8 [N, C, H, W] of `input_size`.

    The largest central part of the wanted shape is scaled with antialiasing.

    Returns:
        The pictures that can be read, their paths, and a line for each that cannot.

    Raises:
        UserError: none of the files is a picture.
    """
    channels, *size = input_size
    found, faults = read_each(
        paths, lambda path: fit_to(read_pixels(path, channels=channels, key=KEY), (size[0], size[1]))
    )
    return torch.stack(list(found.values())), list(found), faults


def scale_to(pixels: Tensor, longest: int) -> Tensor:
    """A picture, uint8 [C, H, W], scaled so that its longer side is `longest` pixels."""
    from torchvision.transforms.v2 import functional as transforms

    scale = longest / max(pixels.shape[1:])
    size = [max(1, round(side * scale)) for side in pixels.shape[1:]]
    scaled: Tensor = transforms.resize(pixels, size, antialias=True)
    return scaled
