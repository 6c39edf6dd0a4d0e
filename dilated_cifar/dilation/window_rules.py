"""Rules of operations with a window over the map: convolutions, poolings, interpolations, paddings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil, floor

import torch
from torch import Tensor

from dilated_cifar.dilation.arithmetic import Pair, pair
from dilated_cifar.dilation.calls import Call, Geometry, Rule, Spans, Step, UntraceableError, untraceable
from dilated_cifar.dilation.spans import MISSING, Span


def convolution(call: Call) -> Step:
    """Spans and cost of a convolution or a transposed one, in any number of groups."""
    source, weight, _, stride, padding, dilation, transposed, _, groups = call.args[:9]
    if weight.dim() != 4:
        raise UntraceableError(
            f"a convolution over {weight.dim() - 2} dimensions cannot be traced, 2 were expected: "
            "write the layer with Conv2d"
        )
    spans = call.spans_of(source)
    kind = "transposed convolution" if transposed else "convolution"
    window = (pair(weight.shape[2:]), pair(stride), pair(padding), pair(dilation))
    # weight[0] is all that one output number is made of, or, transposed, all that one input number feeds.
    meeting = source if transposed else call.output
    geometry = Geometry(kind, *window, meeting[0].numel() * weight[0].numel())
    if spans is None:
        raise UntraceableError(
            f"the input of {call.module} does not descend from the image in a way that can be followed: of a "
            "network that resizes and batches its images itself, as torchvision's detectors do, explain the "
            "backbone, which a builder of your own returns (def make(): return detector.backbone); elsewhere "
            "write padding_mode as 'zeros', 'reflect' or 'replicate'"
        )
    outputs = call.output.shape[1]
    gathered = (spans[0].by_group(groups, outputs), spans[1].by_group(groups, outputs))
    if not transposed:
        return Step([_slide(call, kind, window, gathered)], geometry)
    return Step([_slide_transposed(call, window, gathered)], geometry)


def pool(kind: str, dilated: bool) -> Rule:
    """The rule of a pooling; `dilated` where its window may be."""

    def rule(call: Call) -> Step:
        args = call.args
        kernel = pair(args[1])
        stride = pair(args[2]) if len(args) > 2 and args[2] else kernel
        padding = pair(args[3]) if len(args) > 3 else (0, 0)
        dilation = pair(args[4]) if dilated and len(args) > 4 else (1, 1)
        window = (kernel, stride, padding, dilation)
        return Step([_slide(call, kind, window)], Geometry(kind, *window))

    return rule


def adaptive_pool(kind: str) -> Rule:
    """The rule of a pooling to a given size, whose windows may differ by one position."""

    def rule(call: Call) -> Step:
        tensor, spans = call.sources[0]
        taps, widest = [], []
        for axis in (0, 1):
            before, after = tensor.shape[axis - 2], call.output.shape[axis - 2]
            windows = [range(before * o // after, ceil(before * (o + 1) / after)) for o in range(after)]
            widest.append(max(map(len, windows)))
            rows = [[*window, *[MISSING] * (widest[axis] - len(window))] for window in windows]
            taps.append(torch.tensor(rows))
        scale = [tensor.shape[axis - 2] / call.output.shape[axis - 2] for axis in (0, 1)]
        found = _windows(call, spans, taps, scale, [width - 1 for width in widest])
        kernel = (widest[0], widest[1])
        stride = (max(1, floor(scale[0])), max(1, floor(scale[1])))
        return Step([_pooled(call, tensor, found)], Geometry(kind, kernel, stride, (0, 0), (1, 1)))

    return rule


def resize(call: Call) -> Step:
    """Spans behind an interpolation, by the taps that torch takes in each mode."""
    tensor, spans = call.sources[0]
    mode = call.name.removeprefix("upsample_").removeprefix("_upsample_").removesuffix("2d")
    if mode not in _TAPS:
        raise untraceable(call, "nearest, bilinear or bicubic interpolation without antialias")
    aligned = mode in ("bilinear", "bicubic") and bool(call.argument(2, "align_corners"))
    given = [value if isinstance(value, list | tuple) else [value] for value in call.args[1:]]
    factors = [each for values in given for each in values if isinstance(each, float)][-2:]
    taps, scales = [], []
    for axis in (0, 1):
        before, after = tensor.shape[axis - 2], call.output.shape[axis - 2]
        scale = 1 / factors[axis] if len(factors) == 2 else before / after
        outputs = torch.arange(after, dtype=torch.float64)
        if aligned:
            centres = outputs * ((before - 1) / max(after - 1, 1))
        elif mode == "nearest":
            centres = outputs * scale
        else:
            centres = (outputs + 0.5) * scale - (0.5 if mode != "nearest_exact" else 0.0)
        taps.append(_TAPS[mode](centres, before))
        scales.append(before / after)
    return Step([_windows(call, spans, taps, scales, (0, 0))], Geometry(f"resize {mode}"))


def pad(call: Call) -> Step:
    """Spans behind a padding: the border goes on, whatever stands there."""
    tensor, spans = call.sources[0]
    widths = call.args[1]
    found = list(spans)
    for number in range(len(widths) // 2):
        dim = call.output.dim() - 1 - number
        before, after = widths[2 * number], widths[2 * number + 1]
        taps = torch.arange(-before, tensor.shape[dim] + after)[:, None]
        shape = [*found[0].low.shape]
        shape[dim] = len(taps)
        if dim < call.output.dim() - 2 or call.output.dim() < 4:
            found = [_padded_empty(span, dim, before, after) for span in found]
            continue
        axis = dim - call.output.dim() + 2
        found[axis] = found[axis].windowed(dim, taps, 1.0, 0.0).expanded(shape)
        other = 1 - axis
        found[other] = found[other].moved(partial(_widened, dim=dim, size=len(taps)))
    return Step([(found[0], found[1])])


def _windows(
    call: Call, spans: Spans, taps: Sequence[Tensor], scale: Sequence[float], reach: Sequence[float]
) -> Spans:
    """Slide a window over the last two dimensions, along whichever the positions of each axis lie."""
    found = []
    for axis, span in enumerate(spans):
        own = [dim for dim in (-2, -1) if dim + call.output.dim() in span.dims()] or [axis - 2]
        for dim in (-2, -1):
            number = dim + 2
            if dim in own:
                span = span.windowed(dim, taps[number], scale[number], reach[number])
            elif span.varies_along(dim):
                span = span.windowed(dim, taps[number], scale[number], reach[number], placed=False)
        found.append(span.expanded(call.output.shape))
    return found[0], found[1]


def _slide(call: Call, kind: str, window: tuple[Pair, Pair, Pair, Pair], spans: Spans | None = None) -> Spans:
    kernel, stride, padding, dilation = window
    tensor, own = call.sources[0]
    taps = []
    for axis in (0, 1):
        outputs = torch.arange(call.output.shape[axis - 2])[:, None] * stride[axis] - padding[axis]
        taps.append(outputs + torch.arange(kernel[axis]) * dilation[axis])
    reach = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
    found = _windows(call, spans or own, taps, stride, reach)
    return _pooled(call, tensor, found) if kind.endswith("pool") else found


def _slide_transposed(call: Call, window: tuple[Pair, Pair, Pair, Pair], spans: Spans) -> Spans:
    """An output position reads an input position where a whole number of strides lies between."""
    kernel, stride, padding, dilation = window
    taps = []
    for axis in (0, 1):
        reached = torch.arange(call.output.shape[axis - 2])[:, None] + padding[axis]
        reached = reached - torch.arange(kernel[axis]) * dilation[axis]
        read = reached.div(stride[axis], rounding_mode="floor")
        taps.append(read.masked_fill(reached % stride[axis] != 0, MISSING))
    reach = [floor(dilation[axis] * (kernel[axis] - 1) / stride[axis]) for axis in (0, 1)]
    return _windows(call, spans, taps, [1 / step for step in stride], reach)


def _pooled(call: Call, tensor: Tensor, spans: Spans) -> Spans:
    """Spans behind a pooling; one of the whole map to one position makes all positions one."""
    rows, columns = (
        replace(span, origin=span.origin or call.origin("global pooling"))
        if call.output.shape[axis - 2] == 1 < tensor.shape[axis - 2]
        else span
        for axis, span in enumerate(spans)
    )
    return rows, columns


def _nearest_taps(centres: Tensor, size: int) -> Tensor:
    return centres.floor().long().clamp(0, size - 1)[:, None]


def _linear_taps(centres: Tensor, size: int) -> Tensor:
    centres = centres.clamp(min=0)
    first = centres.floor().long().clamp(max=size - 1)
    second = (first + 1).clamp(max=size - 1)
    exact = (centres - first).abs() < _ROUNDING
    return torch.stack([first, torch.where(exact, first, second)], 1)


def _cubic_taps(centres: Tensor, size: int) -> Tensor:
    first = centres.floor().long()
    taps = (first[:, None] + torch.arange(-1, 3)).clamp(0, size - 1)
    exact = (centres - first).abs() < _ROUNDING
    return torch.where(exact[:, None], first[:, None].clamp(0, size - 1), taps)


def _padded_empty(span: Span, dim: int, before: int, after: int) -> Span:
    """A padding along channels or tokens: what is added sees nothing."""
    sides = list(span.low.shape)
    pieces = [Span.of_nothing([*sides[:dim], size, *sides[dim + 1 :]]) for size in (before, after)]
    parts = [
        torch.cat([getattr(each, name) for each in (pieces[0], span, pieces[1])], dim)
        for name in ("low", "high", "place")
    ]
    return span.replaced(*parts)


def _widened(part: Tensor, dim: int, size: int) -> Tensor:
    """A tensor that is the same along a dimension, with another size of it."""
    return part.narrow(dim, 0, 1).expand(*part.shape[:dim], size, *part.shape[dim + 1 :])


_ROUNDING = 1e-9
_TAPS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "nearest": _nearest_taps,
    "nearest_exact": _nearest_taps,
    "bilinear": _linear_taps,
    "bicubic": _cubic_taps,
}
