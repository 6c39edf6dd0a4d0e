"""Of which nodes the maps of a network are made, channel by channel, while it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.count_nodes import Axis, Node, Window

NOTHING, IMAGE = 0, 1
"""The first nodes: constants, which are no paths, and the image."""
_SHIFT = 32
_PLACES = (1 << _SHIFT) - 1


@dataclass(frozen=True)
class Channels:
    """A map `[1, C, h, w]` by the node of each channel, `[C]`."""

    nodes: Tensor
    size: Pair


Layout = Channels | Tensor | str
"""A map; or numbers of one in another order, as in `codes`; or why neither is known."""


class Maps:
    """The nodes so far, and the layout of every tensor that descends from the image."""

    def __init__(self, image: Tensor) -> None:
        size = (image.shape[2], image.shape[3])
        self._nodes: dict[Node, int] = {Node((0, 0)): NOTHING, Node(size): IMAGE}
        self._layouts: Any = WeakTensorKeyDictionary()
        self.note(image, Channels(torch.full((image.shape[1],), IMAGE), size))

    def __contains__(self, tensor: Tensor) -> bool:
        return tensor in self._layouts

    @property
    def nodes(self) -> list[Node]:
        """All nodes, each behind those that it is made of."""
        return list(self._nodes)

    def note(self, tensor: Tensor, layout: Layout) -> None:
        """Keep how a tensor is made."""
        self._layouts[tensor] = layout

    def layout(self, tensor: Tensor) -> Layout:
        """How a tensor is made, or why that is not known."""
        layout: Layout = self._layouts.get(tensor, "it does not descend from the image")
        return layout

    def node_of(self, layout: Layout) -> int | str:
        """The node of a map's mean channel, or why there is none."""
        channels = self.map(layout)
        if channels is not None:
            return self.mixed(channels)
        return layout if isinstance(layout, str) else "its output is no map"

    def _add(self, node: Node) -> int:
        return self._nodes.setdefault(node, len(self._nodes))

    def of(self, tensor: Tensor) -> Channels | None:
        """A tensor as a map of whole channels, where it is one."""
        return self.map(self._layouts[tensor])

    def coded(self, value: Any) -> Any:
        """A tensor's node and place, in one number each; anything else as it is."""
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        layout = self._layouts.get(value)
        if layout is None:  # a constant
            return torch.zeros(value.shape, dtype=torch.int64)
        return layout if isinstance(layout, Tensor) else codes(layout)

    def map(self, layout: Layout) -> Channels | None:
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

    def mixed(self, channels: Channels) -> int:
        """The node of the mean over channels, of which a convolution is made."""
        nodes, counts = channels.nodes.unique(return_counts=True)
        if len(nodes) == 1:
            return int(nodes)
        shares = zip(nodes.tolist(), (counts / counts.sum().double()).tolist(), strict=True)
        return self._add(Node(channels.size, tuple((node, share) for node, share in shares if node)))

    def slid(self, node: int, size: Sequence[int], rows: Axis, columns: Axis) -> int:
        """The node that a window over another one makes, of a map of that size."""
        if node == NOTHING or rows == columns == Window(1, 1, 0, 1):
            return node
        return self._add(Node((size[0], size[1]), ((node, 1.0),), rows, columns))

    def each_slid(self, channels: Channels, made: Tensor, rows: Axis, columns: Axis) -> Channels:
        """What a window makes of each channel by itself."""
        slid = {
            node: self.slid(node, made.shape[2:], rows, columns) for node in channels.nodes.unique().tolist()
        }
        nodes = torch.tensor([slid[node] for node in channels.nodes.tolist()])
        return Channels(nodes, (made.shape[2], made.shape[3]))

    def combined(self, one: Tensor, other: Tensor) -> Layout | None:
        """The sum of two tensors of one shape, each of which descends from the image."""
        first, second = (self.of(each) for each in (one, other))
        if first is not None and second is not None:
            return Channels(self._summed(first.nodes, second.nodes), first.size)
        codes = [self.coded(each) for each in (one, other)]
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


def codes(channels: Channels) -> Tensor:
    """The node and the place of every number of a map, in one number each: int64 `[1, C, h, w]`."""
    height, width = channels.size
    places = torch.arange(height * width).view(1, 1, height, width)
    nodes = channels.nodes.view(1, -1, 1, 1)
    return torch.where(nodes > 0, (nodes << _SHIFT) + places, 0)
