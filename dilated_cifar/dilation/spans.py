"""What each number of a tensor sees of the input along one axis, kept beside the tensor while a network runs.

Operations that only move numbers (a permutation, a view, windows, a roll) move these bounds in the same way,
so that they are exact whatever the layout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import torch
from torch import Tensor

from dilated_cifar.dilation.expanded import compressed, slim


@dataclass(frozen=True)
class Origin:
    """Where numbers of all positions met: the module ("" for the network's own), and in what operation."""

    module: str
    kind: str


@dataclass(frozen=True)
class Span:
    """The input positions that each number of a tensor sees along one axis, and its own position.

    `low` and `high` are the first and the last input position, both included, as tensors of the tensor's
    shape (dimensions that make no difference are expanded and take no memory). Position 0 is the first pixel;
    padding lies below it, so `low` may be negative. Numbers that see nothing have low = inf, high = -inf.
    `place` numbers the positions of the map, `jump` pixels apart. `least` is the smallest field, in pixels,
    along any path. `origin` says where numbers of all positions were made one, if they were.
    """

    low: Tensor
    high: Tensor
    place: Tensor
    jump: float = 1.0
    least: float = 1.0
    origin: Origin | None = None

    @classmethod
    def of_image(cls, shape: Sequence[int], axis: int) -> "Span":
        """That of an image `[1, C, H, W]` along `axis`, 2 or 3: every pixel sees itself."""
        sides = [1] * len(shape)
        sides[axis] = shape[axis]
        pixels = torch.arange(shape[axis], dtype=torch.float64).view(sides).expand(*shape)
        return cls(pixels, pixels, pixels)

    @cached_property
    def size(self) -> int:
        """The largest receptive field of a position, in pixels; 0 where nothing is seen."""
        low, high = self._by_place()
        return int((high - low).clamp(min=-1).max()) + 1

    @cached_property
    def positions(self) -> int:
        """How many positions the map has along the axis."""
        return len(_finite(slim(self.place)).unique())

    @property
    def is_global(self) -> bool:
        """Whether every number was made from all positions."""
        return self.origin is not None

    @cached_property
    def distance(self) -> float:
        """Distance of neighbouring positions in input pixels."""
        places = _finite(slim(self.place)).unique()
        dims = self.dims()
        if len(places) < 2 or not dims:
            return self.jump
        shared = self.place.shape[dims[-1]] / len(places) if len(dims) == 1 and self.place.dim() == 4 else 1.0
        return self.jump * _spacing(places) / max(shared, 1.0)

    @cached_property
    def start(self) -> float:
        """Centre of the first position's field, such that those of the others lie `distance` apart."""
        low, high = self._by_place()
        seen = low < inf
        if not seen.any():
            return 0.0
        # Near the borders fewer taps of a transposed convolution meet the map.
        steps = torch.arange(len(low), dtype=low.dtype) * self.distance
        inner = slice(len(low) // 4, max(len(low) * 3 // 4, len(low) // 4 + 1))
        if not seen[inner].all():
            inner = slice(int(seen.nonzero()[0]), int(seen.nonzero()[0]) + 1)
        return float(((low - steps)[inner].min() + (high - steps)[inner].max()) / 2)

    def bounds(self, position: tuple[int, int] | None) -> tuple[int, int]:
        """First and last pixel that a position (row, column) of a map `[1, C, h, w]` sees, or any without."""
        where = (..., *(position or ()))
        low, high = self.low[where], self.high[where]
        if not bool((low < inf).any()):
            return 0, -1
        return int(low.min()), int(high.max())

    def dims(self) -> list[int]:
        """The dimensions of the tensor along which the position changes."""
        return [dim for dim, side in enumerate(slim(self.place).shape) if side > 1]

    def replaced(self, low: Tensor, high: Tensor, place: Tensor) -> "Span":
        """The same with other bounds and positions."""
        return replace(self, low=compressed(low), high=compressed(high), place=compressed(place))

    def moved(self, move: Callable[[Tensor], Tensor]) -> "Span":
        """Span behind an operation that only moves numbers, or repeats or leaves some out."""
        return self.replaced(move(self.low), move(self.high), move(self.place))

    def dropped(self, dims: Sequence[int]) -> "Span":
        """The same without dimensions of size 1."""
        return self.moved(lambda part: part.squeeze(tuple(dims)))

    def by_group(self, groups: int, outputs: int) -> "Span":
        """What the output channels of a convolution in groups see of its input's channels, dimension 1."""

        def gather(part: Tensor, least: bool) -> Tensor:
            narrow = slim(part)
            if narrow.shape[1] > 1:
                grouped = narrow.unflatten(1, (groups, -1))
                narrow = grouped.amin(2) if least else grouped.amax(2)
                narrow = narrow.repeat_interleave(outputs // groups, 1)
            return narrow.expand(part.shape[0], outputs, *part.shape[2:])

        return self.replaced(gather(self.low, True), gather(self.high, False), gather(self.place, True))

    def varies_along(self, dim: int) -> bool:
        """Whether the bounds differ along a dimension."""
        return slim(self.low).shape[dim] > 1 or slim(self.high).shape[dim] > 1

    def windowed(self, dim: int, taps: Tensor, scale: float, reach: float, *, placed: bool = True) -> "Span":
        """Span behind a window: output o reads the positions `taps[o]`, int64 [outputs, taps].

        Positions outside the map are those of padding. `MISSING` stands for no position. `scale` is the
        factor of the jump, `reach` what a window adds to the field, in positions. Without `placed`, the
        positions of this axis lie along another dimension.
        """
        dim = dim % self.low.dim()
        jump = self._step(dim)
        # What is the same everywhere has no border to go on from.
        constant = self.is_global or (self.low.shape[dim] > 1 and self.low.stride(dim) == 0)
        beyond = jump if placed and not constant else 0.0
        low, high = (_extended(slim(part), dim, taps, beyond) for part in (self.low, self.high))
        missing = (taps == MISSING).view(-1, taps.shape[1], *[1] * (low.dim() - dim - 2))
        low, high = low.masked_fill(missing, inf).amin(dim + 1), high.masked_fill(missing, -inf).amax(dim + 1)
        if not placed:
            return replace(self, low=low, high=high)
        sides = [1] * low.dim()
        sides[dim] = len(taps)
        place = torch.arange(len(taps), dtype=torch.float64).view(sides)
        least = self.least + reach * jump
        return replace(self, low=low, high=high, place=place, jump=jump * scale, least=least)

    def reduced(self, dims: Sequence[int], origin: Origin) -> "Span":
        """Span behind a reduction over `dims`, which stay with size 1."""
        low, high = slim(self.low), slim(self.high)
        if dims:
            low, high = low.amin(tuple(dims), True), high.amax(tuple(dims), True)
        place = self.place
        for dim in dims:
            place = place.narrow(dim, 0, 1)
        met = self.positions > 1 and not any(bool(part.min() < part.max()) for part in (low, high))
        if not met:
            return replace(self, low=low, high=high, place=place)
        jump = self.distance * self.positions
        return replace(self, low=low, high=high, place=place, jump=jump, origin=self.origin or origin)

    def expanded(self, shape: Sequence[int]) -> "Span":
        """The same bounds for a tensor of another shape, to which they broadcast."""
        low, high, place = (slim(part).expand(*shape) for part in (self.low, self.high, self.place))
        return replace(self, low=low, high=high, place=place)

    @classmethod
    def of_nothing(cls, shape: Sequence[int]) -> "Span":
        """That of a tensor that sees nothing of the input."""
        nothing = torch.full((), inf, dtype=torch.float64)
        return cls(nothing.expand(*shape), (-nothing).expand(*shape), nothing.expand(*shape))

    def _by_place(self) -> tuple[Tensor, Tensor]:
        """First and last pixel of each position, over all channels at that position."""
        # Of a map [1, C, h, w] all channels at a position are one unit, wherever they came from.
        kept = [dim for dim in self.dims() if dim >= 2 and self.low.dim() == 4] or self.dims()
        others = tuple(dim for dim in range(self.low.dim()) if dim not in kept)
        low, high = slim(self.low), slim(self.high)
        if others:
            low, high = low.amin(others), high.amax(others)
        shape = [self.place.shape[dim] for dim in kept]
        return low.expand(shape).reshape(-1), high.expand(shape).reshape(-1)

    def _step(self, dim: int) -> float:
        """Distance in pixels of the positions along one dimension."""
        places = slim(self.place).movedim(dim, 0)
        places = _finite(places.reshape(len(places), -1)[:, 0]).unique()
        if len(places) < 2:
            return self.jump
        return self.jump * _spacing(places) * len(places) / self.place.shape[dim]


MISSING = torch.iinfo(torch.int64).min
"""In taps: no position."""


def merged(spans: Sequence[Span]) -> Span:
    """Span where paths meet, as in an addition: from the first pixel of any to the last pixel of any.

    The spans are those of tensors that broadcast. What was made from all positions counts only where no other
    path has positions.
    """
    local = [span for span in spans if not span.is_global] or list(spans)
    low, high = slim(local[0].low), slim(local[0].high)
    for span in local[1:]:
        low, high = torch.minimum(low, slim(span.low)), torch.maximum(high, slim(span.high))
    widest = max(local, key=lambda span: slim(span.place).numel())
    return replace(widest, low=low, high=high, least=min(span.least for span in local))


def _extended(part: Tensor, dim: int, taps: Tensor, jump: float) -> Tensor:
    """The bounds at `taps` along a dimension, outside the map in steps of `jump` on from its border."""
    size = part.shape[dim]
    flat = taps.reshape(-1)
    inside = flat.clamp(0, size - 1) if size > 1 else torch.zeros_like(flat)
    outside = (flat - inside).masked_fill(flat == MISSING, 0).to(part.dtype) * jump
    found = part.index_select(dim, inside) + outside.view(-1, *[1] * (part.dim() - dim - 1))
    return found.view(*part.shape[:dim], *taps.shape, *part.shape[dim + 1 :])


def _spacing(places: Tensor) -> float:
    """Mean distance of sorted positions."""
    return float(places[-1] - places[0]) / (len(places) - 1)


def _finite(part: Tensor) -> Tensor:
    return part[part < inf]
