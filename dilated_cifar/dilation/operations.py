"""What each framework operation does to receptive fields: the rules that a trace follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dilated_cifar.dilation.field import Field, merge

Pair = tuple[int, int]
Fields = tuple[Field, Field]


@dataclass(frozen=True)
class Geometry:
    """An operation with a window or weights: what it is, its numbers and its cost."""

    kind: str
    kernel: Pair | None = None
    stride: Pair | None = None
    padding: Pair | None = None
    dilation: Pair | None = None
    multiply_adds: int = 0


@dataclass(frozen=True)
class Step:
    """The outcome of one operation: the field of its output, and its geometry where it has one."""

    fields: Fields
    geometry: Geometry | None = None


Rule = Callable[[Fields, Sequence[Any], torch.Tensor], Step]


def spatial(tensor: torch.Tensor) -> Pair:
    """Height and width of a map `[..., C, H, W]`; a tensor with fewer dimensions has one position."""
    return (tensor.shape[-2], tensor.shape[-1]) if tensor.dim() >= 4 else (1, 1)


def follow(
    name: str, sources: Sequence[tuple[torch.Tensor, Fields]], args: Sequence[Any], output: torch.Tensor
) -> Step:
    """Field and geometry of the `output` of the operation called `name`.

    `sources` are the inputs whose fields are known, with their fields.

    Raises:
        ValueError: the operation changes the size of a map in a way that no rule describes.
    """
    if name in RULES:
        return RULES[name](sources[0][1], args, output)
    sizes = [spatial(tensor) for tensor, _ in sources]
    merged = tuple(
        merge([fields[axis] for _, fields in sources], [size[axis] for size in sizes]) for axis in (0, 1)
    )
    before = (max(size[0] for size in sizes), max(size[1] for size in sizes))
    fields = (
        _resized(name, merged[0], before[0], spatial(output)[0]),
        _resized(name, merged[1], before[1], spatial(output)[1]),
    )
    geometry = None
    if name in _REDUCTIONS and spatial(output) == (1, 1) != before:
        geometry = Geometry(_REDUCTIONS[name], before, before, (0, 0), (1, 1))
    return Step(fields, geometry)


def _resized(name: str, field: Field, before: int, after: int) -> Field:
    if after == before:
        return field
    if after == 1:
        return field.collapsed(before)
    if before == 1:
        return Field(field.low, field.high, field.jump * 0)  # a broadcast: every unit sees the same
    raise ValueError(
        f"no rule follows the receptive field through {name}, which turns {before} positions into {after}: "
        "write the layer with a convolution, a pooling, a padding or a strided slice"
    )


def _pair(numbers: Sequence[int] | int) -> Pair:
    if isinstance(numbers, int):
        return (numbers, numbers)
    return (numbers[0], numbers[-1])


def _slide(
    fields: Fields,
    kind: str,
    window: tuple[Pair, Pair, Pair, Pair],
    multiply_adds: int = 0,
) -> Step:
    kernel, stride, padding, dilation = window
    move = Field.transposed if kind == "transposed convolution" else Field.slid
    return Step(
        (
            move(fields[0], kernel[0], stride[0], padding[0], dilation[0]),
            move(fields[1], kernel[1], stride[1], padding[1], dilation[1]),
        ),
        Geometry(kind, kernel, stride, padding, dilation, multiply_adds),
    )


def _convolution(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    source, weight, _, stride, padding, dilation, transposed = args[:7]
    if weight.dim() != 4:
        raise ValueError(
            f"a convolution over {weight.dim() - 2} dimensions cannot be traced, 2 were expected: "
            "write the layer with Conv2d"
        )
    kind = "transposed convolution" if transposed else "convolution"
    window = (_pair(weight.shape[2:]), _pair(stride), _pair(padding), _pair(dilation))
    # weight[0] is all that one output number is made of, or, transposed, all that one input number feeds.
    meeting = source if transposed else output
    return _slide(fields, kind, window, meeting[0].numel() * weight[0].numel())


def _max_pool(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    del output
    kernel = _pair(args[1])
    stride = _pair(args[2]) if len(args) > 2 and args[2] else kernel
    padding = _pair(args[3]) if len(args) > 3 else (0, 0)
    dilation = _pair(args[4]) if len(args) > 4 else (1, 1)
    return _slide(fields, "max pool", (kernel, stride, padding, dilation))


def _average_pool(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    del output
    kernel = _pair(args[1])
    stride = _pair(args[2]) if len(args) > 2 and args[2] else kernel
    padding = _pair(args[3]) if len(args) > 3 else (0, 0)
    return _slide(fields, "average pool", (kernel, stride, padding, (1, 1)))


def _adaptive_pool(kind: str) -> Rule:
    def rule(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
        before, after = spatial(args[0]), spatial(output)
        if before[0] % after[0] or before[1] % after[1]:
            raise ValueError(
                f"an adaptive pooling of {before[0]}x{before[1]} to {after[0]}x{after[1]} has windows of "
                "several sizes, a size that divides was expected: write an output size that divides the map"
            )
        kernel = (before[0] // after[0], before[1] // after[1])
        return _slide(fields, kind, (kernel, kernel, (0, 0), (1, 1)))

    return rule


def _pad(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    del output
    left, top = args[1][0], args[1][2] if len(args[1]) > 2 else 0
    return Step((fields[0].sliced(-top, 1), fields[1].sliced(-left, 1)))


def _slice(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    del output
    source: torch.Tensor = args[0]
    dim = args[1] if len(args) > 1 else 0
    start = (args[2] if len(args) > 2 else 0) or 0
    step = args[4] if len(args) > 4 else 1
    axis = dim % source.dim() - (source.dim() - 2)
    if axis < 0 or source.dim() < 4:
        return Step(fields)
    cut = fields[axis].sliced(start % source.shape[dim] if start < 0 else start, step)
    return Step((cut, fields[1]) if axis == 0 else (fields[0], cut))


def _permute(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    dims = list(range(args[0].dim()))
    if isinstance(args[1], int):
        dims[args[1]], dims[args[2]] = dims[args[2]], dims[args[1]]
    else:
        dims = [dim % len(dims) for dim in args[1]]
    if output.dim() >= 4 and dims[-2:] != list(range(len(dims)))[-2:]:
        raise ValueError(
            f"a map with its dimensions in the order {dims} cannot be traced, height and width were expected "
            "to stay last: write the layer for maps [N, C, H, W]"
        )
    return Step(fields)


def _linear(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    weight = args[-1]
    return Step(fields, Geometry("linear", multiply_adds=output.numel() * weight.shape[0]))


_REDUCTIONS = {"mean": "average pool", "amax": "max pool"}

RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "max_pool2d": _max_pool,
    "avg_pool2d": _average_pool,
    "_adaptive_avg_pool2d": _adaptive_pool("average pool"),
    "adaptive_max_pool2d": _adaptive_pool("max pool"),
    "constant_pad_nd": _pad,
    "reflection_pad2d": _pad,
    "replication_pad2d": _pad,
    "slice": _slice,
    "permute": _permute,
    "transpose": _permute,
    "addmm": _linear,
    "mm": _linear,
}
