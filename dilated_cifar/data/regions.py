"""Boxes of an image that hold something else: cutout, random erasing, and the mask that CutMix shares."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.data.randomness import Stream

ERASED_AREA, ERASED_RATIO = (0.02, 0.4), (0.3, 1 / 0.3)
"""Smallest and largest share of the image, and height by width, of an erased box (Zhong et al. 2020)."""
TRIES = 10
"""Boxes drawn for an image until one fits into it; of the images of 32x32, one in 10^8 gets none."""


def box_mask(boxes: Tensor, height: int, width: int) -> Tensor:
    """Where an image lies within its box.

    Args:
        boxes: int64 `[N, 4]`: top, left, bottom and right, the last two outside of the box, in pixels; what
            lies outside of the image is cut off.
        height: of the images.
        width: of the images.

    Returns:
        bool `[N, 1, height, width]`.
    """
    top, left, bottom, right = boxes.T.unsqueeze(2)
    rows = torch.arange(height, device=boxes.device)
    columns = torch.arange(width, device=boxes.device)
    within_rows = (rows >= top) & (rows < bottom)
    within_columns = (columns >= left) & (columns < right)
    within: Tensor = within_rows.unsqueeze(2) & within_columns.unsqueeze(1)
    return within.unsqueeze(1)


def cut_out(images: Tensor, centres: Tensor, side: int) -> Tensor:
    """Blacken a square around a pixel of each image; the border may cut it (DeVries & Taylor 2017).

    Args:
        images: `[N, C, H, W]`.
        centres: int64 `[N, 2]`, row and column.
        side: of the square; for an even one it reaches one pixel further up and left.
    """
    corners = centres - side // 2
    hidden = box_mask(torch.cat([corners, corners + side], 1), *images.shape[2:])
    return images.masked_fill(hidden, 0)


def erase(images: Tensor, boxes: Tensor, noise: Tensor) -> Tensor:
    """Fill the box of each image with random pixels (Zhong, Zheng, Kang, Li & Yang 2020, algorithm 1).

    Args:
        images: `[N, C, H, W]`.
        boxes: int64 `[N, 4]`, as in `box_mask`; an empty one leaves the image alone.
        noise: `[N, C, H, W]`, the random pixels.
    """
    return torch.where(box_mask(boxes, *images.shape[2:]), noise, images)


def draw_erased(
    probability: float, shape: Sequence[int], *place: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Draw what `erase` needs for a batch, as a function of its seed, epoch and step.

    Args:
        probability: that an image is erased.
        shape: of the batch, N, C, H, W.
        place: seed, epoch and step.

    Returns:
        Boxes `[N, 4]` and random pixels uint8 `[N, C, H, W]`.
    """
    count, channels, height, width = shape
    drawn = Stream("augment erasing", *place).shares(count, 1 + 4 * TRIES)
    area, ratio, down, right = drawn[:, 1:].reshape(count, TRIES, 4).transpose(2, 0, 1)
    pixels = height * width * (ERASED_AREA[0] + area * (ERASED_AREA[1] - ERASED_AREA[0]))
    # Uniform in its logarithm, so that tall boxes are as likely as wide ones, as in torchvision.
    tall = ERASED_RATIO[0] * (ERASED_RATIO[1] / ERASED_RATIO[0]) ** ratio
    rows, columns = np.rint(np.sqrt(pixels * tall)), np.rint(np.sqrt(pixels / tall))
    fits = (rows < height) & (columns < width)
    top, left = np.floor(down * (height - rows + 1)), np.floor(right * (width - columns + 1))
    boxes = np.stack([top, left, top + rows, left + columns], axis=-1).astype(np.int64)
    boxes = boxes[np.arange(count), fits.argmax(1)]
    boxes[(drawn[:, 0] >= probability) | ~fits.any(1)] = 0
    size = channels * height * width
    words = Stream("augment erased", *place).words(count, -(-size // 8))
    return boxes, words.astype("<u8").view(np.uint8)[:, :size].reshape(count, *shape[1:])
