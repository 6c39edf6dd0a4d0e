"""One operation of a network as it ran, and what it does to the spans."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.spans import Origin, Span, merged

Spans = tuple[Span, Span]  # along rows and along columns
Source = tuple[Tensor, Spans]


class UntraceableError(ValueError):
    """An operation that no rule describes, or an input that the network does not take."""


class ValuesNeededError(Exception):
    """Where numbers are moved to depends on values, which a run with shapes alone does not have."""


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
    """The outcome of one operation: the spans of its outputs, and its geometry where it has one.

    `origin` says where what was made from all positions came back into a map.
    """

    spans: list[Spans]
    geometry: Geometry | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Call:
    """An operation as it ran: the inputs whose spans are known, its arguments and outputs, and its module."""

    name: str
    function: Any
    sources: list[Source]
    args: Sequence[Any]
    kwargs: dict[str, Any]
    outputs: list[Tensor]
    module: str

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def spans_of(self, tensor: Any) -> Spans | None:
        """The spans of one of the arguments, None where it does not descend from the image."""
        return next((spans for source, spans in self.sources if source is tensor), None)

    def origin(self, kind: str) -> Origin:
        """That numbers of all positions meet here."""
        module = "" if self.module == self.name else self.module.removesuffix(f".{self.name}")
        return Origin(module, kind)

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """An argument by its place or its name."""
        return self.args[place] if len(self.args) > place else self.kwargs.get(name, default)


Rule = Callable[[Call], Step]


def untraceable(call: Call, instead: str) -> UntraceableError:
    """The refusal of an operation, with what to write the layer with instead."""
    return UntraceableError(
        f"no rule follows the receptive field through {call.name} in {call.module}: "
        f"write the layer with {instead}"
    )


def joined(sources: Sequence[Spans], shape: Sequence[int]) -> tuple[Spans, Origin | None]:
    """Spans where paths meet in a tensor of that shape, and what came back into a map there."""
    if len(sources) == 1 and sources[0][0].low.shape == shape:
        return sources[0], None
    spans = [merged([source[axis] for source in sources]).expanded(shape) for axis in (0, 1)]
    made = [span.origin for source in sources for span in source if span.origin]
    mixed = [len({source[axis].is_global for source in sources}) > 1 for axis in (0, 1)]
    back = any(mixed[axis] and not spans[axis].is_global for axis in (0, 1))
    return (spans[0], spans[1]), made[0] if back else None
