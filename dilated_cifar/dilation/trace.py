"""The layers of a network, read from the module itself by running it once."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.operations import Field, Fields, Geometry, Step, follow, spatial


@dataclass(frozen=True)
class Layer:
    """One layer as it ran. Pairs are (height, width); receptive field, jump and start are in input pixels.

    `kernel`, `stride`, `padding` and `dilation` are None for layers without a window. `start` is the centre
    of the first unit's receptive field, `jump` the distance between the centres of neighbouring units.
    Padding is included, so that a receptive field may be larger than the image.
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

    def is_within(self, module: str) -> bool:
        """Decide whether this layer is the module of that name or a part of it."""
        return self.name == module or self.name.startswith(f"{module}.")

    @property
    def centre_position(self) -> Pair | None:
        """The (row, column) of the map's centre unit; None where the output is no map."""
        return None if len(self.output_shape) != 3 else (self.output_shape[1] // 2, self.output_shape[2] // 2)

    def centre_of(self, position: Pair | None) -> tuple[float, float]:
        """Compute the centre of a unit's receptive field, in input pixels."""
        row, column = position or (0, 0)
        return self.start[0] + row * self.jump[0], self.start[1] + column * self.jump[1]


@dataclass(frozen=True)
class Trace:
    """The layers of a network in the order in which they ran on an image `[C, H, W]`, and their totals.

    `receptive_field` is that of one unit of the last feature map in pixels, the longer side where the two
    differ: of the map that enters the last global pooling or flattening, or of the output where there is
    none. `multiply_adds` counts convolutions and linear layers for one image.
    """

    input_size: tuple[int, int, int]
    layers: tuple[Layer, ...]
    parameters: int
    receptive_field: int

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all convolutions and linear layers, for one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    def layer(self, name: str) -> Layer:
        """Find what ran last of the module `name`, itself a layer or made of layers.

        Raises:
            ValueError: nothing of that name ran.
        """
        for layer in reversed(self.layers):
            if layer.is_within(name):
                return layer
        names = ", ".join(dict.fromkeys(layer.name for layer in self.layers))
        raise ValueError(f"no layer is called {name!r}: write one of {names}")


def trace(module: nn.Module, input_size: tuple[int, int, int]) -> Trace:
    """Run a copy of `module` on one blank image `[C, H, W]` and report every layer.

    Strides, dilation, pooling, padding, residual additions and concatenations are read from the operations
    that really ran, so nothing has to be declared; where paths meet, the largest one counts. The module
    itself is left untouched.

    Raises:
        ValueError: the network cannot take such an input, or runs an operation that no rule describes.

    Source: Araujo, Norris & Sim 2019, equations 1 to 3 and section 3 on several paths.
    """
    network = copy.deepcopy(module).eval()
    first = next(network.parameters(), torch.empty(0))
    image = torch.zeros(1, *input_size, device=first.device, dtype=first.dtype)
    recorder = _Recorder(image)
    for name, part in network.named_modules():
        recorder.watch(name, part)
    # Not inference_mode: under it, composite operations reach the recorder whole.
    with torch.no_grad(), recorder:
        try:
            network(image)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"the network cannot run on an image of size {list(input_size)} ({reason}): "
                "write another input size, or smaller dilations and strides"
            ) from error
    if not recorder.layers:
        raise ValueError(f"{type(module).__name__} ran no layer: write a network that has at least one")
    parameters = sum(parameter.numel() for parameter in module.parameters())
    receptive_field = max(field.size for field in recorder.last_map)
    return Trace(input_size, tuple(recorder.layers), parameters, receptive_field)


class _Recorder(TorchDispatchMode):
    """Carries a field beside every tensor that descends from the image, and notes the layers."""

    def __init__(self, image: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        self.layers: list[Layer] = []
        self.last_map: Fields = (Field(), Field())
        self._collapsed = False
        self._fields: dict[int, Fields] = {}
        self._alive: list[torch.Tensor] = []  # a freed tensor's id would be given to another one
        self._running: list[tuple[str, nn.Module]] = []
        self._before: list[tuple[int, int]] = []
        self._operations = 0
        self._counted: set[int] = set()
        self._remember(image, (Field(), Field()))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Otherwise torch wraps the mode so that its first use imports the compiler, which takes 1.5 seconds.
        return False

    def watch(self, name: str, module: nn.Module) -> None:
        """Follow the calls of `module`, which the network calls `name`."""

        def enter(module: nn.Module, args: Any) -> None:
            del args
            self._running.append((name, module))
            self._before.append((len(self.layers), self._operations))

        def leave(module: nn.Module, args: Any, output: Any) -> None:
            del args
            self._running.pop()
            first_row, operations = self._before.pop()
            # An identity, or a dropout in eval mode, runs nothing and is no layer.
            ran = self._operations > operations
            if ran and next(module.children(), None) is None and isinstance(output, torch.Tensor):
                self._close_leaf(name, module, output, range(first_row, len(self.layers)))

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        self._operations += 1
        name = func.overloadpacket.__name__
        sources = [
            (leaf, self._fields[id(leaf)])
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, torch.Tensor) and id(leaf) in self._fields
        ]
        if not sources or name in _FORGETTING:
            if name == "convolution":
                raise ValueError(
                    f"the input of {self._path(name)} does not descend from the image in a way that can be "
                    "followed: write padding_mode as 'zeros', 'reflect' or 'replicate'"
                )
            return output
        results = [leaf for leaf in tree_leaves(output) if isinstance(leaf, torch.Tensor)]
        # Behind a window or a normalisation come indices and statistics, which no layer reads.
        for result in results if name in _SPLITTING else results[:1]:
            self._note(name, sources, args, result)
        return output

    def _note(
        self, name: str, sources: list[tuple[torch.Tensor, Fields]], args: Sequence[Any], result: torch.Tensor
    ) -> None:
        step = follow(name, sources, args, result)
        self._remember(result, step.fields)
        self._keep_last_map(sources, step, spatial(result))
        if step.geometry is not None:
            self._add_row(self._path(name), step.geometry, result)

    def _keep_last_map(self, sources: list[tuple[torch.Tensor, Fields]], step: Step, after: Pair) -> None:
        """Remember the latest map: what is pooled to one position, and what follows, is the classifier."""
        tensor, fields = max(sources, key=lambda source: spatial(source[0]))
        geometry = step.geometry
        if geometry is not None and "convolution" in geometry.kind and geometry.kernel != (1, 1):
            self.last_map = step.fields
        elif spatial(tensor) != (1, 1) == after:
            self.last_map = fields
            self._collapsed = True
        elif after != (1, 1) or not self._collapsed:
            self.last_map = step.fields

    def _add_row(self, name: str, geometry: Geometry, output: torch.Tensor) -> None:
        fields = self._fields[id(output)]
        layer = Layer(
            name=name,
            **vars(geometry),
            output_shape=tuple(output.shape[1:]),
            receptive_field=(fields[0].size, fields[1].size),
            jump=(float(fields[0].jump), float(fields[1].jump)),
            start=(fields[0].start, fields[1].start),
            parameters=0,
        )
        self.layers.append(layer)

    def _close_leaf(self, name: str, module: nn.Module, output: torch.Tensor, rows: range) -> None:
        if not rows and id(output) in self._fields:
            self._add_row(name, Geometry(type(module).__name__), output)
            rows = range(len(self.layers) - 1, len(self.layers))
        if rows and id(module) not in self._counted:
            self._counted.add(id(module))
            own = sum(parameter.numel() for parameter in module.parameters())
            self.layers[rows[0]] = replace(self.layers[rows[0]], parameters=own)

    def _path(self, operation: str) -> str:
        """Name of the running layer; a function called between layers is named after its operation."""
        name, module = self._running[-1] if self._running else ("", None)
        if module is not None and next(module.children(), None) is None:
            return name or operation
        return f"{name}.{operation}" if name else operation

    def _remember(self, tensor: torch.Tensor, fields: Fields) -> None:
        self._alive.append(tensor)
        self._fields[id(tensor)] = fields


_FORGETTING = {"new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like"}
_SPLITTING = {"split", "split_with_sizes", "unbind", "chunk"}
