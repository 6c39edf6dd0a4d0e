"""Picture files of any size and mode as tensors, read alike for training and for evaluation."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from dilated_cifar.errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""What is read, whatever a file is called; for others Pillow would start other programs, as for EPS."""


def read_pixels(path: Path, *, channels: int = 3, key: str = "") -> Tensor:
    """A picture upright and on white, uint8 [C, H, W].

    The camera's orientation is applied, transparency lies on white. Of an animation it is the first picture.

    Args:
        path: The file.
        channels: 3 for colours, 1 for grey.
        key: What stands before the path in a message, such as `images=`.

    Raises:
        UserError: the file is no picture.
    """
    try:
        with warnings.catch_warnings():
            # Only what Pillow takes for an attack is refused; a large picture is the user's own.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as opened:
                upright = ImageOps.exif_transpose(opened)
                if upright.mode.startswith("I;16"):  # Pillow would clip 16 bits instead of scaling them
                    upright = Image.fromarray((np.asarray(upright) // 257).astype(np.uint8))
                if upright.mode in ("I", "F"):
                    raise UserError(f"{key}{path}: 32 bits a pixel; expected 8 or 16 bits a colour")
                picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except UserError:
        raise
    # Of a damaged file, Pillow's readers raise any of many errors.
    except Exception as error:
        fault = "too many pixels" if isinstance(error, Image.DecompressionBombError) else "cannot be read"
        expected = f"a whole picture as {', '.join(FORMATS[:-1])}"
        raise UserError(f"{key}{path}: {fault}; expected {expected}") from error
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    pixels = np.array(picture if channels == 3 else picture.convert("L"))
    return torch.from_numpy(pixels).reshape(*pixels.shape[:2], channels).permute(2, 0, 1)


def fit_to(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest central part of a picture, uint8 [C, H, W], that has the shape of `size`, scaled to it."""
    # Only here: torchvision takes longer to import than the first step of a run takes.
    from torchvision.transforms.v2 import functional as transforms

    scale = min(before / after for before, after in zip(pixels.shape[1:], size, strict=True))
    part = transforms.center_crop(pixels, [max(1, round(side * scale)) for side in size])
    fitted: Tensor = transforms.resize(part, list(size), antialias=True)
    return fitted


def as_shown(image: Tensor) -> Tensor:
    """An image [C, H, W] as screens show it, uint8 [H, W, 3]: other channels as their mean, in grey."""
    if image.shape[0] != 3:
        image = image.float().mean(0, keepdim=True).to(torch.uint8).expand(3, -1, -1)
    return image.permute(1, 2, 0).cpu()
