"""A mode in which a network counts paths: every weight is one, every non-linearity passes its input on."""

from collections.abc import Callable
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from dilated_cifar.dilation.arithmetic import Pair, pair

Size = int | tuple[int, ...] | list[int]


class UncountableError(ValueError):
    """An operation whose paths have no count."""


class Counting(TorchFunctionMode):
    """Replaces, while it is active, what layers compute by its count of paths.

    The gradient of an output with respect to an input is then the number of paths between them. Replacing
    the functions rather than the modules reaches what a network calls between its layers as well.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        kwargs = kwargs or {}
        if name in _PASSING:
            return args[0]
        if name in _COUNTED:
            return _COUNTED[name](*args, **kwargs)
        if name in _MEETING and any(isinstance(each, Tensor) and each.requires_grad for each in args):
            return _MEETING[name](*args, **kwargs)
        return func(*args, **kwargs)


def _window(source: Tensor, kernel: Pair, channels: int, transposed: bool = False, **numbers: Any) -> Tensor:
    """Sum over a sliding window, the same for every channel.

    All channels of a map hold the same counts unless branches were concatenated, and then their mean is what
    a convolution over both would count; so one channel is enough to compute.
    """
    ones = source.new_ones(1, 1, *kernel)
    slide = F.conv_transpose2d if transposed else F.conv2d
    return slide(source.mean(1, keepdim=True), ones, **numbers).repeat(1, channels, 1, 1)


def _convolution(
    source: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    del bias, groups
    kernel = (weight.shape[2], weight.shape[3])
    return _window(source, kernel, weight.shape[0], stride=stride, padding=padding, dilation=dilation)


def _transposed_convolution(
    source: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    del bias
    return _window(
        source,
        (weight.shape[2], weight.shape[3]),
        weight.shape[1] * groups,
        transposed=True,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )


def _max_pool(
    source: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    if return_indices:
        raise UncountableError("a max pool with indices cannot be counted: write a plain MaxPool2d")
    kernel, steps, around, dilated = (
        pair(kernel_size),
        pair(stride or kernel_size),
        pair(padding),
        pair(dilation),
    )
    # With ceil_mode a last window may begin on the map and end behind it.
    behind = [0, 0]
    for axis in (0, 1) if ceil_mode else ():
        size, reach = source.shape[axis + 2], dilated[axis] * (kernel[axis] - 1) + 1
        outputs = ceil((size + 2 * around[axis] - reach) / steps[axis]) + 1
        outputs -= (outputs - 1) * steps[axis] >= size + around[axis]
        behind[axis] = max(0, (outputs - 1) * steps[axis] + reach - size - 2 * around[axis])
    padded = F.pad(source, (around[1], around[1] + behind[1], around[0], around[0] + behind[0]))
    return _window(padded, kernel, source.shape[1], stride=steps, dilation=dilated)


def _average_pool(
    source: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    del count_include_pad, divisor_override
    return _max_pool(source, kernel_size, stride, padding, ceil_mode=ceil_mode)


def adaptive_pool(source: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    """Sum over windows that divide a map into a given number, which may differ by one position."""
    if return_indices:
        raise UncountableError("a max pool with indices cannot be counted: write a plain AdaptiveMaxPool2d")
    given = output_size if isinstance(output_size, list | tuple) else (output_size, output_size)
    after = [size or source.shape[axis + 2] for axis, size in enumerate(given)]
    # A window of n positions has a mean n times as small as its sum; windows differ by one position.
    sums = F.adaptive_avg_pool2d(source, (after[0], after[1]))
    for axis in (0, 1):
        before, sides = source.shape[axis + 2], [1, 1]
        widths = [
            ceil(before * (o + 1) / after[axis]) - before * o // after[axis] for o in range(after[axis])
        ]
        sides[axis] = -1
        sums = sums * sums.new_tensor(widths).view(sides)
    return sums


def _interpolate(source: Tensor, *args: Any, **options: Any) -> Tensor:
    """An interpolation, by its weights; what was pooled to one position comes back on a path that is cut."""
    if options.get("mode") == "bicubic" or options.get("antialias"):
        raise UncountableError("a bicubic interpolation cannot be counted: write a bilinear one")
    single = source.dim() == 4 and source.shape[2:] == (1, 1)
    return F.interpolate(torch.zeros_like(source) if single else source, *args, **options)


def _meet(one: Any, other: Any, *_: Any, **__: Any) -> Any:
    """A sum, a difference or a product: the paths of both count, constants are one.

    What was pooled to one position, such as the gate of a squeeze-excitation, is a path that is cut.
    """
    if not (isinstance(one, Tensor) and one.requires_grad):
        one, other = other, one
    if not isinstance(other, Tensor):
        return one
    if not other.requires_grad:
        return one.expand(torch.broadcast_shapes(one.shape, other.shape))
    if one.dim() == other.dim() == 4:
        for pooled, single in ((one, other), (other, one)):
            if pooled.shape[2:] == (1, 1) != single.shape[2:]:
                return single.expand(torch.broadcast_shapes(one.shape, other.shape))
    return one + other


def _divide(one: Any, other: Any, *_: Any, **__: Any) -> Any:
    return one if isinstance(one, Tensor) and one.requires_grad else other


def _multiply_matrices(one: Tensor, other: Tensor, *_: Any, **__: Any) -> Tensor:
    if one.requires_grad and not other.requires_grad and other.dim() == 2:
        return _linear(one, other.t())
    return _refuse_attention()


def _refuse_attention(*_: Any, **__: Any) -> Tensor:
    raise UncountableError(
        "attention weighs positions by their values, which has no count: write a layer before the first one"
    )


def _mean(source: Tensor, dim: Any = None, keepdim: bool = False, **options: Any) -> Tensor:
    spatial = source.dim() == 4 and dim is not None and {d % 4 for d in pair(dim)} == {2, 3}
    if spatial:
        return source.sum(dim, keepdim, **options)
    return source.mean(**options) if dim is None else source.mean(dim, keepdim, **options)


def _linear(source: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    del bias
    return source.mean(-1, keepdim=True) * torch.ones(weight.shape[0], dtype=source.dtype)


BOTH = (
    *("add", "__add__", "__iadd__", "__radd__", "add_", "sub", "__sub__", "__rsub__", "__isub__", "rsub"),
    *("mul", "__mul__", "__rmul__", "__imul__", "mul_", "multiply"),
)
"""Elementwise operations to which both sides have paths."""

_COUNTED: dict[str, Callable[..., Tensor]] = {
    "conv2d": _convolution,
    "conv_transpose2d": _transposed_convolution,
    "max_pool2d": _max_pool,
    "avg_pool2d": _average_pool,
    "adaptive_avg_pool2d": adaptive_pool,
    "adaptive_max_pool2d": adaptive_pool,
    "mean": _mean,
    "linear": _linear,
    "interpolate": _interpolate,
}

_MEETING: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(BOTH, _meet),
    **dict.fromkeys(("div", "true_divide", "__truediv__", "__itruediv__", "div_"), _divide),
    **dict.fromkeys(("matmul", "__matmul__", "bmm", "mm"), _multiply_matrices),
    **dict.fromkeys(
        ("scaled_dot_product_attention", "multi_head_attention_forward", "einsum", "baddbmm"),
        _refuse_attention,
    ),
}
"""What has paths from two sides, or from one and constants."""

_PASSING = {
    *("batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm"),
    *("dropout", "dropout2d", "alpha_dropout", "feature_alpha_dropout", "feature_dropout"),
    *("relu", "relu_", "leaky_relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "prelu"),
    *("hardswish", "hardtanh", "hardsigmoid", "softplus", "softsign", "tanh", "sigmoid"),
    *("clamp", "clamp_", "clip", "threshold", "normalize", "hardswish_", "silu_", "softmax", "log_softmax"),
}
