"""What the operations of a counting network make of the nodes of its maps.

A rule gets the maps, what the operation made, and its arguments; None where it does not describe the case.
"""

from collections.abc import Callable, Sequence
from math import floor
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dilated_cifar.dilation.arithmetic import Pair, pair
from dilated_cifar.dilation.count_layouts import Channels, Layout, Maps, codes
from dilated_cifar.dilation.count_nodes import Window
from dilated_cifar.dilation.counting import BOTH, Size, adaptive_pool

Rule = Callable[..., Layout | None]


def descends(value: Any) -> bool:
    """Whether a value is made of the image: weights need no gradient here."""
    return isinstance(value, Tensor) and value.requires_grad


def _convolution(
    maps: Maps,
    made: Tensor,
    source: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Channels | None:
    del bias, groups
    kernel, rates = pair(weight.shape[2:]), pair(dilation)
    if isinstance(padding, str):
        reach = [rate * (side - 1) for rate, side in zip(rates, kernel, strict=True)]
        padding = (reach[0] // 2, reach[1] // 2) if padding == "same" else 0
    return _windowed(maps, made, source, kernel, pair(stride), pair(padding), rates)


def _transposed(
    maps: Maps,
    made: Tensor,
    source: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Channels | None:
    del bias, output_padding, groups
    if (channels := maps.of(source)) is None:
        return None
    axes = []
    for axis in (0, 1):
        step, around, rate = pair(stride)[axis], pair(padding)[axis], pair(dilation)[axis]
        before, after = channels.size[axis], made.shape[axis + 2]
        reached = [
            [(place + around - rate * tap) / step for tap in range(weight.shape[axis + 2])]
            for place in range(after)
        ]
        axes.append(
            tuple(
                tuple((floor(one), 1.0) for one in each if one == floor(one) and 0 <= one < before)
                for each in reached
            )
        )
    node = maps.slid(maps.mixed(channels), made.shape[2:], *axes)
    return Channels(torch.full((made.shape[1],), node), (made.shape[2], made.shape[3]))


def _max_pool(
    maps: Maps,
    made: Tensor,
    source: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Channels | None:
    del ceil_mode, return_indices
    kernel = pair(kernel_size)
    return _windowed(maps, made, source, kernel, pair(stride or kernel), pair(padding), pair(dilation))


def _average_pool(
    maps: Maps,
    made: Tensor,
    source: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    *_: Any,
    **__: Any,
) -> Channels | None:
    return _max_pool(maps, made, source, kernel_size, stride, padding)


def _windowed(
    maps: Maps, made: Tensor, source: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Channels | None:
    """What a window over the mean channel makes, the same in every channel."""
    if (channels := maps.of(source)) is None:
        return None
    rows, columns = map(Window, kernel, stride, padding, dilation)
    node = maps.slid(maps.mixed(channels), made.shape[2:], rows, columns)
    return Channels(torch.full((made.shape[1],), node), (made.shape[2], made.shape[3]))


def _resized(
    maps: Maps, made: Tensor, source: Tensor, along: Callable[[Tensor, int], Tensor]
) -> Channels | None:
    """What an operation makes of each channel; `along` does it to maps `[n, 1, n, 1]` along one axis."""
    if (channels := maps.of(source)) is None or made.dim() != 4:
        return None
    axes = []
    for axis in (0, 1):
        before = channels.size[axis]
        basis = torch.eye(before, dtype=torch.float64).view(before, 1, before, 1)
        weights = along(basis, axis)[:, 0, :, 0].T
        axes.append(
            tuple(
                tuple((place, float(row[place])) for place in row.nonzero().flatten().tolist())
                for row in weights
            )
        )
    return maps.each_slid(channels, made, axes[0], axes[1])


def _adaptive_pool(maps: Maps, made: Tensor, source: Tensor, *_: Any, **__: Any) -> Channels | None:
    def along(basis: Tensor, axis: int) -> Tensor:
        return adaptive_pool(basis, (made.shape[axis + 2], 1))

    return _resized(maps, made, source, along)


def _interpolation(maps: Maps, made: Tensor, source: Tensor, *args: Any, **options: Any) -> Channels | None:
    options |= dict(zip(("size", "scale_factor", "mode", "align_corners"), args, strict=False))
    scale = options.pop("scale_factor", None)

    def along(basis: Tensor, axis: int) -> Tensor:
        if scale is None:
            return F.interpolate(basis, **options | {"size": (made.shape[axis + 2], 1)})
        factor = scale[axis] if isinstance(scale, list | tuple) else scale
        return F.interpolate(basis, scale_factor=(factor, 1.0), **options)

    return _resized(maps, made, source, along)


def _mean(maps: Maps, made: Tensor, source: Tensor, *_: Any, **__: Any) -> Channels | None:
    if made.dim() != 4 or made.shape[2:] != (1, 1):
        return None
    return _resized(maps, made, source, lambda basis, _: basis.sum(2, keepdim=True))


def _padding(
    maps: Maps,
    made: Tensor,
    source: Tensor,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Layout | None:
    if mode != "constant" or value:
        return None
    if (channels := maps.of(source)) is not None and len(pad) <= 4:
        left, _, top, _ = [*pad, 0, 0][:4]
        return maps.each_slid(channels, made, Window(1, 1, top, 1), Window(1, 1, left, 1))
    coded: Tensor = F.pad(maps.coded(source), list(pad))
    return maps.map(coded)


def _linear(maps: Maps, made: Tensor, source: Tensor, *_: Any, **__: Any) -> Layout | None:
    """A linear layer on maps whose channels lie last, as a convolution of one pixel."""
    if source.dim() != 4:
        return None
    channels = maps.map(maps.coded(source).movedim(-1, 1))
    if channels is None:
        return None
    mixed = Channels(torch.full((made.shape[-1],), maps.mixed(channels)), channels.size)
    return codes(mixed).movedim(1, -1)


def _meeting(maps: Maps, made: Tensor, one: Any, other: Any, *_: Any, **__: Any) -> Layout | None:
    """A sum, or what stays where a constant or a gate comes in, as `Counting` has it."""
    meeting = [each for each in (one, other) if descends(each)]
    if len(meeting) == 2 and one.dim() == other.dim() == 4:
        singles = [each.shape[2:] == (1, 1) for each in meeting]
        if singles[0] != singles[1]:
            meeting = [meeting[singles.index(False)]]
    if any(each.shape != made.shape for each in meeting):
        return None
    if len(meeting) == 1:
        layout: Layout = maps.layout(meeting[0])
        return layout
    return maps.combined(*meeting)


RULES: dict[str, Rule] = {
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "max_pool2d": _max_pool,
    "avg_pool2d": _average_pool,
    "adaptive_avg_pool2d": _adaptive_pool,
    "adaptive_max_pool2d": _adaptive_pool,
    "interpolate": _interpolation,
    "mean": _mean,
    "pad": _padding,
    "linear": _linear,
    **dict.fromkeys(BOTH, _meeting),
}
"""By the names of the functions."""
MOVING = {
    *("view", "reshape", "flatten", "unflatten", "permute", "transpose", "movedim", "swapaxes", "moveaxis"),
    *("contiguous", "clone", "chunk", "split", "unbind", "narrow", "__getitem__", "select", "squeeze"),
    *("unsqueeze", "expand", "expand_as", "repeat", "cat", "concat", "concatenate", "stack", "roll", "flip"),
    *("tensor_split", "index_select", "view_as", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle"),
}
"""Operations that put numbers elsewhere and change none."""
