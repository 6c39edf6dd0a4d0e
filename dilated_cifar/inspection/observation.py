"""What is recorded of a network on images: gradients of its centre unit, and class maps; measures read it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.layers import Layer, Trace
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.models.classifier import LAST_MAP, HasClassMaps

BATCH = 50
"""Images a pass: the activations that gradients need then fit the caches of small machines."""


@dataclass(frozen=True)
class Stage:
    """Where the dilated layers of a network begin.

    `layer` is the first convolution with a rate above 1, `rate` that rate, and `position` the one of its
    input that has the same centre as the unit: the lattice through it is the unit's own.
    """

    layer: str
    rate: int
    position: Pair


@dataclass(frozen=True)
class Target:
    """The unit whose gradients are taken: its layer and position there, centre and field in pixels."""

    layer: str
    position: Pair
    centre: tuple[float, float]
    receptive_field: Pair
    stage: Stage | None


@dataclass(frozen=True)
class Gradients:
    """Mean absolute gradients of a unit and of its neighbours below and to the right, in that order.

    `image` is [units, H, W], summed over colours; `stage` [units, h, w], summed over channels, at the input
    of the target's stage. On a map of a single position there are no neighbours.
    """

    image: Tensor
    stage: Tensor | None


@dataclass(frozen=True)
class LabelledGradients:
    """Gradients of a network and of its controls, under the label that it has in pictures."""

    label: str
    target: Target
    gradients: dict[str, Gradients]
    """By the weights they are of: `trained`, `random init`."""


@dataclass(frozen=True)
class Observation:
    """A network on images: the gradients of its target, and class maps [N, classes, h, w] if it has them."""

    target: Target
    gradients: Gradients
    class_maps: Tensor | None


@dataclass(frozen=True)
class Measure:
    """A figure of one observation, nan where it does not apply: what it is and where it comes from."""

    key: str
    label: str
    meaning: str
    source: str
    value: Callable[[Observation], float]


def choose_target(traced: Trace, layer: str = LAST_MAP) -> Target:
    """Choose the centre unit of the last feature map, which `layer` puts out, and find where dilation begins.

    Raises:
        ValueError: it puts out no map.
    """
    last = traced.layer(layer)
    if last.centre_position is None:
        raise ValueError(f"the output of {layer} is no map: write a network whose {layer} ends in one")
    centre = last.centre_of(last.centre_position)
    stage = find_stage(traced, layer, centre)
    return Target(layer, last.centre_position, centre, last.receptive_field, stage)


def find_stage(traced: Trace, last: str, centre: tuple[float, float]) -> Stage | None:
    """Find the first dilated convolution that has another convolution or pooling behind it.

    The last one alone would say nothing: whatever the network, it reads one lattice and no other. None as
    well where the unit's centre lies between the positions of that convolution's input.
    """
    end = 1 + max(number for number, layer in enumerate(traced.layers) if layer.is_within(last))
    windows = [layer for layer in traced.layers[:end] if layer.kernel is not None and max(layer.kernel) > 1]
    for number, layer in enumerate(windows):
        if layer.kind == "convolution" and layer.dilation is not None and layer.dilation[0] > 1:
            # Layers of a parallel branch, such as a shortcut, do not lie behind it.
            field = max(layer.receptive_field)
            behind = any(max(later.receptive_field) > field for later in windows[number:])
            position = position_above(layer, centre)
            return Stage(layer.name, layer.dilation[0], position) if behind and position is not None else None
    return None


def position_above(layer: Layer, centre: tuple[float, float]) -> Pair | None:
    """The position of a convolution's input whose field has the given centre; None where there is none."""
    windows = (layer.kernel, layer.stride, layer.padding, layer.dilation)
    kernel, stride, padding, dilation = (window or (1, 1) for window in windows)
    found = []
    for axis in (0, 1):
        jump = layer.jump[axis] / stride[axis]
        middle = dilation[axis] * (kernel[axis] - 1) / 2 - padding[axis]
        found.append((centre[axis] - (layer.start[axis] - middle * jump)) / jump)
    if any(number != round(number) for number in found):
        return None
    return round(found[0]), round(found[1])


def observe(model: nn.Module, inputs: Tensor, target: Target) -> Observation:
    """Record gradients and class maps of a network on normalised images [N, C, H, W] on its own device."""
    gradients = mean_gradients(model, inputs, target)
    maps = class_maps(model, inputs, batch=BATCH) if isinstance(model, HasClassMaps) else None
    return Observation(target, gradients, maps)


def mean_gradients(model: nn.Module, inputs: Tensor, target: Target) -> Gradients:
    """Mean absolute gradients of the target and its neighbours over images.

    The gradient of a unit is that of the sum of all channels at its position (a signal of 1 in each channel),
    by the network in eval mode and in full precision.

    Args:
        model: On the device of `inputs`; its mode is restored.
        inputs: Normalised images, [N, C, H, W].
        target: As `choose_target` gives it.

    Source: Luo et al. 2016, "Understanding the effective receptive field in deep convolutional neural
    networks", section 3.
    """
    was_training = model.training
    model.eval()
    entering: list[Tensor] = []
    leaving: list[Tensor] = []
    # Copied, since what follows may work in place.
    last = model.get_submodule(target.layer)
    hooks = [last.register_forward_hook(lambda _, __, output: leaving.append(output.clone()))]
    if target.stage is not None:
        layer = model.get_submodule(target.stage.layer)
        hooks.append(layer.register_forward_pre_hook(lambda _, args: entering.append(args[0])))
    sums: list[Tensor] = []
    try:
        for batch in inputs.split(BATCH):
            images = batch.detach().clone().requires_grad_()
            entering.clear()
            leaving.clear()
            with torch.enable_grad():
                model(images)
                features = leaving.pop()  # of a layer that runs twice the last run counts
                found = [
                    absolute_gradients(features, position, [images, *entering[-1:]])
                    for position in with_neighbours(target.position, features)
                ]
            # From one list a unit to one tensor [units, h, w] a source.
            stacked = [torch.stack(maps) for maps in zip(*found, strict=True)]
            sums = [a + b for a, b in zip(sums, stacked, strict=True)] if sums else stacked
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    means = [total.cpu() / len(inputs) for total in sums]
    return Gradients(means[0], means[1] if target.stage is not None else None)


def absolute_gradients(features: Tensor, position: Pair, sources: list[Tensor]) -> list[Tensor]:
    """Absolute gradients of one unit with respect to each source, summed over images and channels."""
    unit = features[:, :, position[0], position[1]].sum()
    found = torch.autograd.grad(unit, sources, retain_graph=True)
    return [gradient.abs().sum((0, 1)) for gradient in found]


def with_neighbours(position: Pair, features: Tensor) -> list[Pair]:
    """A position, and those below and to the right of it where the map [N, C, h, w] has them."""
    row, column = position
    height, width = features.shape[2:]
    wanted = [(row, column), (row + 1, column), (row, column + 1)]
    return [(down, right) for down, right in wanted if down < height and right < width]
