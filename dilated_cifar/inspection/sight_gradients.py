"""Gradients of units of the last feature map, at the image and where the dilated layers begin."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.dilation.trace import Layer, Trace, trace
from dilated_cifar.inspection.view import centre_position, is_within, last_row, unit_centre
from dilated_cifar.models.classifier import Classifier

LAST_MAP = "features"
BATCH = 50
"""Images a pass: the activations that gradients need then fit the caches of small machines."""


@dataclass(frozen=True)
class Stage:
    """Where the dilated layers of a network begin.

    `source` is the first convolution with a rate above 1, `spacing` that rate, and `own` the place of its
    input above which the centre unit of the last map lies: the lattice through it is the unit's own.
    """

    source: str
    spacing: int
    own: tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """Which unit is looked at: its position on the last map, the centre of its field in pixels."""

    position: tuple[int, int]
    centre: tuple[float, float]
    field: tuple[int, int]
    stage: Stage | None


@dataclass(frozen=True)
class Gradients:
    """Mean absolute gradients of a unit and of its neighbours below and to the right, in that order.

    `image` is [units, H, W], summed over colours; `stage` [units, h, w], summed over channels, at the input
    of the plan's stage. On a map of a single place there are no neighbours.
    """

    image: Tensor
    stage: Tensor | None


def make_plan(model: Classifier) -> Plan:
    """Choose the centre unit of the last feature map, and find where the dilated layers begin."""
    traced = trace(model, Cifar10Config().input_size)
    last = last_row(traced, LAST_MAP)
    position = centre_position(last)
    assert position is not None  # every Classifier pools a map
    centre = unit_centre(last, position)
    return Plan(position, centre, last.receptive_field, find_stage(traced, centre))


def find_stage(traced: Trace, centre: tuple[float, float]) -> Stage | None:
    """Find the first dilated convolution that has another convolution or pooling behind it.

    The last one alone would say nothing: whatever the network, it reads its own lattice and no other.
    None as well where the unit lies between the places of that convolution's input.
    """
    spatial = [
        layer
        for layer in traced.layers
        if layer.kernel is not None and max(layer.kernel) > 1 and is_within(layer.name, LAST_MAP)
    ]
    for number, layer in enumerate(spatial):
        if layer.kind == "convolution" and layer.dilation is not None and layer.dilation[0] > 1:
            # Layers of a parallel branch, such as a shortcut, do not lie behind it.
            seen = max(layer.receptive_field)
            behind = any(max(later.receptive_field) > seen for later in spatial[number:])
            own = place_above(layer, centre)
            return Stage(layer.name, layer.dilation[0], own) if behind and own is not None else None
    return None


def place_above(layer: Layer, centre: tuple[float, float]) -> tuple[int, int] | None:
    """The place of a convolution's input whose field has the given centre; None where there is none."""
    windows = (layer.kernel, layer.stride, layer.padding, layer.dilation)
    kernel, stride, padding, dilation = (window or (1, 1) for window in windows)
    places = []
    for axis in (0, 1):
        jump = layer.jump[axis] / stride[axis]
        middle = dilation[axis] * (kernel[axis] - 1) / 2 - padding[axis]
        places.append((centre[axis] - (layer.start[axis] - middle * jump)) / jump)
    if any(place != round(place) for place in places):
        return None
    return round(places[0]), round(places[1])


def mean_gradients(model: Classifier, inputs: Tensor, plan: Plan) -> Gradients:
    """Mean absolute gradients of the plan's unit and its neighbours over images.

    The gradient of a unit is that of the sum of all channels at its place (a signal of 1 in each channel),
    by the network in eval mode and in full precision.

    Args:
        model: On the device of `inputs`; its mode is restored.
        inputs: Normalised images, [N, 3, H, W].
        plan: As `make_plan` gives it.

    Source: Luo et al. 2016, "Understanding the effective receptive field in deep convolutional neural
    networks", section 3.
    """
    was_training = model.training
    model.eval()
    entering: list[Tensor] = []
    hooks = []
    if plan.stage is not None:
        layer = model.get_submodule(plan.stage.source)
        hooks.append(layer.register_forward_pre_hook(lambda _, args: entering.append(args[0])))
    sums: list[Tensor] = []
    try:
        for batch in inputs.split(BATCH):
            images = batch.detach().clone().requires_grad_()
            entering.clear()
            with torch.enable_grad():
                features = model.features(images)
                found = [gradients(features, place, [images, *entering]) for place in units(features, plan)]
            # From one list a unit to one tensor [units, h, w] a source.
            stacked = [torch.stack(maps) for maps in zip(*found, strict=True)]
            sums = [a + b for a, b in zip(sums, stacked, strict=True)] if sums else stacked
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    means = [total.cpu() / len(inputs) for total in sums]
    return Gradients(means[0], means[1] if plan.stage is not None else None)


def gradients(features: Tensor, place: tuple[int, int], sources: list[Tensor]) -> list[Tensor]:
    """Absolute gradients of one unit with respect to each source, summed over images and channels."""
    unit = features[:, :, place[0], place[1]].sum()
    found = torch.autograd.grad(unit, sources, retain_graph=True)
    return [gradient.abs().sum((0, 1)) for gradient in found]


def units(features: Tensor, plan: Plan) -> list[tuple[int, int]]:
    """The plan's unit, and its neighbours below and to the right where the map has them."""
    row, column = plan.position
    places = [(row, column), (row + 1, column), (row, column + 1)]
    return [place for place in places if place[0] < features.shape[2] and place[1] < features.shape[3]]
