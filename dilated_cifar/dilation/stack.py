"""The sizes of the maps through a stack of convolutions, or of transposed ones; without torch.

Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dilated_cifar.dilation.arithmetic import Pair, convolution_output_size, transposed_output_size


@dataclass(frozen=True)
class Window:
    """The numbers of one layer, the same for rows and columns."""

    kernel_size: int
    rate: int = 1
    stride: int = 1
    padding: int = 0
    output_padding: int = 0


@dataclass(frozen=True)
class ConvolutionSizes:
    """What a convolution makes of a square map, in pixels of one side.

    `matrix` is the shape of its matrix C on flattened maps of one channel, and `weights` the number of
    entries of C that are taps. `transposed` is the size to which the transposed convolution with the same
    numbers leads back, None where nothing would be left; with the output padding `restoring` it is `before`.
    """

    window: Window
    before: int
    after: int
    transposed: int | None
    restoring: int
    matrix: Pair
    weights: int


@dataclass(frozen=True)
class TransposedSizes:
    """What a transposed convolution makes of a square map, in pixels of one side.

    `zeros_between` and `zeros_around` are the sizes of the map with `stride - 1` zeros between its pixels,
    and of that with `around` zeros on every side (a negative number cuts away) and the output padding. The
    convolution of it with the flipped kernel has the size `after`. `matrix` is the shape of C^T.
    """

    window: Window
    before: int
    zeros_between: int
    around: int
    zeros_around: int
    after: int
    matrix: Pair
    weights: int


def convolution_sizes(size: int, windows: Sequence[Window]) -> list[ConvolutionSizes]:
    """Follow the size of a square map through convolutions.

    Raises:
        ValueError: a number is out of range, or nothing would be left; the message names the layer.
    """
    found = []
    for number, window in enumerate(windows, start=1):
        numbers = (window.kernel_size, window.stride, window.padding, window.rate)
        try:
            after = convolution_output_size(size, *numbers)
        except ValueError as error:
            raise ValueError(f"layer {number}: {error}") from error
        back = (after - 1) * window.stride + 1 + window.rate * (window.kernel_size - 1) - 2 * window.padding
        matrix = (after**2, size**2)
        found.append(
            ConvolutionSizes(
                window,
                size,
                after,
                max(back, 0) or None,
                size - back,
                matrix,
                _taps(window, size, after) ** 2,
            )
        )
        size = after
    return found


def transposed_sizes(size: int, windows: Sequence[Window]) -> list[TransposedSizes]:
    """Follow the size of a square map through transposed convolutions.

    Raises:
        ValueError: a number is out of range, or nothing would be left; the message names the layer.
    """
    found = []
    for number, window in enumerate(windows, start=1):
        numbers = (window.kernel_size, window.stride, window.padding, window.rate, window.output_padding)
        try:
            after = transposed_output_size(size, *numbers)
        except ValueError as error:
            raise ValueError(f"layer {number}: {error}") from error
        between = (size - 1) * window.stride + 1
        around = window.rate * (window.kernel_size - 1) - window.padding
        padded = between + 2 * around + window.output_padding
        matrix, weights = (after**2, size**2), _taps(window, after, size) ** 2
        found.append(TransposedSizes(window, size, between, around, padded, after, matrix, weights))
        size = after
    return found


def rates_at_stride_one(rates: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Multiply each rate by the strides in front of its layer.

    A unit of a stack with strides reads the same pixels, equally often, as one of a stack at stride 1 with
    these rates; so all that holds for the one holds for the other.

    Source: the a trous algorithm; Yu, Koltun & Funkhouser 2017, section 2.
    """
    jump, found = 1, []
    for rate, stride in zip(rates, strides, strict=True):
        found.append(rate * jump)
        jump *= stride
    return tuple(found)


def _taps(window: Window, pixels: int, outputs: int) -> int:
    """How many taps of all outputs along one axis fall on a pixel, not on padding."""
    count = 0
    for tap in range(window.kernel_size):
        shift = tap * window.rate - window.padding
        first = max(0, -(shift // window.stride))
        last = min(outputs - 1, (pixels - 1 - shift) // window.stride)
        count += max(0, last - first + 1)
    return count
