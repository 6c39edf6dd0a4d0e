"""A convolution as a sparse matrix C, and the transposed convolution step by step.

On flattened maps, C x is the convolution and C^T y the transposed convolution: that restores the shape of x,
not its values. Source: Dumoulin & Visin 2016, sections 4.1 and 4.2.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional as F

from dilated_cifar.dilation.arithmetic import Pair, convolution_output_size, pair, transposed_output_size


@dataclass(frozen=True)
class TransposedSteps:
    """What a transposed convolution `[N, I, H, W]` -> `[N, O, H', W']` is made of, in order.

    `zeros_between` is the input with stride - 1 zeros between its pixels; `zeros_around` that with
    d(k-1) - p zeros on every side (and the output padding below and to the right; a negative number cuts
    away); `flipped_kernel` `[O, I, k, k]` the kernel turned by 180 degrees; `result` the plain convolution of
    the two, at stride 1.
    """

    zeros_between: Tensor
    zeros_around: Tensor
    flipped_kernel: Tensor
    result: Tensor


def convolution_matrix(
    weight: Tensor,
    input_size: Pair,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> sparse.csr_array:
    """Build the sparse matrix of a convolution on maps of `input_size`.

    The weight is `[O, I / groups, kh, kw]`, the matrix `[O H' W', I H W]`: `matrix @ x.flatten()` is the
    convolution of `x` `[I, H, W]`, flattened, and `matrix.T @ y.flatten()` the transposed convolution of `y`
    `[O, H', W']` with the same weight.

    Raises:
        ValueError: a number is out of range, the map would vanish, or the groups do not divide the channels.
    """
    out_channels, group_channels, *kernel = weight.shape
    if groups < 1 or out_channels % groups:
        raise ValueError(
            f"groups={groups} does not divide the {out_channels} output channels: write a number that does"
        )
    height, width = convolution_output_size(input_size, (kernel[0], kernel[1]), stride, padding, dilation)
    positions, pixels = height * width, input_size[0] * input_size[1]
    # The operator that gathers windows says which pixel each tap reads; pixels count from 1, padding is 0.
    numbered = torch.arange(1, pixels + 1, dtype=torch.float64).view(1, 1, *input_size)
    window = (kernel[0], kernel[1])
    read = F.unfold(numbered, window, dilation=dilation, padding=padding, stride=stride)[0].long().numpy()
    tap, position = np.nonzero(read)
    pixel = read[tap, position] - 1
    channel, source = (axis.reshape(-1, 1) for axis in np.indices((out_channels, group_channels)))
    group = channel // (out_channels // groups)
    rows = channel * positions + position
    columns = (group * group_channels + source) * pixels + pixel
    values = weight.detach().cpu().reshape(out_channels * group_channels, -1).numpy()[:, tap]
    shape = (out_channels * positions, groups * group_channels * pixels)
    return sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=shape)


def transposed_in_steps(
    source: Tensor,
    weight: Tensor,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    output_padding: int | Pair = 0,
) -> TransposedSteps:
    """Compute the transposed convolution of `source` `[N, I, H, W]` with `weight` `[I, O, kh, kw]` in steps.

    Zeros between the pixels, zeros around, the flipped kernel, a plain convolution: the last equals the
    framework's operator.

    Raises:
        ValueError: a number is out of range, or the map would vanish.
    """
    kernel = (weight.shape[2], weight.shape[3])
    size = (source.shape[2], source.shape[3])
    transposed_output_size(size, kernel, stride, padding, dilation, output_padding)
    (s_y, s_x), (p_y, p_x), (d_y, d_x) = pair(stride), pair(padding), pair(dilation)
    extra_y, extra_x = pair(output_padding)
    between = source.new_zeros(*source.shape[:2], (size[0] - 1) * s_y + 1, (size[1] - 1) * s_x + 1)
    between[:, :, ::s_y, ::s_x] = source
    around_y, around_x = d_y * (kernel[0] - 1) - p_y, d_x * (kernel[1] - 1) - p_x
    around = F.pad(between, (around_x, around_x + extra_x, around_y, around_y + extra_y))
    flipped = weight.flip(2, 3).transpose(0, 1)
    return TransposedSteps(between, around, flipped, F.conv2d(around, flipped, dilation=(d_y, d_x)))
