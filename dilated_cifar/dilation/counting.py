"""A mode in which a network counts paths: every weight is one, every non-linearity passes its input on."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from dilated_cifar.dilation.arithmetic import Pair, pair

Size = int | tuple[int, ...] | list[int]


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
    if ceil_mode or return_indices:
        raise ValueError("a max pool with ceil_mode or indices cannot be counted: write a plain MaxPool2d")
    return _window(
        source,
        pair(kernel_size),
        source.shape[1],
        stride=stride or kernel_size,
        padding=padding,
        dilation=dilation,
    )


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


def _adaptive_pool(source: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    after = pair(output_size)
    kernel = (source.shape[2] // after[0], source.shape[3] // after[1])
    if (kernel[0] * after[0], kernel[1] * after[1]) != tuple(source.shape[2:]):
        raise ValueError(
            f"an adaptive pooling to {after[0]}x{after[1]} does not divide the map of {source.shape[2]}x"
            f"{source.shape[3]}: write an output size that does"
        )
    return _max_pool(source, kernel, kernel, return_indices=return_indices)


def _mean(source: Tensor, dim: Any = None, keepdim: bool = False, **options: Any) -> Tensor:
    spatial = source.dim() == 4 and dim is not None and {d % 4 for d in pair(dim)} == {2, 3}
    if spatial:
        return source.sum(dim, keepdim, **options)
    return source.mean(**options) if dim is None else source.mean(dim, keepdim, **options)


def _linear(source: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    del bias
    return source.mean(-1, keepdim=True) * torch.ones(weight.shape[0], dtype=source.dtype)


_COUNTED: dict[str, Callable[..., Tensor]] = {
    "conv2d": _convolution,
    "conv_transpose2d": _transposed_convolution,
    "max_pool2d": _max_pool,
    "avg_pool2d": _average_pool,
    "adaptive_avg_pool2d": _adaptive_pool,
    "adaptive_max_pool2d": _adaptive_pool,
    "mean": _mean,
    "linear": _linear,
}

_PASSING = {
    *("batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm"),
    *("dropout", "dropout2d", "alpha_dropout", "feature_alpha_dropout", "feature_dropout"),
    *("relu", "relu_", "leaky_relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "prelu"),
    *("hardswish", "hardtanh", "hardsigmoid", "softplus", "softsign", "tanh", "sigmoid"),
}
