"""Images drawn by code that show what dilation is for: the class is the distance between two dots.

On a smooth colour with noise lie a few pairs of dots, all black or all white, each pair along a row or a
column, all at the same distance. No dot alone says anything; a network must see both dots of a pair at once.

The images are the same bits on every machine: all arithmetic is on whole numbers, no random distribution, no
transcendental function and no rounding of a float is left to a library. Floats from the configuration are
turned into whole numbers first, by one IEEE multiplication and Python's `round`.
"""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.config.spacing import SIDE, SpacingConfig
from dilated_cifar.data.randomness import Stream
from dilated_cifar.registry import data_set

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]

FRACTION = 16  # bits below one grey level in the sums
CELL = 8  # pixels between the nodes of the shading
NOISE_BYTES = 4  # uniform bytes summed for one sample of noise: near enough to a normal distribution
CHUNK = 250  # images painted at once, so that the working arrays stay in the cache
DARKEST_BASE, LIGHTEST_BASE = 77, 178  # 0.3 and 0.7: far from the dots' black and white


@data_set(SpacingConfig)
def read(
    config: SpacingConfig,
    wanted: Collection[str],
    *,
    progress: bool = True,  # noqa: ARG001 - every reader takes it; here there is nothing to wait for
) -> tuple[dict[str, Arrays], list[str]]:
    """Draw the wanted ones of the splits train, validation and test, each from a stream of its own.

    Returns:
        For each wanted split its images `[N, 3, 32, 32]` and labels `[N]`, and the names of the classes.
    """
    sizes = {"train": config.train, "validation": config.validation, "test": config.test}
    splits = {name: draw(config, name, count) for name, count in sizes.items() if name in wanted and count}
    return splits, config.class_names


def draw(config: SpacingConfig, name: str, count: int) -> Arrays:
    """Draw the images of one split.

    Args:
        config: distances, pairs, noise, shading, seed.
        name: of the split; every name has a stream of its own.
        count: images to draw, the same number of each class.

    Returns:
        Images uint8 `[count, 3, 32, 32]` and labels int64 `[count]`.
    """
    classes = np.arange(count) % config.classes
    labels = classes[Stream("spacing labels", config.seed, name).permutation(count)]
    dots = _place_dots(config, Stream("spacing dots", config.seed, name), labels + config.smallest)
    stream = Stream("spacing colours", config.seed, name)
    images = np.empty((count, 3, SIDE, SIDE), dtype=np.uint8)
    for first in range(0, count, CHUNK):
        part = images[first : first + CHUNK]
        part[:] = _paint_background(config, stream, len(part))
    shade = Stream("spacing dot colour", config.seed, name).integers(2, count) * 255
    np.copyto(images, shade[:, None, None, None].astype(np.uint8), where=dots[:, None])
    return images, labels


def _place_dots(config: SpacingConfig, stream: Stream, distances: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose where the dots of each image lie: bool `[N, 32, 32]`.

    Dots of different pairs never lie in one row or column at a distance that is a class, nor touch along one:
    the only distances to be read off an image are those of its pairs.
    """
    count, side, reach = len(distances), SIDE, config.largest
    dots = np.zeros((count, side, side), dtype=bool)
    # With a margin the crosses that a dot forbids need no clipping.
    forbidden = np.zeros((count, side + 2 * reach, side + 2 * reach), dtype=bool)
    steps = np.arange(2 * reach + 1)
    for _ in range(config.pairs):
        waiting = np.arange(count)
        while len(waiting):
            spans = side - distances[waiting]
            vertical = stream.integers(2, len(waiting)).astype(bool)
            along = stream.integers(spans, len(waiting))
            across = stream.integers(side, len(waiting))
            rows, columns = np.where(vertical, (along, across), (across, along))
            far_rows = rows + np.where(vertical, distances[waiting], 0)
            far_columns = columns + np.where(vertical, 0, distances[waiting])
            free = ~forbidden[waiting, rows + reach, columns + reach]
            free &= ~forbidden[waiting, far_rows + reach, far_columns + reach]
            placed = waiting[free]
            for y, x in ((rows[free], columns[free]), (far_rows[free], far_columns[free])):
                dots[placed, y, x] = True
                forbidden[placed[:, None], y[:, None] + steps, x[:, None] + reach] = True
                forbidden[placed[:, None], y[:, None] + reach, x[:, None] + steps] = True
            waiting = waiting[~free]
    return dots


def _paint_background(config: SpacingConfig, stream: Stream, count: int) -> NDArray[np.uint8]:
    """Paint a base colour, smooth shading and noise: uint8 `[count, 3, 32, 32]`."""
    one = 1 << FRACTION
    base = DARKEST_BASE + stream.integers(LIGHTEST_BASE - DARKEST_BASE + 1, count, 3, 1, 1)

    nodes = SIDE // CELL + 1
    heights = stream.integers(511, count, 3, nodes, nodes) - 255
    weights, unit = _interpolation(nodes)
    # These products are whole numbers below 2**53, which a float holds exactly: however a matrix library
    # orders and fuses its sums, the bits are the same.
    smooth = weights @ heights.astype(np.float64) @ weights.T
    amplitude = round(config.shading * one)
    shading = smooth.astype(np.int64) * amplitude // unit**2

    # The byte order is fixed, because the bytes of a word are the samples.
    words = stream.words(count, NOISE_BYTES * 3 * SIDE**2 // 8).astype("<u8", copy=False)
    samples = words.view(np.uint8).reshape(count, NOISE_BYTES, 3, SIDE, SIDE)
    centred = samples.sum(axis=1, dtype=np.int32) - NOISE_BYTES * 255 // 2
    # A uniform byte has the variance (256**2 - 1) / 12; isqrt is exact where sqrt may differ in its last bit.
    deviation = math.isqrt(NOISE_BYTES * (256**2 - 1) * one**2 // 12)
    noise = centred * (round(config.noise * 255 * one * one) // deviation)

    levels: NDArray[np.int64] = (base * one + shading + noise + one // 2) >> FRACTION
    return levels.clip(0, 255).astype(np.uint8)


def _interpolation(nodes: int) -> tuple[NDArray[np.float64], int]:
    """Weigh the nodes for each pixel by smoothstep, 3t^2 - 2t^3: integers `[32, nodes]`, and their sum."""
    pixels = np.arange(SIDE)
    cell, position = pixels // CELL, 2 * (pixels % CELL) + 1  # pixel centres, in halves of a pixel
    width = 2 * CELL
    rising = 3 * position**2 * width - 2 * position**3
    weights = np.zeros((SIDE, nodes))
    weights[pixels, cell] = width**3 - rising
    weights[pixels, cell + 1] = rising
    return weights, width**3
