"""Residual networks: their stages, how many and how wide, and where dilation takes over from strides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar

from dilated_cifar.config.base import as_typed, require, require_one_of
from dilated_cifar.config.limits import MOST_BLOCKS, MOST_STAGES, Convolution, require_size
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.dilation.arithmetic import output_strides, strides_to_rates

Value = TypeVar("Value")


@dataclass(frozen=True)
class Layout:
    """A stack of stages: the strides of the network that halves its maps, and where dilation takes over."""

    strides: list[int]
    output_stride: int
    """Pixels between neighbours of the last map; the strides behind it become dilation."""


LAYOUTS = {
    "S": Layout([1, 2, 2], output_stride=2),
    "F": Layout([1, 2, 2], output_stride=1),
    "four": Layout([1, 2, 2, 2], output_stride=2),
}
"""Layouts of dilated residual networks on 32x32 images: final maps of 16x16, 32x32 and 16x16."""
SHORTCUTS = {"conv1x1": 1, "conv3x3": 3}
"""Side of the kernel that carries the input across a block that changes the shape."""
BLOCKS = 2
"""Basic blocks in each stage where nothing else is written."""


@dataclass(frozen=True)
class Stage:
    """Basic blocks of one width, of which the first may halve the map."""

    channels: int
    blocks: int
    stride: int
    rate: int
    """Dilation rate of the stage's convolutions."""


def stages_of(width: int, blocks: list[int], strides: list[int], output_stride: int) -> list[Stage]:
    """Stages of doubling width, the strides behind `output_stride` turned into dilation."""
    steps = enumerate(zip(blocks, strides_to_rates(strides, output_stride), strict=True))
    return [Stage(width * 2**number, count, *step) for number, (count, step) in steps]


def residual_convolutions(width: int, stages: Sequence[Stage], side: int) -> list[Convolution]:
    """The stem and the two convolutions of each block, for square images of `side` pixels."""
    found = [Convolution(3, width, 3, side)]
    for stage in stages:
        side = -(-side // stage.stride)
        incoming = [found[-1].channels, *[stage.channels] * (2 * stage.blocks - 1)]
        found += [Convolution(each, stage.channels, 3, side) for each in incoming]
    return found


def require_layout(name: str) -> Layout:
    """The layout of that name; raises a UserError where there is none."""
    require_one_of(name, list(LAYOUTS), "model.layout")
    return LAYOUTS[name]


def require_residual(width: int, blocks: list[int] | None, layout: Layout | None, name: str | None) -> None:
    """Raise a UserError for a width below 1, or blocks that do not fit the stages of the layout `name`."""
    require(width >= 1, "model.width", width, "a whole number from 1")
    if blocks is not None:
        require(
            len(blocks) >= 1 and min(blocks) >= 1,
            "model.blocks",
            blocks,
            "the number of blocks of each stage, from 1, such as [2,2,2]",
        )
        require(
            len(blocks) <= MOST_STAGES and sum(blocks) <= MOST_BLOCKS,
            "model.blocks",
            blocks,
            f"at most {MOST_STAGES} stages and {MOST_BLOCKS:,} blocks in all",
        )
        stages = len(blocks) if layout is None else len(layout.strides)
        require(
            len(blocks) == stages,
            "model.blocks",
            blocks,
            f"{stages} numbers, one for each stage of model.layout={name}, such as "
            f"{as_typed([BLOCKS] * stages)}",
        )


@dataclass
class ResNetConfig(ModelConfig):
    """A stem and stages of basic residual blocks, as in the published CIFAR-10 script."""

    family: str = "resnet"
    layout: str | None = None
    """`S`, `F` or `four`: the strided twin of the DRN of that layout, whose weights fit DRN-A."""
    width: int = 16
    """Channels of the stem and of the first stage; each further stage has twice the channels."""
    blocks: list[int] | None = None
    """Basic blocks in each stage; null becomes two in each."""
    strides: list[int] | None = None
    """Stride of the first convolution of each stage; null becomes 1 and then 2 in each further stage."""
    output_stride: int | None = None
    """Pixels between neighbours of the last map: strides behind it become dilation; null to keep them all."""
    shortcut: str | None = None
    """What carries the input across a block that changes the shape: `conv3x3` (published) or `conv1x1`;
    null becomes `conv1x1` in a twin and else `conv3x3`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        layout = None if self.layout is None else require_layout(self.layout)
        require_residual(self.width, self.blocks, layout, self.layout)
        if layout is not None:
            self._require(
                self.strides in (None, layout.strides),
                "strides",
                f"{as_typed(layout.strides)}, those of model.layout={self.layout}; leave out one of the two",
            )
        # What null stands for is settled here, so that a saved configuration says what was built.
        if self.strides is not None:
            self._require(len(self.strides) <= MOST_STAGES, "strides", f"at most {MOST_STAGES} stages")
        number = len(layout.strides if layout else self.strides or self.blocks or [BLOCKS] * 3)
        self._settle(
            blocks=[BLOCKS] * number,
            strides=layout.strides if layout else [1] + [2] * (len(self.blocks or [BLOCKS] * number) - 1),
            shortcut="conv1x1" if layout else "conv3x3",
        )
        strides, blocks = settled(self.strides), settled(self.blocks)
        require(
            len(strides) == len(blocks) and min(strides) >= 1,
            "model.strides",
            strides,
            f"{len(blocks)} strides from 1, one for each stage of model.blocks={as_typed(blocks)}",
        )
        require_one_of(settled(self.shortcut), list(SHORTCUTS), "model.shortcut")
        products = sorted(set(output_strides(strides)))
        self._require(
            self.output_stride is None or self.output_stride in products,
            "output_stride",
            f"a product of the first strides of {as_typed(strides)}: one of {', '.join(map(str, products))}",
        )

    def require_fit(self, side: int) -> None:
        """Refuse strides that leave no map, and too many channels or blocks."""
        strides = settled(self.strides)
        require(
            prod(strides) <= side,
            "model.strides",
            strides,
            f"strides that multiply to {side} at most, the side of an image in pixels",
        )
        require_size(self.convolutions(side), "model.width", self.width)

    def convolutions(self, side: int) -> list[Convolution]:
        """The stem and two for each block."""
        return residual_convolutions(self.width, self.stages, side)

    @property
    def stages(self) -> list[Stage]:
        """What is built, stage by stage."""
        strides = settled(self.strides)
        return stages_of(self.width, settled(self.blocks), strides, self.output_stride or prod(strides))

    @property
    def shortcut_kernel(self) -> int:
        """Side of the shortcut's kernel."""
        return SHORTCUTS[settled(self.shortcut)]


VARIANTS = ["a", "b", "c", "d"]


@dataclass
class DrnConfig(ModelConfig):
    """A dilated residual network (Yu, Koltun & Funkhouser 2017) fitted to 32x32 images."""

    family: str = "drn"
    variant: str = "a"
    """`a`: a residual network whose later strides became dilation. `b`: two levels in front and two of
    smaller dilation behind, against gridding. `c`: those behind without skip connections. `d`: as c, with
    one convolution in each of these levels instead of two."""
    layout: str = "S"
    """`S` (three stages, the last dilated, map 16x16), `F` (no stride, map 32x32) or `four` (four stages,
    the last two dilated, map 16x16)."""
    width: int = 16
    """Channels of the stem, of the levels in front and of the first stage; each further stage has
    twice the channels."""
    blocks: list[int] | None = None
    """Basic blocks in each stage; null becomes two in each."""
    shortcut: str = "conv1x1"
    """What carries the input across a block that changes the shape: `conv1x1` or `conv3x3`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of(self.variant, VARIANTS, "model.variant")
        layout = require_layout(self.layout)
        require_residual(self.width, self.blocks, layout, self.layout)
        self._settle(blocks=[BLOCKS] * len(layout.strides))
        require_one_of(self.shortcut, list(SHORTCUTS), "model.shortcut")

    @property
    def stages(self) -> list[Stage]:
        """The residual network within, stage by stage."""
        layout = LAYOUTS[self.layout]
        return stages_of(self.width, settled(self.blocks), layout.strides, layout.output_stride)

    def require_fit(self, side: int) -> None:
        """Refuse too many channels or blocks."""
        require_size(self.convolutions(side), "model.width", self.width)

    def convolutions(self, side: int) -> list[Convolution]:
        """The stem, two for each block, and those of the levels in front and behind."""
        within = residual_convolutions(self.width, self.stages, side)
        front, tail = (
            replace(within[0], incoming=self.width),
            replace(within[-1], incoming=within[-1].channels),
        )
        levels = {"a": 0, "d": 2}.get(self.variant, 4)
        return [*within, *[front] * levels, *[tail] * levels]

    @property
    def shortcut_kernel(self) -> int:
        """Side of the shortcut's kernel."""
        return SHORTCUTS[self.shortcut]


def settled(value: Value | None) -> Value:
    """A field that `__post_init__` has settled."""
    assert value is not None
    return value
