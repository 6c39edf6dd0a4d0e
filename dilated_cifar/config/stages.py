"""Stages of residual networks: how many there are, how wide, and where dilation takes over from strides."""

from collections.abc import Sequence
from dataclasses import dataclass

from dilated_cifar.config.base import as_typed, require, require_one_of
from dilated_cifar.config.limits import MOST_BLOCKS, MOST_STAGES, Convolution
from dilated_cifar.dilation.arithmetic import strides_to_rates


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
