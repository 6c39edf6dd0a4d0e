"""How the counts of a network's units are made of each other: sums, and windows that slide over them.

While it counts paths, a network is linear in its image, channels differ only where branches were
concatenated, and everything but a sum treats rows and columns apart. So a few numbers for each layer say what
any of its units counts; walking back from a unit takes milliseconds.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import floor
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from dilated_cifar.dilation.arithmetic import Pair, pair
from dilated_cifar.dilation.counting import BOTH, Counting, Size, UncountableError, adaptive_pool
from dilated_cifar.dilation.trace import main_output


class Window(NamedTuple):
    """A window that slides along one axis."""

    kernel: int
    stride: int
    padding: int
    """In front."""
    dilation: int


Taps = tuple[tuple[tuple[int, float], ...], ...]
"""What each place of the output is made of along one axis: places of the input, with their weights."""
Axis = Window | Taps


@dataclass(frozen=True)
class Node:
    """One channel of a map: a weighted sum of earlier ones, over which a window of ones then slides."""

    size: Pair
    parts: tuple[tuple[int, float], ...] = ()
    """Earlier nodes, all of one size, with their weights."""
    rows: Axis | None = None
    columns: Axis | None = None


@dataclass(frozen=True)
class CountGraph:
    """The nodes in the order in which they arise, the image first, and those that modules put out.

    Attributes:
        nodes: Each made of nodes before it.
        modules: Of each module whose map can be counted, the node of its mean channel.
        uncounted: Of each other one that ran, why not.
    """

    nodes: tuple[Node, ...]
    modules: dict[str, int]
    uncounted: dict[str, str]

    def values(self, image: Tensor) -> list[Tensor]:
        """What every node holds for an image `[H, W]`: sums of its pixels, each times its count."""
        found = [image]
        for node in self.nodes[1:]:
            value = sum((weight * found[part] for part, weight in node.parts), torch.zeros(()).double())
            assert isinstance(value, Tensor)
            if node.rows is not None and node.columns is not None:
                rows = axis_matrix(node.rows, node.size[0], value.shape[0])
                value = rows @ value @ axis_matrix(node.columns, node.size[1], value.shape[1]).T
            found.append(value)
        return found


def axis_matrix(axis: Axis, after: int, before: int) -> Tensor:
    """How often each place of the input enters each of the output: float64 `[after, before]`."""
    matrix = torch.zeros(after, before, dtype=torch.float64)
    for place in range(after):
        for source, weight in taps_at(axis, place):
            if 0 <= source < before:
                matrix[place, source] += weight
    return matrix


def taps_at(axis: Axis, place: int) -> Sequence[tuple[int, float]]:
    """The places of the input that one of the output is made of; of a window some may lie outside."""
    if isinstance(axis, Window):
        first = place * axis.stride - axis.padding
        return [(first + tap * axis.dilation, 1.0) for tap in range(axis.kernel)]
    return axis[place]


def count_graph(module: nn.Module, input_size: tuple[int, int, int], names: Sequence[str]) -> CountGraph:
    """Find how the counts of some modules' units are made, on an image `[C, H, W]`.

    A module is left out where a count cannot be followed exactly: the graph is checked on an image of random
    numbers, on which every unit must hold what the network itself counts.
    """
    network = copy.deepcopy(module).cpu().eval().requires_grad_(requires_grad=False)
    channels, height, width = input_size
    numbers = torch.rand(height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image = numbers.expand(1, channels, height, width).clone().requires_grad_()
    recorder = Recorder(image)
    seen: dict[str, tuple[Layout, Tensor | None]] = {}
    for name in dict.fromkeys(names):
        network.get_submodule(name).register_forward_hook(partial(_see, recorder, seen, name))
    ended = "it did not run"
    with recorder:
        try:
            network(image)
        except UncountableError as error:
            ended = str(error)
    nodes = {name: recorder.node_of(layout) for name, (layout, _) in seen.items()}
    graph = recorder.graph({name: node for name, node in nodes.items() if isinstance(node, int)})
    uncounted = {name: node for name, node in nodes.items() if isinstance(node, str)}
    uncounted |= {name: ended for name in names if name not in seen}
    found = graph.values(numbers)
    for name, node in graph.modules.items():
        if not torch.allclose(found[node], seen[name][1], rtol=1e-7, atol=1e-9):  # type: ignore[arg-type]  # a map
            uncounted[name] = "its units hold something else than a sum of paths"
    kept = {name: node for name, node in graph.modules.items() if name not in uncounted}
    return replace(graph, modules=kept, uncounted=uncounted)


def _see(
    recorder: "Recorder",
    seen: dict[str, tuple["Layout", Tensor | None]],
    name: str,
    _module: nn.Module,
    _inputs: Any,
    output: Any,
) -> None:
    made = main_output(output)
    value = made.detach().mean(1)[0] if made.dim() == 4 else None  # a copy, before anything is added in place
    seen[name] = (recorder.layout(made), value)


@dataclass(frozen=True)
class Channels:
    """A map `[1, C, h, w]` by the node of each channel, `[C]`."""

    nodes: Tensor
    size: Pair


Layout = Channels | Tensor | str
"""A map; or numbers of one in another order, as in `_codes`; or why neither is known."""
NOTHING, IMAGE = 0, 1
"""The first nodes: constants, which are no paths, and the image."""
_SHIFT = 32
_PLACES = (1 << _SHIFT) - 1


class Recorder(Counting):
    """Counts, and notes of every map of what it is made."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        size = (image.shape[2], image.shape[3])
        self._nodes: dict[Node, int] = {Node((0, 0)): NOTHING, Node(size): IMAGE}
        self._layouts: Any = WeakTensorKeyDictionary()
        self._layouts[image] = Channels(torch.full((image.shape[1],), IMAGE), size)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = super().__torch_function__(func, types, args, kwargs)
        made = [each for each in tree_leaves(result) if _descends(each) and each not in self._layouts]
        if made:
            for each, layout in zip(made, self._layouts_of(func, made, args, kwargs or {}), strict=True):
                self._layouts[each] = layout
        return result

    def layout(self, tensor: Tensor) -> "Layout":
        """How a tensor is made, or why that is not known."""
        layout: Layout = self._layouts.get(tensor, "it does not descend from the image")
        return layout

    def node_of(self, layout: "Layout") -> int | str:
        """The node of a map's mean channel, or why there is none."""
        channels = self._map(layout)
        if channels is not None:
            return self._mixed(channels)
        return layout if isinstance(layout, str) else "its output is no map"

    def graph(self, modules: dict[str, int]) -> CountGraph:
        """The nodes that those of some modules are made of."""
        nodes, wanted = list(self._nodes), {IMAGE}
        for number in sorted(range(len(nodes)), reverse=True):
            if number in wanted or number in modules.values():
                wanted |= {number, *(part for part, _ in nodes[number].parts)}
        place = {number: new for new, number in enumerate(sorted(wanted - {NOTHING}))}
        kept = [
            replace(nodes[number], parts=tuple((place[part], weight) for part, weight in nodes[number].parts))
            for number in place
        ]
        return CountGraph(tuple(kept), {name: place[node] for name, node in modules.items() if node}, {})

    def _layouts_of(self, func: Any, made: list[Tensor], args: Any, kwargs: Any) -> Sequence[Layout]:
        """The layouts of what an operation made of tensors that descend from the image."""
        name = getattr(func, "__name__", str(func))
        sources = [each for each in tree_leaves((args, kwargs)) if _descends(each)]
        known = [self.layout(each) for each in sources]
        if reason := next((each for each in known if isinstance(each, str)), None):
            return [reason] * len(made)
        if name in _MOVING:
            moved = func(*tree_map(self._coded, args), **tree_map(self._coded, kwargs))
            return [self._map(each) or each for each in tree_leaves(moved) if isinstance(each, Tensor)]
        rule = _RULES.get(name)
        layout = rule(self, made[0], *args, **kwargs) if rule else None
        return [f"no count is followed through {name.strip('_')}" if layout is None else layout] * len(made)

    def _add(self, node: Node) -> int:
        return self._nodes.setdefault(node, len(self._nodes))

    def _of(self, tensor: Tensor) -> Channels | None:
        return self._map(self._layouts[tensor])

    def _coded(self, value: Any) -> Any:
        """A tensor's node and place, in one number each; anything else as it is."""
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        layout = self._layouts.get(value)
        if layout is None:  # a constant
            return torch.zeros(value.shape, dtype=torch.int64)
        return layout if isinstance(layout, Tensor) else _codes(layout)

    def _map(self, layout: Layout) -> Channels | None:
        """The same as a map of whole channels in their places, where it is one."""
        if isinstance(layout, Channels):
            return layout
        if isinstance(layout, str) or layout.dim() != 4 or layout.shape[0] != 1:
            return None
        nodes, places = layout >> _SHIFT, layout & _PLACES
        channels, size = nodes[0, :, 0, 0].clone(), (layout.shape[2], layout.shape[3])
        there = torch.arange(size[0] * size[1]).view(size)
        whole = (nodes == channels.view(1, -1, 1, 1)).all() and ((places == there) | (nodes == NOTHING)).all()
        all_nodes = list(self._nodes)
        fits = all(all_nodes[node].size == size for node in channels.unique().tolist() if node)
        return Channels(channels, size) if whole and fits else None

    def _mixed(self, channels: Channels) -> int:
        """The node of the mean over channels, of which a convolution is made."""
        nodes, counts = channels.nodes.unique(return_counts=True)
        if len(nodes) == 1:
            return int(nodes)
        shares = zip(nodes.tolist(), (counts / counts.sum().double()).tolist(), strict=True)
        return self._add(Node(channels.size, tuple((node, share) for node, share in shares if node)))

    def _slid(self, node: int, size: Sequence[int], rows: Axis, columns: Axis) -> int:
        if node == NOTHING or rows == columns == Window(1, 1, 0, 1):
            return node
        return self._add(Node((size[0], size[1]), ((node, 1.0),), rows, columns))

    def _convolution(
        self,
        made: Tensor,
        source: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
    ) -> Channels | None:
        del bias, groups
        kernel, rates = pair(weight.shape[2:]), pair(dilation)
        if isinstance(padding, str):
            reach = [rate * (side - 1) for rate, side in zip(rates, kernel, strict=True)]
            padding = (reach[0] // 2, reach[1] // 2) if padding == "same" else 0
        return self._windowed(made, source, kernel, pair(stride), pair(padding), rates)

    def _transposed(
        self,
        made: Tensor,
        source: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        dilation: Size = 1,
    ) -> Channels | None:
        del bias, output_padding, groups
        if (channels := self._of(source)) is None:
            return None
        axes = []
        for axis in (0, 1):
            step, around, rate = pair(stride)[axis], pair(padding)[axis], pair(dilation)[axis]
            before, after = channels.size[axis], made.shape[axis + 2]
            reached = [
                [(place + around - rate * tap) / step for tap in range(weight.shape[axis + 2])]
                for place in range(after)
            ]
            axes.append(
                tuple(
                    tuple((floor(one), 1.0) for one in each if one == floor(one) and 0 <= one < before)
                    for each in reached
                )
            )
        node = self._slid(self._mixed(channels), made.shape[2:], *axes)
        return Channels(torch.full((made.shape[1],), node), (made.shape[2], made.shape[3]))

    def _max_pool(
        self,
        made: Tensor,
        source: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Channels | None:
        del ceil_mode, return_indices
        kernel = pair(kernel_size)
        return self._windowed(made, source, kernel, pair(stride or kernel), pair(padding), pair(dilation))

    def _average_pool(
        self,
        made: Tensor,
        source: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *_: Any,
        **__: Any,
    ) -> Channels | None:
        return self._max_pool(made, source, kernel_size, stride, padding)

    def _windowed(
        self, made: Tensor, source: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
    ) -> Channels | None:
        """What a window over the mean channel makes, the same in every channel."""
        if (channels := self._of(source)) is None:
            return None
        rows, columns = map(Window, kernel, stride, padding, dilation)
        node = self._slid(self._mixed(channels), made.shape[2:], rows, columns)
        return Channels(torch.full((made.shape[1],), node), (made.shape[2], made.shape[3]))

    def _resized(
        self, made: Tensor, source: Tensor, along: Callable[[Tensor, int], Tensor]
    ) -> Channels | None:
        """What an operation makes of each channel; `along` does it to maps `[n, 1, n, 1]` along one axis."""
        if (channels := self._of(source)) is None or made.dim() != 4:
            return None
        axes = []
        for axis in (0, 1):
            before = channels.size[axis]
            basis = torch.eye(before, dtype=torch.float64).view(before, 1, before, 1)
            weights = along(basis, axis)[:, 0, :, 0].T
            axes.append(
                tuple(
                    tuple((place, float(row[place])) for place in row.nonzero().flatten().tolist())
                    for row in weights
                )
            )
        return self._each_slid(channels, made, axes[0], axes[1])

    def _each_slid(self, channels: Channels, made: Tensor, rows: Axis, columns: Axis) -> Channels:
        """What a window makes of each channel by itself."""
        slid = {
            node: self._slid(node, made.shape[2:], rows, columns) for node in channels.nodes.unique().tolist()
        }
        nodes = torch.tensor([slid[node] for node in channels.nodes.tolist()])
        return Channels(nodes, (made.shape[2], made.shape[3]))

    def _adaptive_pool(self, made: Tensor, source: Tensor, *_: Any, **__: Any) -> Channels | None:
        def along(basis: Tensor, axis: int) -> Tensor:
            return adaptive_pool(basis, (made.shape[axis + 2], 1))

        return self._resized(made, source, along)

    def _interpolation(self, made: Tensor, source: Tensor, *args: Any, **options: Any) -> Channels | None:
        options |= dict(zip(("size", "scale_factor", "mode", "align_corners"), args, strict=False))
        scale = options.pop("scale_factor", None)

        def along(basis: Tensor, axis: int) -> Tensor:
            if scale is None:
                return F.interpolate(basis, **options | {"size": (made.shape[axis + 2], 1)})
            factor = scale[axis] if isinstance(scale, list | tuple) else scale
            return F.interpolate(basis, scale_factor=(factor, 1.0), **options)

        return self._resized(made, source, along)

    def _mean(self, made: Tensor, source: Tensor, *_: Any, **__: Any) -> Channels | None:
        if made.dim() != 4 or made.shape[2:] != (1, 1):
            return None
        return self._resized(made, source, lambda basis, _: basis.sum(2, keepdim=True))

    def _padding(
        self,
        made: Tensor,
        source: Tensor,
        pad: Sequence[int],
        mode: str = "constant",
        value: float | None = None,
    ) -> Layout | None:
        if mode != "constant" or value:
            return None
        if (channels := self._of(source)) is not None and len(pad) <= 4:
            left, _, top, _ = [*pad, 0, 0][:4]
            return self._each_slid(channels, made, Window(1, 1, top, 1), Window(1, 1, left, 1))
        coded: Tensor = F.pad(self._coded(source), list(pad))
        return self._map(coded)

    def _linear(self, made: Tensor, source: Tensor, *_: Any, **__: Any) -> Layout | None:
        """A linear layer on maps whose channels lie last, as a convolution of one pixel."""
        if source.dim() != 4:
            return None
        channels = self._map(self._coded(source).movedim(-1, 1))
        if channels is None:
            return None
        mixed = Channels(torch.full((made.shape[-1],), self._mixed(channels)), channels.size)
        return _codes(mixed).movedim(1, -1)

    def _meeting(self, made: Tensor, one: Any, other: Any, *_: Any, **__: Any) -> Layout | None:
        """A sum, or what stays where a constant or a gate comes in, as `Counting` has it."""
        meeting = [each for each in (one, other) if _descends(each)]
        if len(meeting) == 2 and one.dim() == other.dim() == 4:
            singles = [each.shape[2:] == (1, 1) for each in meeting]
            if singles[0] != singles[1]:
                meeting = [meeting[singles.index(False)]]
        if any(each.shape != made.shape for each in meeting):
            return None
        if len(meeting) == 1:
            layout: Layout = self._layouts[meeting[0]]
            return layout
        first, second = (self._of(each) for each in meeting)
        if first is not None and second is not None:
            return Channels(self._summed(first.nodes, second.nodes), first.size)
        codes = [self._coded(each) for each in meeting]
        places = [code & _PLACES for code in codes]
        same = (places[0] == places[1]) | (codes[0] == 0) | (codes[1] == 0)
        if not same.all():
            return None
        nodes = self._summed(codes[0] >> _SHIFT, codes[1] >> _SHIFT)
        return torch.where(nodes > 0, (nodes << _SHIFT) + torch.maximum(*places), 0)

    def _summed(self, first: Tensor, second: Tensor) -> Tensor:
        """The nodes of sums, number by number."""
        nodes = list(self._nodes)
        pairs, where = torch.stack([first.flatten(), second.flatten()]).unique(dim=1, return_inverse=True)
        sums = []
        for one, other in pairs.T.tolist():
            parts = ((one, 2.0),) if one == other else ((min(one, other), 1.0), (max(one, other), 1.0))
            empty = NOTHING in (one, other)
            sums.append(max(one, other) if empty else self._add(Node(nodes[one].size, parts)))
        return torch.tensor(sums)[where].view(first.shape)


def _descends(value: Any) -> bool:
    """Whether a value is made of the image: weights need no gradient here."""
    return isinstance(value, Tensor) and value.requires_grad


def _codes(channels: Channels) -> Tensor:
    """The node and the place of every number of a map, in one number each: int64 `[1, C, h, w]`."""
    height, width = channels.size
    places = torch.arange(height * width).view(1, 1, height, width)
    nodes = channels.nodes.view(1, -1, 1, 1)
    return torch.where(nodes > 0, (nodes << _SHIFT) + places, 0)


_RULES: dict[str, Callable[..., Layout | None]] = {
    "conv2d": Recorder._convolution,
    "conv_transpose2d": Recorder._transposed,
    "max_pool2d": Recorder._max_pool,
    "avg_pool2d": Recorder._average_pool,
    "adaptive_avg_pool2d": Recorder._adaptive_pool,
    "adaptive_max_pool2d": Recorder._adaptive_pool,
    "interpolate": Recorder._interpolation,
    "mean": Recorder._mean,
    "pad": Recorder._padding,
    "linear": Recorder._linear,
    **dict.fromkeys(BOTH, Recorder._meeting),
}
_MOVING = {
    *("view", "reshape", "flatten", "unflatten", "permute", "transpose", "movedim", "swapaxes", "moveaxis"),
    *("contiguous", "clone", "chunk", "split", "unbind", "narrow", "__getitem__", "select", "squeeze"),
    *("unsqueeze", "expand", "expand_as", "repeat", "cat", "concat", "concatenate", "stack", "roll", "flip"),
    *("tensor_split", "index_select", "view_as", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle"),
}
"""Operations that put numbers elsewhere and change none."""
