"""A user's own pictures, brought to the shape that a network was trained on."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from dilated_cifar.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def find_images(paths: Sequence[str]) -> list[Path]:
    """The files that paths, folders and patterns such as `photos/*.png` name, in order.

    Raises:
        UserError: one of them names no file.
    """
    found: list[Path] = []
    for text in paths:
        path = Path(text).expanduser()
        if path.is_file():
            found.append(path)
            continue
        inside = (
            path.iterdir() if path.is_dir() else Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        )
        files = sorted(file for file in inside if file.is_file() and file.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(
                f"images={text}: no pictures there; expected a picture, a folder of pictures or a pattern"
            )
        found += files
    return found


def read_images(paths: Sequence[Path], input_size: tuple[int, int, int]) -> Tensor:
    """Pictures of any size and mode as uint8 [N, 3, H, W], H and W those of `input_size`.

    The camera's orientation is applied, transparency lies on white, and the largest central part of the
    wanted shape is scaled with antialiasing.

    Raises:
        UserError: a file is no picture.
    """
    return torch.stack([fit_to(read_pixels(path), input_size[1:]) for path in paths])


def fit_to(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest central part of a picture, uint8 [3, H, W], that has the shape of `size`, scaled to it."""
    scale = min(before / after for before, after in zip(pixels.shape[1:], size, strict=True))
    part = transforms.center_crop(pixels, [max(1, round(side * scale)) for side in size])
    fitted: Tensor = transforms.resize(part, list(size), antialias=True)
    return fitted


def scale_to(pixels: Tensor, longest: int) -> Tensor:
    """A picture, uint8 [3, H, W], scaled so that its longer side is `longest` pixels."""
    scale = longest / max(pixels.shape[1:])
    size = [max(1, round(side * scale)) for side in pixels.shape[1:]]
    scaled: Tensor = transforms.resize(pixels, size, antialias=True)
    return scaled


def read_pixels(path: Path) -> Tensor:
    """A picture upright and on white, uint8 [3, H, W].

    Raises:
        UserError: the file is no picture.
    """
    try:
        with warnings.catch_warnings():
            # Only what Pillow takes for an attack is refused; a large picture is the user's own.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                upright = ImageOps.exif_transpose(opened)
                if upright.mode.startswith("I;16"):  # Pillow would clip 16 bits instead of scaling them
                    upright = Image.fromarray((np.asarray(upright) // 257).astype(np.uint8))
                picture = upright.convert("RGBA")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise UserError(
            f"images={path}: not a picture that can be read; expected PNG, JPEG or the like"
        ) from error
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return torch.from_numpy(np.array(flat)).permute(2, 0, 1)
