"""Rules of operations on whole tensors: moving, reducing, normalising and multiplying."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.calls import (
    Call,
    Geometry,
    Rule,
    Spans,
    Step,
    ValuesNeededError,
    joined,
    untraceable,
)
from dilated_cifar.dilation.spans import Span, merged


def meet(call: Call) -> Step:
    """Spans of an elementwise operation, which broadcasts its inputs."""
    found, origin = joined([spans for _, spans in call.sources], call.output.shape)
    return Step([found], origin=origin)


def require_whole(call: Call) -> None:
    """Refuse to write what comes from the image into a part of a tensor, whose rest would not know."""
    target = call.args[0] if call.name.endswith("_") and call.args else None
    base = target._base if isinstance(target, Tensor) else None
    if (
        base is not None
        and base.numel() > call.output.numel()
        and len(call.sources) > 1 - (call.spans_of(target) is None)
    ):
        raise untraceable(
            call,
            "torch.cat in place of writing into a part of a tensor, and padding_mode as 'zeros', 'reflect' "
            "or 'replicate'",
        )


def move(call: Call) -> Step:
    """Spans behind an operation that only moves numbers: the operation itself, on the bounds."""
    for value in [*call.args, *call.kwargs.values()]:
        indices = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(each, Tensor) and call.spans_of(each) is None and each.is_meta for each in indices):
            raise ValuesNeededError
    function = torch.ops.aten.reshape.default if call.name in ("view", "_unsafe_view") else call.function
    ((tensor, spans), *_) = call.sources
    results: list[list[Span]] = []
    for span in spans:
        moved: list[list[Tensor]] = []
        for part in (span.low, span.high, span.place):
            args = [part if each is tensor else each for each in call.args]
            kwargs = {key: value for key, value in call.kwargs.items() if key not in ("device", "layout")}
            found = function(*args, **kwargs)
            moved.append([found] if isinstance(found, Tensor) else list(found))
        results.append([span.replaced(*parts) for parts in zip(*moved, strict=True)])
    return Step(list(zip(*results, strict=True)))


def copy(call: Call) -> Step:
    """Spans of a copy."""
    if call.output.shape != call.sources[0][0].shape:
        raise untraceable(call, "views instead of strides")
    return Step([call.sources[0][1]])


def concatenate(call: Call) -> Step:
    """Spans of tensors laid side by side; those of none descend from the image see nothing."""
    pieces = call.args[0]
    known = [call.spans_of(piece) for piece in pieces]
    axes: list[Span] = []
    origin = None
    for axis in (0, 1):
        found = [None if spans is None else spans[axis] for spans in known]
        local = [span for span in found if span is not None and not span.is_global]
        dropped = [span.origin for span in found if span is not None and span.is_global]
        if local and dropped:
            origin = dropped[0]
        first = (local or [span for span in found if span is not None])[0]
        kept = [
            Span.of_nothing(piece.shape) if span is None or (local and span.is_global) else span
            for piece, span in zip(pieces, found, strict=True)
        ]
        parts = [[getattr(span, name) for span in kept] for name in ("low", "high", "place")]
        whole = first.replaced(*(call.function(part, *call.args[1:], **call.kwargs) for part in parts))
        axes.append(replace(whole, least=min(span.least for span in kept)))
    return Step([(axes[0], axes[1])], origin=origin)


def reduce(call: Call) -> Step:
    """Spans behind a sum, a mean or an extreme."""
    tensor, spans = call.sources[0]
    dims = call.argument(2 if "norm" in call.name else 1, "dim")
    dims = range(tensor.dim()) if dims is None or dims == [] else [dims] if isinstance(dims, int) else dims
    dims = [dim % tensor.dim() for dim in dims]
    kind = _REDUCTIONS.get(call.name.removesuffix("_"), call.name)
    rows, columns = (span.reduced(dims, call.origin("global pooling")) for span in spans)
    kept = call.output.dim() == tensor.dim()
    found = [span if kept else span.dropped(dims) for span in (rows, columns)]
    before = [span.positions for span in spans]
    met = any(now.is_global and not span.is_global for now, span in zip(found, spans, strict=True))
    window: Pair = (before[0], before[1])
    geometry = Geometry(kind, window, window, (0, 0), (1, 1)) if met and call.name in _REDUCTIONS else None
    return Step([(found[0].expanded(call.output.shape), found[1].expanded(call.output.shape))], geometry)


def normalise(kind: str, dims_of: Callable[[Call], Sequence[int]]) -> Rule:
    """Every number is divided by a statistic over the dimensions: it sees what all of them see."""

    def rule(call: Call) -> Step:
        tensor, spans = call.sources[0]
        dims = [dim % tensor.dim() for dim in dims_of(call)]
        found: list[Span] = []
        origin = None
        for span in spans:
            whole = span.reduced(dims, call.origin(kind)) if dims else span
            if whole.is_global and not span.is_global:
                origin = whole.origin
                whole = span
            found.append(merged([span, whole]).expanded(tensor.shape))
        return Step([(found[0], found[1])], origin=origin)

    return rule


def batch_norm_dims(call: Call) -> Sequence[int]:
    """The dimensions of the statistics: all but the channels, none where they are running statistics."""
    if True not in [each for each in call.args if isinstance(each, bool)] or "no_training" in call.name:
        return []
    return [dim for dim in range(call.args[0].dim()) if dim != 1]


def product(call: Call) -> Step:
    """Spans of a matrix product; the second last dimension of the first and the last of the second stay."""
    first, second = call.args[1:3] if call.name in ("baddbmm", "addmm") else call.args[:2]
    vector = second.dim() == 1
    known = [call.spans_of(first), call.spans_of(second)]
    both = None not in known
    kind = "matrix product" if both else "linear"
    origin = call.origin("attention" if both else "a linear layer over all positions")
    made: list[Spans] = []
    for spans, tensor, dim in ((known[0], first, -1), (known[1], second, -1 if vector else -2)):
        if spans is not None:
            found = [span.reduced([dim % tensor.dim()], origin) for span in spans]
            if vector:
                found = [span.dropped([dim % tensor.dim()]) for span in found]
            made.append((found[0], found[1]))
    added = call.spans_of(call.args[0]) if call.name in ("baddbmm", "addmm") else None
    geometry = Geometry(kind, multiply_adds=call.output.numel() * first.shape[-1])
    if not call.sources:
        return Step([], geometry)
    met, back = joined([*made, *([added] if added else [])], call.output.shape)
    return Step([met], geometry, back)


_REDUCTIONS = {"mean": "average pool", "amax": "max pool"}
