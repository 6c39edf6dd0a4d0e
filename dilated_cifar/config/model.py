"""The networks a user may pick, and the bounds of their numbers."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import Choice, as_typed, require, require_one_of
from dilated_cifar.dilation.arithmetic import convolution_output_size

IMAGE_SIZE = 32
"""Side of every input image in pixels; all data sets here are 32x32 like CIFAR-10."""


@dataclass
class ModelConfig(Choice):
    """A network. Each family is a subclass; `dilated_cifar.models` pairs it with the module it builds."""

    group = "model"
    dropout: float = 0.0
    """Probability of zeroing a feature between the global average pool and the classifier."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.dropout < 1, "model.dropout", self.dropout, "a probability, 0 <= dropout < 1")

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
        require(len(self.channels) > 0, "model.channels", self.channels, "one number a layer, at least one")
        require(
            len(self.dilations) == len(self.channels),
            "model.dilations",
            self.dilations,
            f"{len(self.channels)} rates, one for each layer of model.channels={as_typed(self.channels)}",
        )
        require(min(self.channels) >= 1, "model.channels", self.channels, "whole numbers from 1")
        require(
            min(self.dilations) >= 1, "model.dilations", self.dilations, "rates from 1 (1 is no dilation)"
        )
        require(
            self.kernel_size >= 1 and self.kernel_size % 2 == 1,
            "model.kernel_size",
            self.kernel_size,
            "an odd number such as 3",
        )
        require_one_of(self.padding, ["valid", "same"], "model.padding")
        self._require_a_map()

    @property
    def stack(self) -> tuple[list[int], int] | None:
        """Dilation rates and kernel size, unless pooling lies between the layers."""
        return None if self.pool and len(self.dilations) > 1 else (self.dilations, self.kernel_size)

    def _require_a_map(self) -> None:
        size = IMAGE_SIZE
        for layer, dilation in enumerate(self.dilations, start=1):
            before = size
            if self.padding == "valid":
                extent = dilation * (self.kernel_size - 1) + 1
                require(
                    extent <= size,
                    "model.dilations",
                    self.dilations,
                    f"a map that does not vanish: layer {layer} meets a {size}x{size} map with a kernel that "
                    f"spans {extent}x{extent} pixels; lower its rate or write model.padding=same",
                )
                size = convolution_output_size(size, self.kernel_size, dilation=dilation)
            if self.pool and layer < len(self.dilations):
                require(
                    size >= 2,
                    "model.pool",
                    self.pool,
                    f"a map that does not vanish: the pool after layer {layer} meets a {size}x{size} map "
                    f"({before}x{before} before the layer); write model.padding=same or model.pool=false",
                )
                size //= 2


@dataclass
class ResNetConfig(ModelConfig):
    """A stem and stages of basic residual blocks, as in the published CIFAR-10 script."""

    family: str = "resnet"
    width: int = 16
    """Channels of the stem and of the first stage; each further stage has twice the channels."""
    blocks: list[int] = field(default_factory=lambda: [2, 2, 2])
    """Basic blocks in each stage."""
    strides: list[int] = field(default_factory=lambda: [1, 2, 2])
    """Stride of the first convolution of each stage; as many as there are stages."""
    shortcut: str = "conv3x3"
    """What carries the input across a block that changes the shape: `conv3x3` (published) or `conv1x1`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.width >= 1, "model.width", self.width, "a whole number from 1")
        require(
            len(self.blocks) >= 1 and min(self.blocks) >= 1,
            "model.blocks",
            self.blocks,
            "the number of blocks of each stage, from 1, such as [2,2,2]",
        )
        require(
            len(self.strides) == len(self.blocks) and min(self.strides) >= 1,
            "model.strides",
            self.strides,
            f"{len(self.blocks)} strides from 1, one for each stage of model.blocks={as_typed(self.blocks)}",
        )
        require_one_of(self.shortcut, ["conv3x3", "conv1x1"], "model.shortcut")

    @property
    def widths(self) -> list[int]:
        """Channels of each stage."""
        return [self.width * 2**stage for stage in range(len(self.blocks))]
