"""How receptive field, jump and start grow from one framework operation to the next.

Source: Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Any

import torch

from dilated_cifar.dilation.arithmetic import Pair, pair


@dataclass(frozen=True)
class Field:
    """The receptive fields of the units of a map, along one dimension.

    That of the first unit is the input positions `low` to `high`, both included; that of every further unit
    is shifted by `jump`. Position 0 is the first input pixel; padding lies below it, so `low` may be
    negative. Fractions arise behind transposed convolutions only.
    """

    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    jump: Fraction = Fraction(1)

    @property
    def size(self) -> int:
        """Receptive field in pixels; behind a transposed convolution, that of the units with the largest."""
        return ceil(self.high - self.low) + 1

    @property
    def start(self) -> float:
        """Centre of the first unit's receptive field, in input pixels."""
        return float((self.low + self.high) / 2)

    def slid(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "Field":
        """Field behind a window that slides over the map: a convolution or a pooling."""
        reach = dilation * (kernel_size - 1)
        low, high = self.low - padding * self.jump, self.high + (reach - padding) * self.jump
        return Field(low, high, self.jump * stride)

    def transposed(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "Field":
        """Field behind a transposed convolution.

        Output o reads the inputs i with o = i s - p + d t, for taps t = 0..k-1: around the middle of that
        range there are at most floor(d(k-1) / s) + 1 of them.
        """
        reach = dilation * (kernel_size - 1)
        middle = Fraction(2 * padding - reach, 2 * stride)
        half = Fraction(floor(Fraction(reach, stride)), 2)
        low, high = self.low + (middle - half) * self.jump, self.high + (middle + half) * self.jump
        return Field(low, high, self.jump / stride)

    def sliced(self, start: int, step: int) -> "Field":
        """Field of every `step`-th unit from unit `start` on; a negative start means padding in front."""
        return Field(self.low + start * self.jump, self.high + start * self.jump, self.jump * step)

    def collapsed(self, units: int) -> "Field":
        """Field of one value made from all `units` of the map."""
        return Field(self.low, self.high + (units - 1) * self.jump, self.jump * units)


def merge(fields: Iterable[Field], units: Sequence[int]) -> Field:
    """Field where several paths meet, as in an addition or a concatenation: the largest path counts.

    `units` says how many units each path has along this dimension; a path with a single one is broadcast
    and says nothing about the jump.
    """
    paths = list(fields)
    widest = max(range(len(paths)), key=lambda path: units[path])
    return Field(min(path.low for path in paths), max(path.high for path in paths), paths[widest].jump)


Fields = tuple[Field, Field]  # along rows and along columns


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
    before = (max(size[0] for size in sizes), max(size[1] for size in sizes))
    rows, columns = (
        _resized(
            name,
            merge([fields[axis] for _, fields in sources], [size[axis] for size in sizes]),
            before[axis],
            spatial(output)[axis],
        )
        for axis in (0, 1)
    )
    geometry = None
    if name in _REDUCTIONS and spatial(output) == (1, 1) != before:
        geometry = Geometry(_REDUCTIONS[name], before, before, (0, 0), (1, 1))
    return Step((rows, columns), geometry)


def _resized(name: str, field: Field, before: int, after: int) -> Field:
    if after == before:
        return field
    if after == 1:
        return field.collapsed(before)
    if before == 1:
        return Field(field.low, field.high, field.jump * 0)  # a broadcast: every unit has the same
    raise ValueError(
        f"no rule follows the receptive field through {name}, which turns {before} positions into {after}: "
        "write the layer with a convolution, a pooling, a padding or a strided slice"
    )


def _slide(fields: Fields, kind: str, window: tuple[Pair, Pair, Pair, Pair], multiply_adds: int = 0) -> Step:
    move = Field.transposed if kind == "transposed convolution" else Field.slid
    rows, columns = (move(fields[axis], *(number[axis] for number in window)) for axis in (0, 1))
    return Step((rows, columns), Geometry(kind, *window, multiply_adds))


def _convolution(fields: Fields, args: Sequence[Any], output: torch.Tensor) -> Step:
    source, weight, _, stride, padding, dilation, transposed = args[:7]
    if weight.dim() != 4:
        raise ValueError(
            f"a convolution over {weight.dim() - 2} dimensions cannot be traced, 2 were expected: "
            "write the layer with Conv2d"
        )
    kind = "transposed convolution" if transposed else "convolution"
    window = (pair(weight.shape[2:]), pair(stride), pair(padding), pair(dilation))
    # weight[0] is all that one output number is made of, or, transposed, all that one input number feeds.
    meeting = source if transposed else output
    return _slide(fields, kind, window, meeting[0].numel() * weight[0].numel())


def _pool(kind: str, dilated: bool) -> Rule:
    def rule(fields: Fields, args: Sequence[Any], _output: torch.Tensor) -> Step:
        kernel = pair(args[1])
        stride = pair(args[2]) if len(args) > 2 and args[2] else kernel
        padding = pair(args[3]) if len(args) > 3 else (0, 0)
        dilation = pair(args[4]) if dilated and len(args) > 4 else (1, 1)
        return _slide(fields, kind, (kernel, stride, padding, dilation))

    return rule


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


def _pad(fields: Fields, args: Sequence[Any], _output: torch.Tensor) -> Step:
    left, top = args[1][0], args[1][2] if len(args[1]) > 2 else 0
    return Step((fields[0].sliced(-top, 1), fields[1].sliced(-left, 1)))


def _slice(fields: Fields, args: Sequence[Any], _output: torch.Tensor) -> Step:
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
    "max_pool2d_with_indices": _pool("max pool", dilated=True),
    "max_pool2d": _pool("max pool", dilated=True),
    "avg_pool2d": _pool("average pool", dilated=False),
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
