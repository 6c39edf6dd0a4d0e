"""How large scenes may be: images pasted on a canvas, as dilated_cifar/data/scenes.py makes them."""

from collections.abc import Sequence

from dilated_cifar.config.base import require
from dilated_cifar.config.model import IMAGE_SIZE

SMALLEST_IMAGE, LARGEST_CANVAS = 8, 256  # pixels
SMALLEST_SCALE, LARGEST_SCALE = SMALLEST_IMAGE / IMAGE_SIZE, LARGEST_CANVAS / IMAGE_SIZE


def pasted_sides(scales: Sequence[float], side: int = IMAGE_SIZE) -> tuple[int, int]:
    """The smallest and the largest side, in whole pixels, of an image of `side` pixels at these scales."""
    return round(scales[0] * side), round(scales[1] * side)


def check_scenes(canvas: int, scales: Sequence[float], prefix: str = "") -> None:
    """Refuse scenes that cannot be made.

    Args:
        canvas: side of a scene in pixels; the networks are checked for the image's own side at least.
        scales: smallest and largest size of the image on it, 1 is 32 pixels.
        prefix: what stands before the two keys as they are typed, such as `augment.`.

    Raises:
        UserError: names the key as it is typed, its value, what was expected and what to write.
    """
    require(
        IMAGE_SIZE <= canvas <= LARGEST_CANVAS,
        f"{prefix}canvas",
        canvas,
        f"{IMAGE_SIZE} to {LARGEST_CANVAS} pixels; write {prefix}canvas=64",
    )
    require(
        # also refuses nan
        len(scales) == 2 and SMALLEST_SCALE <= scales[0] <= scales[1] <= LARGEST_SCALE,
        f"{prefix}scales",
        list(scales),
        f"the smallest and the largest size, from {SMALLEST_SCALE:g} ({SMALLEST_IMAGE} pixels) to "
        f"{LARGEST_SCALE:g} ({LARGEST_CANVAS} pixels); write {prefix}scales=[0.5,1.5]",
    )
    largest = pasted_sides(scales)[1]
    require(
        largest <= canvas,
        f"{prefix}canvas",
        canvas,
        f"at least the {largest} pixels of an image at the largest of the {prefix}scales; "
        f"write {prefix}canvas={largest}",
    )
