"""Which gradients and feature maps are put side by side, and under which titles."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dilated_cifar.data.splits import Split
from dilated_cifar.dilation.coverage import lattice_share
from dilated_cifar.evaluation.opened import Trained
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.inspection.sight_compare import Seen
from dilated_cifar.inspection.sight_features import LastMaps, strongest_maps
from dilated_cifar.inspection.sight_gradients import BATCH, Gradients
from dilated_cifar.inspection.sight_measures import radius
from dilated_cifar.inspection.sight_pictures import Panel, draw_gradients, draw_side_by_side, draw_strongest

SHOWN = 3
"""Test images whose feature maps are drawn where the user names none."""


def effective_fields(networks: Sequence[Seen]) -> Figure:
    """Draw which pixels move the centre unit of every network, trained and fresh side by side."""
    rows = [
        [image_panel(network, name, gradients.image[0]) for name, gradients in both(network)]
        for network in networks
    ]
    title = (
        "Which pixels move the centre unit of the last feature map; grey: no gradient at all\n"
        "solid: 50% of the gradient, dashed: 95%, dotted: the receptive field"
    )
    return draw_gradients(rows, title, unit="pixel")


def lattices(networks: Sequence[Seen]) -> Figure | None:
    """Draw the same where the dilated layers begin; None where no network has such a stage."""
    rows = [
        [
            stage_panel(network, name, gradients.stage[0])
            for name, gradients in both(network)
            if gradients.stage is not None
        ]
        for network in networks
        if network.plan.stage is not None
    ]
    title = (
        "Which places of the first dilated layer's input move the centre unit; grey: no gradient at all\n"
        "red: its own lattice"
    )
    return draw_gradients(rows, title, unit="place") if rows else None


def both(network: Seen) -> list[tuple[str, Gradients]]:
    """The trained gradients, and the mean of the fresh ones."""
    return [("trained", network.trained.gradients), ("fresh weights", network.control.mean_gradients())]


def image_panel(network: Seen, name: str, gradient: Tensor) -> Panel:
    """The gradient at the image, with its two radii and the receptive field."""
    centre = network.plan.centre
    inner, outer = radius(gradient, centre, 0.5), radius(gradient, centre, 0.95)
    title = f"{network.label}, {name}\n50% within {inner:.1f}, 95% within {outer:.1f} pixels"
    return Panel(title, gradient, centre, (inner, outer), network.plan.field)


def stage_panel(network: Seen, name: str, gradient: Tensor) -> Panel:
    """The gradient at the first dilated layer's input, with the share on the unit's own lattice."""
    stage = network.plan.stage
    assert stage is not None
    share = lattice_share(gradient, stage.own, stage.spacing)
    title = f"{network.label}, {name}\nwhat enters {stage.source}: {share:.0%} on its own lattice"
    return Panel(title, gradient, (float(stage.own[0]), float(stage.own[1])), lattice=stage.spacing)


def strongest_features(trained: Sequence[Trained], images: Tensor, names: Sequence[str]) -> Figure:
    """Draw the strongest feature map of every layer of every network for images uint8 [N, 3, H, W]."""
    drawn = [(each.label, strongest_maps(each.model, each.inputs(images))) for each in trained]
    return draw_strongest(images, names, drawn)


def maps_side_by_side(trained: Sequence[Trained], images: Tensor, names: Sequence[str]) -> Figure:
    """Draw class maps and strongest last maps for images uint8 [N, 3, H, W].

    Of the networks that know the classes of the first alone, since the images are of its data set.
    """
    alike = [each for each in trained if each.class_names == trained[0].class_names]
    return draw_side_by_side(images, names, [(each.label, last_maps(each, images)) for each in alike])


def last_maps(trained: Trained, images: Tensor) -> list[LastMaps]:
    """Class map and strongest last map of a network for every image."""
    inputs = trained.inputs(images)
    maps = class_maps(trained.model, inputs, batch=BATCH).float().cpu()
    predicted = maps.mean((2, 3)).argmax(1).tolist()
    strongest = strongest_maps(trained.model, inputs)[-1]
    return [
        LastMaps(trained.class_names[named], maps[number, named], channel, strongest.maps[number])
        for number, (named, channel) in enumerate(zip(predicted, strongest.channels, strict=True))
    ]


def some_test_images(trained: Trained, split: Split) -> tuple[Tensor, list[str]]:
    """The first test images of different classes, with the names of their classes."""
    labels = split.labels.tolist()
    first = [labels.index(label) for label in dict.fromkeys(labels)][:SHOWN]
    names = [trained.class_names[labels[index]] for index in first]
    return split.images[torch.tensor(first)], names
