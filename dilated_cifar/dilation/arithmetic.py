"""Output sizes of convolutions, paddings that keep a size, and rates that replace strides; without torch.

Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeVar

Pair = tuple[int, int]
Size = TypeVar("Size", int, Pair)
"""One dimension, or (height, width)."""


def convolution_output_size(
    size: Size,
    kernel_size: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Size:
    """Compute the size that a convolution or a pooling puts out: floor((n + 2p - d(k-1) - 1) / s) + 1.

    An integer `size` is one dimension; a pair is (height, width), and then every other argument may be a
    pair as well.

    Raises:
        ValueError: a number is out of range, or nothing would be left.

    Source: Dumoulin & Visin 2016, relationship 15.
    """
    return _on_each_axis(_convolution_output_size, size, kernel_size, stride, padding, dilation)


def transposed_output_size(
    size: Size,
    kernel_size: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    output_padding: int | Pair = 0,
) -> Size:
    """Compute the size that a transposed convolution puts out: (n-1)s - 2p + d(k-1) + output_padding + 1.

    An integer `size` is one dimension; a pair is (height, width), and then every other argument may be a
    pair as well.

    Raises:
        ValueError: a number is out of range, or nothing would be left.

    Source: Dumoulin & Visin 2016, relationship 14, with dilation.
    """
    numbers = (kernel_size, stride, padding, dilation, output_padding)
    return _on_each_axis(_transposed_output_size, size, *numbers)


def same_padding(kernel_size: int, dilation: int = 1) -> int:
    """Compute the padding on each side that keeps a size at stride 1: d(k-1) / 2.

    Raises:
        ValueError: the kernel is even and so has no centre, or a number is below 1.
    """
    _check_at_least(1, kernel_size=kernel_size, dilation=dilation)
    check_odd(kernel_size)
    return dilation * (kernel_size - 1) // 2


def strides_to_rates(strides: Sequence[int], output_stride: int) -> list[tuple[int, int]]:
    """Turn the strides behind an output stride into dilation: (stride, rate) of each stage in turn.

    Strides are kept until their product is `output_stride`; each later one becomes 1, and every convolution
    behind it is dilated by it, which leaves its receptive field as it was.

    Args:
        strides: Of each stage of a network, from the image on.
        output_stride: Pixels between neighbours of the last feature map.

    Raises:
        ValueError: the strides never multiply to `output_stride`.

    Source: Yu, Koltun & Funkhouser 2017, "Dilated residual networks", section 2; the name output stride is
    that of Chen et al. 2017, "Rethinking atrous convolution".
    """
    products = output_strides(strides)
    if output_stride not in products:
        raise ValueError(
            f"output_stride={output_stride} is no product of the first of the strides {list(strides)}, "
            f"one of {', '.join(str(product) for product in sorted(set(products)))} was expected"
        )
    kept = products.index(output_stride) + 1
    found = [(stride, 1) for stride in strides[:kept]]
    return found + [(1, product // output_stride) for product in products[kept:]]


def output_strides(strides: Sequence[int]) -> list[int]:
    """Compute the products of the first strides, from the first one alone to all."""
    return [prod(strides[: count + 1]) for count in range(len(strides))]


def pair(number: int | Sequence[int]) -> Pair:
    """Write a number that holds for both axes as (height, width)."""
    return (number, number) if isinstance(number, int) else (number[0], number[-1])


def check_odd(kernel_size: int) -> None:
    """Refuse a kernel without a centre.

    Raises:
        ValueError: the kernel is even or below 1.
    """
    _check_at_least(1, kernel_size=kernel_size)
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size={kernel_size} is even and has no centre, an odd number was expected: "
            f"write {kernel_size - 1} or {kernel_size + 1}"
        )


def _on_each_axis(compute: Callable[..., int], size: Size, *numbers: int | Pair) -> Size:
    if isinstance(size, tuple):
        pairs = [pair(number) for number in numbers]
        return compute(size[0], *(each[0] for each in pairs)), compute(size[1], *(each[1] for each in pairs))
    if not all(isinstance(number, int) for number in numbers):
        raise ValueError(
            f"size is one number but another argument is a pair in {numbers}: write size as (height, width)"
        )
    return compute(size, *numbers)


def _convolution_output_size(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> int:
    _check_at_least(1, size=size, kernel_size=kernel_size, stride=stride, dilation=dilation)
    _check_at_least(0, padding=padding)
    span = dilation * (kernel_size - 1) + 1
    padded = size + 2 * padding
    if padded < span:
        raise ValueError(
            f"a map of size {size} with padding {padding} is smaller than the {span} pixels that kernel_size="
            f"{kernel_size} with dilation={dilation} spans, at least 1 output was expected: write a smaller "
            f"dilation or a padding of at least {(span - size + 1) // 2}"
        )
    return (padded - span) // stride + 1


def _transposed_output_size(
    size: int, kernel_size: int, stride: int, padding: int, dilation: int, output_padding: int
) -> int:
    _check_at_least(1, size=size, kernel_size=kernel_size, stride=stride, dilation=dilation)
    _check_at_least(0, padding=padding, output_padding=output_padding)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding={output_padding} is too large, a number smaller than the stride {stride} or the "
            f"dilation {dilation} was expected: write at most {max(stride, dilation) - 1}"
        )
    full = (size - 1) * stride + dilation * (kernel_size - 1) + output_padding + 1
    if full <= 2 * padding:
        raise ValueError(
            f"padding={padding} cuts away all {full} pixels of the transposed convolution, at least 1 output "
            f"was expected: write a padding of at most {(full - 1) // 2}"
        )
    return full - 2 * padding


def _check_at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < least:
            raise ValueError(f"{name}={number} is too small, a whole number of at least {least} was expected")
