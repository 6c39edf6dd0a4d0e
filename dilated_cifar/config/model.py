"""The networks a user may pick, and the bounds of their numbers."""

from dataclasses import dataclass, field, replace
from math import prod
from typing import TypeVar

from dilated_cifar.config.base import Choice, as_typed, require, require_one_of
from dilated_cifar.config.limits import (
    LARGEST_FIELD,
    MOST_LAYERS,
    MOST_STAGES,
    Convolution,
    numbers_in_maps,
    require_size,
    weights_of,
)
from dilated_cifar.config.stages import (
    BLOCKS,
    LAYOUTS,
    SHORTCUTS,
    Stage,
    require_layout,
    require_residual,
    residual_convolutions,
    stages_of,
)
from dilated_cifar.dilation.arithmetic import convolution_output_size, output_strides

Value = TypeVar("Value")


@dataclass
class ModelConfig(Choice):
    """A network. Each family is a subclass; `dilated_cifar.models` pairs it with the module it builds."""

    group = "model"
    dropout: float = 0.0
    """Probability of zeroing a feature between the global average pool and the classifier."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 <= self.dropout < 1, "dropout", "a probability, 0 <= dropout < 1")

    def require_fit(self, side: int) -> None:
        """Refuse a network that is too large, or whose map would vanish on square images of `side` pixels.

        Raises:
            UserError: names the key as it is typed, its value, what was expected and what to write.
        """

    def convolutions(self, side: int) -> list[Convolution]:
        """Convolutions of the network for square images of `side` pixels; shortcuts may be left out.

        By them its size is checked before it is built; a family that names none is not checked.
        """
        del side
        return []

    def fewest_parameters(self, input_size: tuple[int, int, int]) -> int:
        """A number of parameters that the network for images `[C, H, W]` has at least."""
        found = self.convolutions(min(input_size[1:]))
        return weights_of([replace(each, incoming=input_size[0]) for each in found[:1]] + found[1:])

    def numbers_in_maps(self, side: int) -> int:
        """How many numbers the feature maps of a square image of `side` pixels hold."""
        return numbers_in_maps(self.convolutions(side))

    @property
    def stack(self) -> tuple[list[int], int] | None:
        """Dilation rates and kernel size where the layers are one stack at stride 1: rules on lists hold."""
        return None


@dataclass
class CnnConfig(ModelConfig):
    """Convolution-norm-ReLU layers, a global average pool and a linear classifier."""

    family: str = "cnn"
    channels: list[int] = field(default_factory=lambda: [32, 64, 128])
    """Output channels of each layer."""
    dilations: list[int] = field(default_factory=lambda: [1, 1, 1])
    """Dilation rate of each layer; as many as there are channels."""
    kernel_size: int = 3
    """Side of every kernel in pixels; odd, so that `same` padding exists for every dilation."""
    padding: str = "valid"
    """`valid` (none: the map shrinks, as in the published exercise) or `same` (the map keeps its size)."""
    pool: bool = False
    """Put a 2x2 max-pool with stride 2 between the layers."""
    norm: bool = True
    """Batch normalisation after each convolution; without it the convolutions have biases."""

    def __post_init__(self) -> None:
        super().__post_init__()
        layers = f"one number a layer, 1 to {MOST_LAYERS} of them"
        self._require(1 <= len(self.channels) <= MOST_LAYERS, "channels", layers)
        self._require(
            len(self.dilations) == len(self.channels),
            "dilations",
            f"{len(self.channels)} rates, one for each layer of model.channels={as_typed(self.channels)}",
        )
        self._require(min(self.channels) >= 1, "channels", "whole numbers from 1")
        self._require(min(self.dilations) >= 1, "dilations", "rates from 1 (1 is no dilation)")
        self._require(
            self.kernel_size >= 1 and self.kernel_size % 2 == 1, "kernel_size", "an odd number such as 3"
        )
        field = 1 + (self.kernel_size - 1) * sum(self.dilations)
        self._require(
            field <= LARGEST_FIELD,
            "dilations",
            f"a receptive field of at most {LARGEST_FIELD} pixels, this one has {field}; write smaller rates",
        )
        require_one_of(self.padding, ["valid", "same"], "model.padding")

    @property
    def stack(self) -> tuple[list[int], int] | None:
        """Dilation rates and kernel size, unless pooling lies between the layers."""
        return None if self.pool and len(self.dilations) > 1 else (self.dilations, self.kernel_size)

    def require_fit(self, side: int) -> None:
        """Refuse layers that outgrow the map they meet."""
        size = side
        for layer, dilation in enumerate(self.dilations, start=1):
            before = size
            if self.padding == "valid":
                extent = dilation * (self.kernel_size - 1) + 1
                self._require(
                    extent <= size,
                    "dilations",
                    f"a map that does not vanish: layer {layer} meets a {size}x{size} map with a kernel that "
                    f"spans {extent}x{extent} pixels; lower its rate or write model.padding=same",
                )
                size = convolution_output_size(size, self.kernel_size, dilation=dilation)
            if self.pool and layer < len(self.dilations):
                self._require(
                    size >= 2,
                    "pool",
                    f"a map that does not vanish: the pool after layer {layer} meets a {size}x{size} map "
                    f"({before}x{before} before the layer); write model.padding=same or model.pool=false",
                )
                size //= 2
        require_size(self.convolutions(side), "model.channels", self.channels)

    def convolutions(self, side: int) -> list[Convolution]:
        """One for each layer."""
        found = []
        for incoming, channels, dilation in zip(
            [3, *self.channels], self.channels, self.dilations, strict=False
        ):
            if self.padding == "valid":
                side = convolution_output_size(side, self.kernel_size, dilation=dilation)
            found.append(Convolution(incoming, channels, self.kernel_size, side))
            side = side // 2 if self.pool else side
        return found


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
