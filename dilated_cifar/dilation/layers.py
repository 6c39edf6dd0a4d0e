"""What a trace says of a network: its layers as they ran, the maps that it puts out, and their totals."""

from dataclasses import dataclass, field

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.calls import Spans
from dilated_cifar.dilation.spans import Origin


@dataclass(frozen=True)
class Layer:
    """One layer as it ran. Pairs are (height, width); receptive field, jump and start are in input pixels.

    `kernel`, `stride`, `padding` and `dilation` are None for layers without a window. `start` is the centre
    of the first unit's receptive field, `jump` the distance between the centres of neighbouring units.
    Padding is included, so that a receptive field may be larger than the image. `least_input` is the smallest
    field, along any path, of what enters the layer.
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
    least_input: tuple[float, float] = (1.0, 1.0)

    def is_within(self, module: str) -> bool:
        """Decide whether this layer is the module of that name or a part of it."""
        return not module or self.name == module or self.name.startswith(f"{module}.")

    @property
    def centre_position(self) -> Pair | None:
        """The (row, column) of the map's centre unit; None where the output is no map."""
        return None if len(self.output_shape) != 3 else (self.output_shape[1] // 2, self.output_shape[2] // 2)

    def centre_of(self, position: Pair | None) -> tuple[float, float]:
        """Compute the centre of a unit's receptive field, in input pixels."""
        row, column = position or (0, 0)
        return self.start[0] + row * self.jump[0], self.start[1] + column * self.jump[1]


@dataclass(frozen=True)
class FeatureMap:
    """A map, or what was made of one: its numbers as a Layer has them, without any layer.

    `module` is the outermost module that puts out the map, "" where it arises between modules.
    """

    module: str
    shape: tuple[int, ...]
    receptive_field: Pair
    jump: tuple[float, float]


@dataclass(frozen=True)
class Trace:
    """The layers of a network in the order in which they ran on an image `[C, H, W]`, and their totals.

    `receptive_field` is that of one unit of the last feature map in pixels, the longer side where the two
    differ: of the map that enters the last global pooling or flattening, or of the output where there is
    none. It follows convolutions, poolings and windows; where numbers of all positions come back into a map,
    as by attention or squeeze-excitation, `global_paths` says where and how, in the order in which they ran.
    `outputs` are the maps behind the network's outputs, by the names it gives them; the first is the one
    that counts. `last_map` is the last map that a module puts out, on the way there. `multiply_adds` counts
    convolutions, linear layers and other matrix products for one image.
    """

    input_size: tuple[int, int, int]
    layers: tuple[Layer, ...]
    parameters: int
    receptive_field: int
    outputs: dict[str, FeatureMap]
    last_map: FeatureMap
    global_paths: tuple[Origin, ...]
    spans: tuple[Spans, ...] = field(repr=False)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all convolutions, linear layers and matrix products, for one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def unproductive(self) -> tuple[Layer, ...]:
        """Convolutions whose input already sees the whole image along every path.

        Source: Richter et al. 2021, "Should you go deeper? Optimizing convolutional neural network
        architectures without training by receptive field analysis".
        """
        height, width = self.input_size[1:]
        return tuple(
            layer
            for layer in self.layers
            if layer.kind == "convolution"
            and layer.kernel is not None
            and max(layer.kernel) > 1
            and layer.least_input[0] >= height
            and layer.least_input[1] >= width
        )

    def layer(self, name: str) -> Layer:
        """Find what ran last of the module `name`, itself a layer or made of layers.

        Raises:
            ValueError: nothing of that name ran.
        """
        return self.layers[self._last(name)]

    def bounds(self, name: str, position: Pair | None) -> tuple[int, int, int, int]:
        """First row, first column, last row and last column that a unit of the module `name` sees.

        Pixels of padding count, so that they may lie outside the image; without a position, all that the
        module sees.
        """
        rows, columns = (span.bounds(position) for span in self.spans[self._last(name)])
        return rows[0], columns[0], rows[1], columns[1]

    def _last(self, name: str) -> int:
        for number in range(len(self.layers) - 1, -1, -1):
            if self.layers[number].is_within(name):
                return number
        names = ", ".join(dict.fromkeys(layer.name for layer in self.layers))
        raise ValueError(f"no layer is called {name!r}: write one of {names}")
