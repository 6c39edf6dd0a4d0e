"""Count maps: how often each input pixel enters one output, and how much of a receptive field is covered.

A count is the number of paths from the pixel to the output, through the positions of the maps between;
channels do not multiply it.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.counting import Counting, UncountableError
from dilated_cifar.dilation.layers import Layer, Trace
from dilated_cifar.dilation.rates import Kernel, line_counts
from dilated_cifar.dilation.trace import main_output
from dilated_cifar.dilation.unit_field import seen_of


def count_maps(rates: Sequence[int], kernel_size: Kernel = 3) -> list[Tensor]:
    """Walk back from one output of a stack of dilated convolutions and count at every layer.

    Each step is a transposed convolution of ones, from a single unit: the product of two of a line. The maps
    are square, float64 `[F, F]`: first what enters the last layer, then what enters the layer before it, at
    the end the image.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.

    Source: Wang et al. 2018, figure 2; the transposed convolution as the gradient of a convolution, Dumoulin
    & Visin 2016, section 4.
    """
    lines = (torch.tensor(line, dtype=torch.float64) for line in line_counts(rates, kernel_size))
    return [torch.outer(line, line) for line in lines]


def count_map(rates: Sequence[int], kernel_size: Kernel = 3) -> Tensor:
    """Count how often each pixel of the receptive field enters one output of a stack, float64 `[F, F]`.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.
    """
    return count_maps(rates, kernel_size)[-1]


def network_count_map(
    module: nn.Module,
    input_size: tuple[int, int, int],
    *,
    layer: str | None = None,
    position: Pair | None = None,
    source: str | None = None,
) -> Tensor:
    """Count how often each pixel of an image `[C, H, W]` enters one unit of a network, float64 `[H, W]`.

    `layer` names the module whose output the unit belongs to (the network's own output without it),
    `position` the unit's (row, column) on that map (the centre without it). With `source`, the counts are
    those of the positions of the map that enters that module, not of the pixels. Convolutions count
    their taps, poolings their windows, additions both branches; norms and activations pass the counts on,
    and parts outside the map are cut off. Behind a linear layer on a flattened map the counts have a
    common factor. The weights play no part and the module is left untouched.

    Raises:
        ValueError: no such layer or position, or an operation that cannot be counted.
    """
    names = dict(module.named_modules())
    for name in (layer, source):
        if name is not None and name not in names:
            listed = ", ".join(filter(None, names))
            raise ValueError(f"no layer is called {name!r}: write one of {listed}")
    network = copy.deepcopy(module).cpu().eval()
    image = torch.zeros(1, *input_size, dtype=torch.float64, requires_grad=True)
    inputs, outputs = _run(network, image, layer, source)
    start = inputs[-1] if source is not None else image
    unit = _pick(outputs[-1], position, layer)
    if not unit.requires_grad:
        raise ValueError(f"layer {layer!r} does not depend on the image: write a layer behind it")
    (gradient,) = torch.autograd.grad(unit, start, allow_unused=True)
    if gradient is None:
        raise ValueError(
            f"layer {layer!r} does not depend on what enters {source!r}: write a source before it"
        )
    counts = gradient[0].sum(0)
    rounded = counts.round()
    # Channels are averaged; of three, the thirds of a whole count come back with a rounding error.
    return torch.where(torch.isclose(counts, rounded, rtol=1e-9, atol=1e-9), rounded, counts)


@dataclass(frozen=True)
class Unit:
    """One unit of a network and what of an image enters it.

    `name` is the module whose output it belongs to and `layer` what ran last of it; `position` is its (row,
    column) on that map, None where the output is no map. `counts` says how often each pixel enters the unit,
    float64 `[H, W]`; the others are those of `Seen`.
    """

    name: str
    layer: Layer
    position: Pair | None
    centre: tuple[float, float]
    box: tuple[int, int, int, int]
    counts: Tensor
    covered: float
    nearest_hole: float | None


def count_unit(module: nn.Module, traced: Trace, name: str, position: Pair | None = None) -> Unit:
    """Count what enters one unit of the module `name` of a traced network; the centre unit by default.

    Raises:
        ValueError: no such module or position, or an operation that cannot be counted.
    """
    layer = traced.layer(name)
    position = position or layer.centre_position
    counts = network_count_map(module, traced.input_size, layer=name, position=position)
    top, left, bottom, right = traced.bounds(name, position)
    box, centre, covered, nearest = seen_of(counts.numpy(), (top, bottom), (left, right))
    return Unit(name, layer, position, centre, box, counts, covered, nearest)


def count_stages(module: nn.Module, traced: Trace, unit: Unit) -> list[tuple[str, Tensor]]:
    """Count what enters each stage of a network that leads to a unit, from the last stage to the first.

    A stage is a direct child of the module that holds the layers, such as `features.stage2`, with a
    convolution or a pooling in it. The maps are float64 `[H, W]`, each as large as the stage's input.
    """
    last = max(index for index, layer in enumerate(traced.layers) if layer.is_within(unit.name))
    windows = [layer.name for layer in traced.layers[: last + 1] if layer.kernel is not None]
    stages = list(dict.fromkeys(".".join(window.split(".")[:2]) for window in windows))
    size, position = traced.input_size, unit.position
    return [
        (stage, network_count_map(module, size, layer=unit.name, position=position, source=stage))
        for stage in reversed(stages)
    ]


def covered_share(counts: Tensor) -> float:
    """Share of the positions of a count map that enter the output at all."""
    return float((counts > 0).double().mean())


def lattice_share(counts: Tensor, centre: Pair, spacing: int) -> float:
    """Share of all counts that fall on the positions a multiple of `spacing` from `centre`, both ways.

    1.0 means that neighbouring outputs read disjoint lattices: gridding, even where an earlier layer has
    filled the pixels between. A map without gridding has about 1 / spacing^2.

    Raises:
        ValueError: the spacing is below 1, or the centre lies outside the map.

    Source: the gridding of Yu, Koltun & Funkhouser 2017, section 4.
    """
    if spacing < 1:
        raise ValueError(f"spacing={spacing} is no lattice, at least 1 was expected: write the dilation rate")
    _check_inside(centre, counts.shape)
    own = counts[centre[0] % spacing :: spacing, centre[1] % spacing :: spacing]
    return float(own.sum() / counts.sum())


def _run(
    network: nn.Module, image: Tensor, layer: str | None, source: str | None
) -> tuple[list[Tensor], list[Tensor]]:
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    if source is not None:
        network.get_submodule(source).register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    # Cloned, since an addition in place further on would add its branch to this map as well.
    network.get_submodule(layer or "").register_forward_hook(
        lambda _, args, output: outputs.append(main_output(output).clone())  # noqa: ARG005  # its signature
    )
    with Counting():
        try:
            network(image)
        except UncountableError:
            if not outputs:  # what comes behind the unit does not matter
                raise
        except RuntimeError as error:
            raise ValueError(
                f"the network cannot run on an image of size {list(image.shape[1:])} "
                f"({str(error).splitlines()[0]}): write another input size"
            ) from error
    for name, found in ((layer, outputs), (source, inputs or outputs)):
        if not found:
            raise ValueError(f"layer {name!r} did not run: write a layer that the network calls")
    return inputs, outputs


def _pick(output: Tensor, position: Pair | None, layer: str | None) -> Tensor:
    if output.dim() != 4:
        if position is not None:
            raise ValueError(
                f"position={position} does not exist, layer {layer!r} puts out no map: write no position"
            )
        return output[0].mean()
    if position is None:
        position = (output.shape[2] // 2, output.shape[3] // 2)
    _check_inside(position, output.shape[2:])
    return output[0, :, position[0], position[1]].mean()


def _check_inside(position: Pair, size: Sequence[int]) -> None:
    if not (0 <= position[0] < size[0] and 0 <= position[1] < size[1]):
        raise ValueError(
            f"position {position} lies outside the map of {size[0]}x{size[1]}: write a row from 0 to "
            f"{size[0] - 1} and a column from 0 to {size[1] - 1}"
        )
