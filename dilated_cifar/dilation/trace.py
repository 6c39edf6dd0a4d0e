"""The layers of a network, read from the module itself by running it once."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.calls import Call, Geometry, Spans, Step, UntraceableError, ValuesNeededError
from dilated_cifar.dilation.operations import PRODUCTS, follow
from dilated_cifar.dilation.spans import Origin, Span


@dataclass(frozen=True)
class Layer:
    """One layer as it ran. Pairs are (height, width); receptive field, jump and start are in input pixels.

    `kernel`, `stride`, `padding` and `dilation` are None for layers without a window. `start` is the centre
    of the first unit's receptive field, `jump` the distance between the centres of neighbouring units.
    Padding is included, so that a receptive field may be larger than the image. `least_input` is the smallest
    field, along any path, of what enters the layer.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    kernel: Pair | None
    stride: Pair | None
    padding: Pair | None
    dilation: Pair | None
    receptive_field: Pair
    jump: tuple[float, float]
    start: tuple[float, float]
    parameters: int
    multiply_adds: int
    least_input: tuple[float, float] = (1.0, 1.0)

    def is_within(self, module: str) -> bool:
        """Decide whether this layer is the module of that name or a part of it."""
        return not module or self.name == module or self.name.startswith(f"{module}.")

    @property
    def centre_position(self) -> Pair | None:
        """The (row, column) of the map's centre unit; None where the output is no map."""
        return None if len(self.output_shape) != 3 else (self.output_shape[1] // 2, self.output_shape[2] // 2)

    def centre_of(self, position: Pair | None) -> tuple[float, float]:
        """Compute the centre of a unit's receptive field, in input pixels."""
        row, column = position or (0, 0)
        return self.start[0] + row * self.jump[0], self.start[1] + column * self.jump[1]


@dataclass(frozen=True)
class FeatureMap:
    """A map, or what was made of one: its numbers as a Layer has them, without any layer.

    `module` is the outermost module that puts out the map, "" where it arises between modules.
    """

    module: str
    shape: tuple[int, ...]
    receptive_field: Pair
    jump: tuple[float, float]


@dataclass(frozen=True)
class Trace:
    """The layers of a network in the order in which they ran on an image `[C, H, W]`, and their totals.

    `receptive_field` is that of one unit of the last feature map in pixels, the longer side where the two
    differ: of the map that enters the last global pooling or flattening, or of the output where there is
    none. It follows convolutions, poolings and windows; where numbers of all positions come back into a map,
    as by attention or squeeze-excitation, `global_paths` says where and how, in the order in which they ran.
    `outputs` are the maps behind the network's outputs, by the names it gives them; the first is the one
    that counts. `last_map` is the last map that a module puts out, on the way there. `multiply_adds` counts
    convolutions, linear layers and other matrix products for one image.
    """

    input_size: tuple[int, int, int]
    layers: tuple[Layer, ...]
    parameters: int
    receptive_field: int
    outputs: dict[str, FeatureMap]
    last_map: FeatureMap
    global_paths: tuple[Origin, ...]
    spans: tuple[Spans, ...] = field(repr=False)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all convolutions, linear layers and matrix products, for one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def unproductive(self) -> tuple[Layer, ...]:
        """Convolutions whose input already sees the whole image along every path.

        Source: Richter et al. 2021, "Should you go deeper? Optimizing convolutional neural network
        architectures without training by receptive field analysis".
        """
        height, width = self.input_size[1:]
        return tuple(
            layer
            for layer in self.layers
            if layer.kind == "convolution"
            and layer.kernel is not None
            and max(layer.kernel) > 1
            and layer.least_input[0] >= height
            and layer.least_input[1] >= width
        )

    def layer(self, name: str) -> Layer:
        """Find what ran last of the module `name`, itself a layer or made of layers.

        Raises:
            ValueError: nothing of that name ran.
        """
        return self.layers[self._last(name)]

    def bounds(self, name: str, position: Pair | None) -> tuple[int, int, int, int]:
        """First row, first column, last row and last column that a unit of the module `name` sees.

        Pixels of padding count, so that they may lie outside the image; without a position, all that the
        module sees.
        """
        rows, columns = (span.bounds(position) for span in self.spans[self._last(name)])
        return rows[0], columns[0], rows[1], columns[1]

    def _last(self, name: str) -> int:
        for number in range(len(self.layers) - 1, -1, -1):
            if self.layers[number].is_within(name):
                return number
        names = ", ".join(dict.fromkeys(layer.name for layer in self.layers))
        raise ValueError(f"no layer is called {name!r}: write one of {names}")


def trace(module: nn.Module, input_size: tuple[int, int, int]) -> Trace:
    """Run a copy of `module` on one blank image `[C, H, W]` and report every layer.

    Strides, dilation, pooling, padding, residual additions and concatenations are read from the operations
    that really ran, so nothing has to be declared; where paths meet, the largest one counts. Only the shapes
    are computed where they suffice, and the values as well where the network asks for them. The module
    itself is left untouched.

    Raises:
        ValueError: the network cannot take such an input, or runs an operation that no rule describes.

    Source: Araujo, Norris & Sim 2019, equations 1 to 3 and section 3 on several paths.
    """
    on_meta = any(part.is_meta for part in module.parameters())
    if not on_meta and _is_small(module, input_size):
        return _trace(copy.deepcopy(module), input_size)
    try:
        return _trace(shapes_of(module), input_size)
    except (UntraceableError, ValuesNeededError) as error:
        by_values = isinstance(error, ValuesNeededError) or error.__cause__ is not None
        if on_meta or not by_values:
            raise
    return _trace(copy.deepcopy(module).cpu(), input_size)


def _is_small(module: nn.Module, input_size: tuple[int, int, int]) -> bool:
    """Whether computing values takes less time than loading torch's shape inference, two seconds."""
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return parameters <= _SMALL_NETWORK and input_size[1] * input_size[2] <= _SMALL_IMAGE


def shapes_of(module: nn.Module) -> nn.Module:
    """A copy of a network on the meta device: shapes without values, and without their memory."""
    memo: dict[int, Any] = {}
    for part in [*module.parameters(), *module.buffers()]:
        empty = torch.empty_like(part, device="meta")
        memo[id(part)] = nn.Parameter(empty, part.requires_grad) if isinstance(part, nn.Parameter) else empty
    return copy.deepcopy(module, memo)


def _trace(network: nn.Module, input_size: tuple[int, int, int]) -> Trace:
    network.eval()
    first = next(network.parameters(), torch.empty(0, device="meta"))
    image = torch.zeros(1, *input_size, device=first.device, dtype=first.dtype)
    recorder = _Recorder(image)
    for name, part in network.named_modules():
        recorder.watch(name, part)
    # Not inference_mode: under it, composite operations reach the recorder whole.
    with torch.no_grad(), _unfused(), recorder:
        try:
            output = network(image)
        except Exception as error:  # whatever the network's own code raises
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            if isinstance(error, UntraceableError | ValuesNeededError):
                raise
            if recorder.ruling:
                raise UntraceableError(
                    f"the receptive field cannot be followed through {type(network).__name__} ({reason}): "
                    "write convolutions, poolings, views and elementwise operations"
                ) from error
            raise UntraceableError(
                f"the network cannot run on an image of size {list(input_size)} ({reason}): "
                "write another input size, or smaller dilations and strides"
            ) from error
    if not recorder.rows:
        raise UntraceableError(
            f"{type(network).__name__} ran no layer: write a network that has at least one"
        )
    outputs = {name: recorder.map_of(tensor) for name, tensor in _outputs(output)}
    found = {name: made for name, made in outputs.items() if made is not None}
    if not found:
        raise UntraceableError(
            f"{type(network).__name__} puts out no tensor that depends on the image, but "
            f"{type(output).__name__}: write a network that puts out a tensor, a dict or a tuple of them"
        )
    main = found.get("out") or next(iter(found.values()))
    return Trace(
        input_size,
        recorder.layers(network),
        sum(parameter.numel() for parameter in network.parameters()),
        max(main.feature_map.receptive_field),
        {name: made.feature_map for name, made in found.items()},
        main.named.feature_map,
        tuple(dict.fromkeys(recorder.global_paths)),
        tuple(row.spans for row in recorder.rows),
    )


def main_output(output: Any) -> Tensor:
    """The tensor that counts of a module's output: `out` of a dict, else the first."""
    found = dict(_outputs(output))
    return found["out"] if "out" in found else next(iter(found.values()))


def _outputs(output: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors that a network puts out, by their names or numbers."""
    if isinstance(output, Tensor):
        yield "", output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from ((f"{key}.{name}" if name else str(key), tensor) for name, tensor in _outputs(value))
    elif isinstance(output, Sequence) and not isinstance(output, str):
        for key, value in enumerate(output):
            yield from ((f"{key}.{name}" if name else str(key), tensor) for name, tensor in _outputs(value))


@contextmanager
def _unfused() -> Iterator[None]:
    """Attention in its parts, which the recorder sees one by one."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@dataclass
class _Row:
    """A layer as it is noted while the network runs, its spans not yet read."""

    name: str
    geometry: Geometry
    spans: Spans
    shape: tuple[int, ...]
    least: tuple[float, float]
    parameters: int = 0

    def layer(self) -> Layer:
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


class _Map:
    """A map that arose in the network, and the one that it was made of."""

    def __init__(self, spans: Spans, shape: tuple[int, ...], before: "_Map | None") -> None:
        self.spans, self.shape, self.before = spans, shape, before
        self.module = ""

    @property
    def feature_map(self) -> FeatureMap:
        rows, columns = self.spans
        distances = (rows.distance, columns.distance)
        return FeatureMap(self.module, self.shape, (rows.size, columns.size), distances)

    @property
    def named(self) -> "_Map":
        """The last map [C, h, w] that a module puts out; this one where there is none."""
        found: _Map | None = self
        while found is not None and not (found.module and len(found.shape) == 3):
            found = found.before
        return found or self


class _Recorder(TorchDispatchMode):
    """Carries spans beside every tensor that descends from the image, and notes the layers."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        self.rows: list[_Row] = []
        self.ruling = False
        self.global_paths: list[Origin] = []
        self._seen: Any = WeakTensorKeyDictionary()
        self._running: list[tuple[str, nn.Module]] = []
        self._before: list[tuple[int, int]] = []
        self._operations = 0
        self._counted: set[int] = set()
        spans = (Span.of_image(image.shape, 2), Span.of_image(image.shape, 3))
        self._seen[image] = (spans, _Map(spans, tuple(image.shape[1:]), None))

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

    def map_of(self, tensor: Tensor) -> _Map | None:
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

    def _map(self, spans: Spans, result: Tensor, before: _Map, step: Step) -> _Map:
        """The map that a result is or was made of: what is pooled to one position is none."""
        geometry = step.geometry
        window = geometry is not None and "convolution" in geometry.kind and geometry.kernel != (1, 1)
        pooled = all(span.is_global for span in spans)
        if (window and not pooled) or any(span.positions > 1 for span in spans):
            return _Map(spans, tuple(result.shape[1:]), before)
        return before

    def _add_row(
        self, name: str, geometry: Geometry, output: Tensor, least: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        seen = self._seen.get(output)
        spans = seen[0] if seen else (Span.of_nothing(output.shape), Span.of_nothing(output.shape))
        self.rows.append(_Row(name, geometry, spans, tuple(output.shape[1:]), least))

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


def _positions(seen: tuple[Spans, _Map]) -> int:
    """How many positions a tensor has."""
    return seen[0][0].positions * seen[0][1].positions


_SMALL_NETWORK, _SMALL_IMAGE = 5_000_000, 96**2
_FORGETTING = {"new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like"}
