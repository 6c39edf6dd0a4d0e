"""Networks a user may pick: what all have in common, and plain stacks of convolutions."""

from dataclasses import dataclass, field, replace

from dilated_cifar.config.base import Choice, as_typed, require_one_of
from dilated_cifar.config.limits import (
    LARGEST_FIELD,
    MOST_LAYERS,
    Convolution,
    numbers_in_maps,
    require_size,
    weights_of,
)
from dilated_cifar.dilation.arithmetic import convolution_output_size


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
