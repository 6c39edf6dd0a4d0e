"""Scenes: images pasted at a random size and place on a larger canvas, with the box that is true.

All random choices are drawn on the CPU from a Stream, so that every machine and device makes the same ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.config.scenes import pasted_sides
from dilated_cifar.data.randomness import Stream, stratified_order
from dilated_cifar.data.resampling import centres, resample, stretch
from dilated_cifar.data.splits import Split
from dilated_cifar.device import onto

BACKGROUNDS = ("mean", "noise", "blur")
"""What lies around the image: the mean colour of the data set; noise around it with the data set's standard
deviation; a part of another image, enlarged and blurred until only its colours are left."""

CHUNK = 100  # scenes made at once, so that the working arrays stay small
PART = 0.5  # of the other image's side is enlarged to the canvas
BLUR = 0.1  # standard deviation of the blur, as a share of the other image's side


@dataclass(frozen=True)
class Scenes:
    """Pasted images with what is true of them, on one device."""

    images: Tensor
    """uint8 `[N, 3, S, S]`."""

    labels: Tensor
    """int64 `[N]`."""

    boxes: Tensor
    """int64 `[N, 4]`: top, left, bottom, right in pixels, the end exclusive."""

    backgrounds: Tensor
    """int64 `[N]`, the place in BACKGROUNDS."""

    def __len__(self) -> int:
        return len(self.labels)


def make_scenes(
    split: Split,
    *,
    count: int,
    canvas: int,
    mean: Sequence[float],
    std: Sequence[float],
    seed: int,
    purpose: str = "",
    scales: Sequence[float] = (0.5, 1.5),
    backgrounds: Sequence[str] = BACKGROUNDS,
) -> Scenes:
    """Make scenes of a stratified choice of images; each class has every background equally often.

    Which images, sizes and places they are does not depend on `backgrounds`, and in more scenes of the same
    seed they begin with the same ones: what varies can be compared image by image.

    Args:
        split: where the images, and the parts of others for the background `blur`, come from.
        count: scenes, at most as many as the split has images; each image comes once.
        canvas: side of a scene in pixels; must hold the largest image.
        mean: of red, green and blue, on the scale from 0 to 1.
        std: of red, green and blue, on the same scale.
        seed: of all choices.
        purpose: what the scenes are for; scenes for another purpose have other sizes, places and noise.
        scales: smallest and largest size; 1 is the image's own. The sides are whole numbers of pixels.
        backgrounds: which of BACKGROUNDS.

    Raises:
        ValueError: the split has too few images.
    """
    if count > len(split):
        raise ValueError(f"count={count}: expected at most the {len(split)} images of the split")
    labels = split.labels.cpu().numpy()
    chosen = stratified_order(labels, "scene images", purpose, seed)[:count]
    numbers = np.array([BACKGROUNDS.index(name) for name in backgrounds], dtype=np.int64)
    kinds = np.empty(count, dtype=np.int64)
    # Dealt out class by class, so that no class has more of one background than of another.
    stream = Stream("scene backgrounds", purpose, seed)
    shuffled, turn = stream.permutation(count), stream.permutation(labels.max() + 1)
    kinds[np.lexsort((shuffled, turn[labels[chosen]]))] = numbers[np.arange(count) % len(numbers)]
    others = choose_others(chosen, labels, "scene others", purpose, seed)

    device = split.images.device
    images = torch.empty(count, split.images.shape[1], canvas, canvas, dtype=torch.uint8, device=device)
    boxes = torch.empty(count, 4, dtype=torch.int64, device=device)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        images[part], boxes[part] = paste(
            split.images[onto(device, chosen[part])],
            kinds[part],
            split.images[onto(device, others[part])],
            purpose,
            seed,
            first,
            canvas=canvas,
            scales=scales,
            mean=mean,
            std=std,
        )
    return Scenes(images, split.labels[onto(device, chosen)], boxes, onto(device, kinds))


def paste(
    images: Tensor,
    kinds: NDArray[np.int64],
    others: Tensor,
    *parts: int | str,
    canvas: int,
    scales: Sequence[float],
    mean: Sequence[float],
    std: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """Paste each image at a random size and place on a background of its own.

    An image's size and place depend on `parts` and its number alone, not on how many follow it.

    Args:
        images: uint8 `[N, C, H, H]`, on any device.
        kinds: `[N]`, the place in BACKGROUNDS.
        others: uint8 `[N, C, H, H]`, of which the background `blur` is made.
        parts: what identifies the random choices, as in `derive_seed`.
        canvas: side of the result in pixels.
        scales: smallest and largest size; 1 is the image's own.
        mean: of each of the C colours, on the scale from 0 to 1.
        std: of each of the C colours, on the same scale.

    Returns:
        The scenes, uint8 `[N, C, canvas, canvas]`, and the boxes, int64 `[N, 4]`: top, left, bottom, right.
    """
    count, _, side, _ = images.shape
    smallest, largest = pasted_sides(scales, side)
    sides = smallest + Stream("scene sizes", *parts).integers(largest - smallest + 1, count)
    corners = Stream("scene places", *parts).integers((canvas - sides + 1)[:, None], count, 2)
    boxes = onto(images.device, np.concatenate([corners, corners + sides[:, None]], axis=1))
    scenes = _paint_backgrounds(kinds, others, *parts, canvas=canvas, mean=mean, std=std)

    top, left, bottom, right = boxes.T.unsqueeze(2)
    rows, columns = (stretch(*ends, canvas, side) for ends in ((top, bottom), (left, right)))
    pixels = torch.arange(canvas, device=images.device)
    inside_rows, inside_columns = (pixels >= top) & (pixels < bottom), (pixels >= left) & (pixels < right)
    inside = inside_rows.unsqueeze(2) & inside_columns.unsqueeze(1)
    return torch.where(inside.unsqueeze(1), resample(images, rows, columns), scenes), boxes


def choose_others(
    numbers: NDArray[np.int64], labels: NDArray[np.int64], *parts: int | str
) -> NDArray[np.int64]:
    """Choose for each image another at random, of another class.

    Args:
        numbers: `[M]`, the images that need another.
        labels: `[N]`, the class of every image there is.
        parts: what identifies the choice, as in `derive_seed`.

    Returns:
        `[M]`, numbers of images. Where all are of one class, another image; where there is only one, itself.
    """
    if (labels == labels[0]).all():
        labels = np.arange(len(labels))
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    own = counts[labels[numbers]]
    first = (np.cumsum(counts) - counts)[labels[numbers]]
    # Among the images in the order of their classes, those of the own class are stepped over.
    place = Stream(*parts).integers(len(labels) - own, len(numbers))
    place += np.where(place >= first, own, 0)
    return order[place % len(labels)]


def _paint_backgrounds(
    kinds: NDArray[np.int64],
    others: Tensor,
    *parts: int | str,
    canvas: int,
    mean: Sequence[float],
    std: Sequence[float],
) -> Tensor:
    """Paint the background of each scene, as `paste` says: uint8 `[N, C, canvas, canvas]`."""
    count, channels, side, _ = others.shape
    noisy, blurred = (np.flatnonzero(kinds == BACKGROUNDS.index(name)) for name in ("noise", "blur"))
    levels = np.round(255 * np.asarray(mean)).astype(np.uint8)
    scenes = onto(others.device, levels).view(1, -1, 1, 1).repeat(count, 1, canvas, canvas)
    noise = _draw_noise(
        Stream("scene noise", *parts), (len(noisy), channels, canvas, canvas), tuple(mean), tuple(std)
    )
    scenes[onto(others.device, noisy)] = onto(others.device, noise)
    starts = Stream("scene parts", *parts).integers(side - int(PART * side) + 1, count, 2)
    chosen = onto(others.device, blurred)
    scenes[chosen] = _enlarge_and_blur(others[chosen], onto(others.device, starts[blurred]), canvas)
    return scenes


def _draw_noise(
    stream: Stream, shape: tuple[int, int, int, int], mean: tuple[float, ...], std: tuple[float, ...]
) -> NDArray[np.uint8]:
    """Draw independent normal noise, cut to 0..255: uint8 `[N, C, H, W]`."""
    size = math.prod(shape)
    # The byte order is fixed, because each quarter of a word is a sample.
    words = stream.words(-(-size // 4)).astype("<u8", copy=False)
    samples = words.view("<u2")[:size].reshape(shape)
    levels = _normal_levels(mean, std)
    return np.stack([level.take(samples[:, colour]) for colour, level in enumerate(levels)], axis=1)


@lru_cache(maxsize=8)
def _normal_levels(mean: tuple[float, ...], std: tuple[float, ...]) -> NDArray[np.uint8]:
    """The grey level of each of 65,536 equally likely steps of a normal distribution: uint8 `[C, 65536]`."""
    quantiles = torch.special.ndtri((torch.arange(65_536, dtype=torch.float64) + 0.5) / 65_536)
    levels = torch.tensor(mean).unsqueeze(1) + torch.tensor(std).unsqueeze(1) * quantiles
    return np.asarray((255 * levels).round().clamp(0, 255), dtype=np.uint8)


def _enlarge_and_blur(images: Tensor, starts: Tensor, canvas: int) -> Tensor:
    """Enlarge the part of each image that begins at `starts` `[N, 2]` to the canvas, with Gaussian blur."""
    side = images.shape[-1]
    middles = starts.unsqueeze(2) + centres(canvas, images.device) * int(PART * side) / canvas
    distances = (middles.unsqueeze(3) - centres(side, images.device)) / (BLUR * side)
    rows, columns = (-(distances**2) / 2).softmax(3).unbind(1)
    return resample(images, rows, columns)
