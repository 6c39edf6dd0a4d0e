"""How large scenes may be: images pasted on a canvas, as dilated_cifar/data/scenes.py makes them."""

from collections.abc import Sequence

from dilated_cifar.config.base import require

SMALLEST_IMAGE, LARGEST_CANVAS = 8, 256  # pixels


def pasted_sides(scales: Sequence[float], side: int) -> tuple[int, int]:
    """The smallest and the largest side, in whole pixels, of an image of `side` pixels at these scales."""
    return round(scales[0] * side), round(scales[1] * side)


def require_scenes(canvas: int, scales: Sequence[float], side: int, prefix: str = "") -> None:
    """Refuse scenes that cannot be made.

    Args:
        canvas: side of a scene in pixels; the networks are checked for the image's own side at least.
        scales: smallest and largest size of the image on it, 1 is its own.
        side: of the image in pixels.
        prefix: what stands before the two keys as they are typed, such as `augment.`.

    Raises:
        UserError: names the key as it is typed, its value, what was expected and what to write.
    """
    require(
        side <= canvas <= LARGEST_CANVAS,
        f"{prefix}canvas",
        canvas,
        f"{side} to {LARGEST_CANVAS} pixels; write {prefix}canvas={2 * side}",
    )
    least, most = SMALLEST_IMAGE / side, LARGEST_CANVAS / side
    usual = f"[{max(0.5, least):g},{min(1.5, most):g}]"
    require(
        # also refuses nan
        len(scales) == 2 and least <= scales[0] <= scales[1] <= most,
        f"{prefix}scales",
        list(scales),
        f"the smallest and the largest size, from {least:g} ({SMALLEST_IMAGE} pixels) to "
        f"{most:g} ({LARGEST_CANVAS} pixels); write '{prefix}scales={usual}'",
    )
    largest = pasted_sides(scales, side)[1]
    require(
        largest <= canvas,
        f"{prefix}canvas",
        canvas,
        f"at least the {largest} pixels of an image at the largest of the {prefix}scales; "
        f"write {prefix}canvas={largest}",
    )
