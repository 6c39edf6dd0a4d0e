"""Where a network grids, by its layers alone, and whether other rates would mend it."""

import copy
from dataclasses import dataclass, replace

from torch import Tensor, nn

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.coverage import Unit, lattice_share, network_count_map
from dilated_cifar.dilation.layers import Layer, Trace
from dilated_cifar.inspection.observation import position_above

DISJOINT = 0.995
"""Share from which on neighbouring units read disjoint lattices, but for a last border pixel."""
PREFERENCE = 2
"""A share so many times 1/r^2 or more is called partial gridding."""
GRIDDING = (
    "gridding: the lattice share is the part of the paths from one unit to the input of the first "
    "convolution with rate r that falls on the unit's own lattice, every r-th position both ways. 1.00 is "
    f"full gridding, above {PREFERENCE}/r^2 partial, 1/r^2 no preference (Yu, Koltun & Funkhouser 2017, "
    "section 4). To mend it where several convolutions have rate r, rates r-1, r, r+1 in turn replace r "
    "(Wang et al. 2018, section 3.2), and the share is measured again."
)


@dataclass(frozen=True)
class Grid:
    """What one unit of a network counts at the input of the first convolution with a dilation rate.

    `counts` are those, float64 [h, w], and `share` their lattice share around `position`; `mended` is the
    share once the rates of all layers with this rate are `mended_rates`, None where nothing is to be mended
    or a single layer has the rate.
    """

    layer: str
    rate: int
    position: Pair
    counts: Tensor
    share: float
    mended_rates: tuple[int, ...] = ()
    mended: float | None = None

    @property
    def outcome(self) -> str:
        """full, partial or none; padding where only the centre of its window lies on the map."""
        sides = zip(self.position, self.counts.shape, strict=True)
        if all(place < self.rate and place + self.rate >= side for place, side in sides):
            return "padding"
        if self.share >= DISJOINT:
            return "full"
        return "partial" if self.share > PREFERENCE / self.rate**2 else "none"


def find_grids(module: nn.Module, traced: Trace, unit: Unit) -> list[Grid]:
    """Measure the lattice share at the first convolution of each dilation rate above 1 that leads to a unit.

    A rate whose convolutions have no convolution or pooling behind them is left out: alone, each reads one
    lattice, in any network.

    Raises:
        ValueError: an operation that cannot be counted.
    """
    grids = []
    for layer in first_of_each_rate(traced, unit.name):
        assert layer.dilation is not None
        position = position_above(layer, unit.centre)
        if position is None:
            continue
        rate = layer.dilation[0]
        counts = _counts(module, traced, unit, layer.name)
        share = lattice_share(counts, position, rate)
        grid = Grid(layer.name, rate, position, counts, share)
        if grid.outcome in ("full", "partial"):
            other, rates = with_varied_rates(module, rate)
            if len(rates) > 1:  # a single one would only get another rate
                after = lattice_share(_counts(other, traced, unit, layer.name), position, rate)
                grid = replace(grid, mended_rates=rates, mended=after)
        grids.append(grid)
    return grids


def first_of_each_rate(traced: Trace, last: str) -> list[Layer]:
    """The first convolution of each rate above 1 that has windows behind it, up to the module `last`."""
    end = max(number for number, layer in enumerate(traced.layers) if layer.is_within(last))
    windows = [
        layer for layer in traced.layers[: end + 1] if layer.kernel is not None and max(layer.kernel) > 1
    ]
    found: dict[int, Layer] = {}
    for number, layer in enumerate(windows):
        rate = layer.dilation[0] if layer.kind == "convolution" and layer.dilation else 1
        field = max(layer.receptive_field)
        behind = any(max(later.receptive_field) > field for later in windows[number + 1 :])
        if rate > 1 and behind:
            found.setdefault(rate, layer)
    return list(found.values())


def with_varied_rates(module: nn.Module, rate: int) -> tuple[nn.Module, tuple[int, ...]]:
    """A copy in which the convolutions of a rate r have r-1, r, r+1 in turn, their maps as large."""
    network = copy.deepcopy(module)
    rates: list[int] = []
    for part in network.modules():
        if isinstance(part, nn.Conv2d) and part.dilation == (rate, rate) and max(part.kernel_size) > 1:
            chosen = rate + (-1, 0, 1)[len(rates) % 3]
            padding = part.padding if isinstance(part.padding, tuple) else (0, 0)
            widened = [
                padded + (chosen - rate) * (kernel - 1) // 2
                for padded, kernel in zip(padding, part.kernel_size, strict=True)
            ]
            part.dilation, part.padding = (chosen, chosen), (max(0, widened[0]), max(0, widened[1]))
            rates.append(chosen)
    return network, tuple(rates)


def grid_sentences(grids: list[Grid]) -> list[str]:
    """What was found, and what would mend it, a sentence a rate."""
    sentences = []
    for grid in grids:
        if grid.outcome == "padding":
            height, width = grid.counts.shape
            everywhere = grid.rate >= max(height, width)
            where = f"anywhere on its {height}x{width} map" if everywhere else "around the unit"
            sentences.append(
                f"rate {grid.rate} acts as a 1x1 convolution: {where} all taps of {grid.layer} but the "
                "centre lie in the padding"
            )
            continue
        words = {"full": "grids", "partial": "grids in part", "none": "does not grid"}[grid.outcome]
        sentence = f"rate {grid.rate} {words}: lattice share {grid.share:.2f} at the input of {grid.layer}"
        if grid.mended is not None:
            rates = ", ".join(map(str, grid.mended_rates))
            sentence += f"; with rates {rates} in place of {grid.rate} it is {grid.mended:.2f}"
        sentences.append(sentence)
    return sentences


def _counts(module: nn.Module, traced: Trace, unit: Unit, source: str) -> Tensor:
    return network_count_map(
        module, traced.input_size, layer=unit.name, position=unit.position, source=source
    )
