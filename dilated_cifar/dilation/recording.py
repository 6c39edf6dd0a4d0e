"""A network watched while it runs: where the numbers of every tensor come from, and its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from dilated_cifar.dilation.calls import Call, Geometry, Spans, Step
from dilated_cifar.dilation.layers import FeatureMap, Layer
from dilated_cifar.dilation.operations import PRODUCTS, follow
from dilated_cifar.dilation.spans import Origin, Span


@dataclass
class Row:
    """A layer as it is noted while the network runs, its spans not yet read."""

    name: str
    geometry: Geometry
    spans: Spans
    shape: tuple[int, ...]
    least: tuple[float, float]
    parameters: int = 0

    def layer(self) -> Layer:
        """The layer, its spans read."""
        rows, columns = self.spans
        return Layer(
            name=self.name,
            **vars(self.geometry),
            output_shape=self.shape,
            receptive_field=(rows.size, columns.size),
            jump=(rows.distance, columns.distance),
            start=(rows.start, columns.start),
            parameters=self.parameters,
            least_input=self.least,
        )


class Map:
    """A map that arose in the network, and the one that it was made of."""

    def __init__(self, spans: Spans, shape: tuple[int, ...], before: "Map | None") -> None:
        self.spans, self.shape, self.before = spans, shape, before
        self.module = ""

    @property
    def feature_map(self) -> FeatureMap:
        """Its numbers."""
        rows, columns = self.spans
        distances = (rows.distance, columns.distance)
        return FeatureMap(self.module, self.shape, (rows.size, columns.size), distances)

    @property
    def named(self) -> "Map":
        """The last map [C, h, w] that a module puts out; this one where there is none."""
        found: Map | None = self
        while found is not None and not (found.module and len(found.shape) == 3):
            found = found.before
        return found or self


class SpanRecorder(TorchDispatchMode):
    """Carries spans beside every tensor that descends from the image, and notes the layers."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        self.rows: list[Row] = []
        self.ruling = False
        self.global_paths: list[Origin] = []
        self._seen: Any = WeakTensorKeyDictionary()
        self._running: list[tuple[str, nn.Module]] = []
        self._before: list[tuple[int, int]] = []
        self._operations = 0
        self._counted: set[int] = set()
        spans = (Span.of_image(image.shape, 2), Span.of_image(image.shape, 3))
        self._seen[image] = (spans, Map(spans, tuple(image.shape[1:]), None))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Otherwise torch wraps the mode so that its first use imports the compiler, which takes 1.5 seconds.
        return False

    def watch(self, name: str, module: nn.Module) -> None:
        """Follow the calls of `module`, which the network calls `name`."""

        def enter(module: nn.Module, args: Any) -> None:
            del args
            self._running.append((name, module))
            self._before.append((len(self.rows), self._operations))

        def leave(module: nn.Module, args: Any, output: Any) -> None:
            del args
            self._running.pop()
            first_row, operations = self._before.pop()
            if isinstance(output, Tensor) and name and (made := self.map_of(output)):
                made.module = name if made.shape == tuple(output.shape[1:]) else made.module
            # An identity, or a dropout in eval mode, runs nothing and is no layer.
            ran = self._operations > operations
            if ran and next(module.children(), None) is None and isinstance(output, Tensor):
                self._close_leaf(name, module, output, first_row)

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)

    def map_of(self, tensor: Tensor) -> Map | None:
        """The last map on the way to a tensor; None where it does not descend from the image."""
        seen = self._seen.get(tensor)
        return None if seen is None else seen[1]

    def layers(self, network: nn.Module) -> tuple[Layer, ...]:
        """The layers that ran; parameters of none of them, such as tokens, count with the first beside."""
        for name, module in network.named_modules():
            own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
            if not own or id(module) in self._counted:
                continue
            inside = name
            while inside and not any(f"{row.name}.".startswith(f"{inside}.") for row in self.rows):
                inside = inside.rpartition(".")[0]
            row = next(row for row in self.rows if not inside or f"{row.name}.".startswith(f"{inside}."))
            row.parameters += own
        return tuple(row.layer() for row in self.rows)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        self._operations += 1
        name = func.overloadpacket.__name__
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        sources = [(leaf, self._seen[leaf][0]) for leaf in leaves if leaf in self._seen]
        outputs = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        weighted = name == "convolution" or name in PRODUCTS
        if not (sources or weighted) or name in _FORGETTING or not outputs:
            return output
        self.ruling = True
        step = follow(Call(name, func, sources, args, kwargs, outputs, self._path(name)))
        self.ruling = False
        if step.origin is not None:
            self.global_paths.append(step.origin)
        before = max((self._seen[leaf] for leaf, _ in sources), key=_positions, default=None)
        # Behind a window or a normalisation come indices and statistics, which no layer reads.
        for result, spans in zip(outputs, step.spans, strict=False):
            assert before is not None
            self._seen[result] = (spans, self._map(spans, result, before[1], step))
        if step.geometry is not None:
            least = (sources[0][1][0].least, sources[0][1][1].least) if sources else (0.0, 0.0)
            self._add_row(self._path(name), step.geometry, outputs[0], least)
        return output

    def _map(self, spans: Spans, result: Tensor, before: Map, step: Step) -> Map:
        """The map that a result is or was made of: what is pooled to one position is none."""
        geometry = step.geometry
        window = geometry is not None and "convolution" in geometry.kind and geometry.kernel != (1, 1)
        pooled = all(span.is_global for span in spans)
        if (window and not pooled) or any(span.positions > 1 for span in spans):
            return Map(spans, tuple(result.shape[1:]), before)
        return before

    def _add_row(
        self, name: str, geometry: Geometry, output: Tensor, least: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        seen = self._seen.get(output)
        spans = seen[0] if seen else (Span.of_nothing(output.shape), Span.of_nothing(output.shape))
        self.rows.append(Row(name, geometry, spans, tuple(output.shape[1:]), least))

    def _close_leaf(self, name: str, module: nn.Module, output: Tensor, first_row: int) -> None:
        if len(self.rows) == first_row and output in self._seen:
            self._add_row(name, Geometry(type(module).__name__), output)
        if len(self.rows) > first_row and id(module) not in self._counted:
            self._counted.add(id(module))
            self.rows[first_row].parameters += sum(parameter.numel() for parameter in module.parameters())

    def _path(self, operation: str) -> str:
        """Name of the running layer; a function called between layers is named after its operation."""
        name, module = self._running[-1] if self._running else ("", None)
        if module is not None and next(module.children(), None) is None:
            return name or operation
        return f"{name}.{operation}" if name else operation


def _positions(seen: tuple[Spans, Map]) -> int:
    """How many positions a tensor has."""
    return seen[0][0].positions * seen[0][1].positions


_FORGETTING = {"new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like"}
