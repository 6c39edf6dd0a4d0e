"""RandAugment for batches: each image by its own operations, which are torchvision's."""

from collections.abc import Callable
from functools import partial
from math import atan, degrees

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from dilated_cifar.config.augment import MOST_MAGNITUDE
from dilated_cifar.data.randomness import Stream
from dilated_cifar.device import onto

# A shear leaves the corner at the top left where it is, as in torchvision.
_move = partial(tv.affine, angle=0.0, scale=1.0, interpolation=InterpolationMode.NEAREST)
_shear = partial(_move, translate=[0, 0], center=[0, 0])
_shift = partial(_move, shear=[0.0, 0.0])
MOVED = 150 / 331
"""Share of the image's side by which the strongest shift moves it."""

OPERATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "identity": lambda images, _: images,
    "shear across": lambda images, strength: _shear(images, shear=[degrees(atan(0.3 * strength)), 0.0]),
    "shear down": lambda images, strength: _shear(images, shear=[0.0, degrees(atan(0.3 * strength))]),
    "shift across": lambda images, strength: _shift(
        images, translate=[int(MOVED * strength * images.shape[-1]), 0]
    ),
    "shift down": lambda images, strength: _shift(
        images, translate=[0, int(MOVED * strength * images.shape[-2])]
    ),
    "rotate": lambda images, strength: tv.rotate(images, 30 * strength),
    "brightness": lambda images, strength: tv.adjust_brightness(images, 1 + 0.9 * strength),
    "saturation": lambda images, strength: tv.adjust_saturation(images, 1 + 0.9 * strength),
    "contrast": lambda images, strength: tv.adjust_contrast(images, 1 + 0.9 * strength),
    "sharpness": lambda images, strength: tv.adjust_sharpness(images, 1 + 0.9 * strength),
    "posterize": lambda images, strength: tv.posterize(images, 8 - round(4 * strength)),
    "solarize": lambda images, strength: tv.solarize(images, 255 * (1 - strength)),
    "autocontrast": lambda images, _: tv.autocontrast(images),
    "equalize": lambda images, _: tv.equalize(images),
}
"""What is done to images, uint8 `[N, C, H, W]`, with a strength from 0 to 1, of the signed ones from -1.

The 14 operations of Cubuk, Zoph, Shlens & Le (2020) with the strengths of torchvision.
"""
SIGNED = frozenset(list(OPERATIONS)[1:10])


def draw_operations(images: int, count: int, *place: int) -> NDArray[np.int64]:
    """Draw for each image `count` operations and their signs: `[images, count, 2]`.

    Args:
        images: of the whole batch.
        count: operations an image.
        place: seed, epoch and step, of which the choices are a function.
    """
    return Stream("augment operations", *place).integers(np.array([len(OPERATIONS), 2]), images, count, 2)


def randaugment(images: Tensor, operations: NDArray[np.int64], magnitude: int) -> Tensor:
    """Apply its operations to each image; images with the same one go through it together.

    Args:
        images: uint8 `[N, C, H, W]`.
        operations: `[N, count, 2]`, numbers in OPERATIONS and signs, 0 or 1.
        magnitude: how strong they are, 0 to 30.

    Returns:
        uint8 `[N, C, H, W]`; what comes from outside of an image is black.
    """
    images, names = images.clone(), list(OPERATIONS)
    signed = np.array([name in SIGNED for name in names])
    for numbers, signs in operations.transpose(1, 2, 0):
        groups = 2 * numbers + signs * signed[numbers]
        for group in np.unique(groups):
            chosen = onto(images.device, np.flatnonzero(groups == group))
            strength = magnitude / MOST_MAGNITUDE * (-1 if group % 2 else 1)
            images[chosen] = OPERATIONS[names[group // 2]](images[chosen], strength)
    return images
