"""What do the layers respond to? The channel of highest mean activation of every layer, drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from dilated_cifar.data.pictures import as_shown
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.lettering import fitted
from dilated_cifar.models.classifier import last_map_of

_THUMBNAIL_INCHES = 1.35
_NARROWEST_INCHES = 6.0


@dataclass(frozen=True)
class Strongest:
    """Of each image, a layer's channel with the highest mean activation: its number and its map."""

    layer: str
    channels: list[int]
    maps: Tensor
    """[N, h, w]."""


def shown_layers(features: nn.Module, last: str = "") -> dict[str, str]:
    """The layers worth a picture, each with the module whose output is shown.

    A block, or a stem of several layers, is shown as a whole; of layers that stand alone, the convolution
    behind its norm, activation and pooling. What comes behind the part with `last` in it is left out.
    """
    shown: dict[str, str] = {}
    for name, child in children_up_to(features, last):
        parts = dict(child.named_children())
        blocks = isinstance(child, nn.Sequential) and all(any(part.children()) for part in parts.values())
        if blocks or isinstance(child, nn.ModuleList):
            shown |= {f"{name}.{part}": f"{name}.{part}" for part in parts}
        elif parts or any(weight.dim() == 4 for weight in child.parameters()) or not shown:
            shown[name] = name
        else:
            shown[list(shown)[-1]] = name
    return shown


def children_up_to(module: nn.Module, last: str) -> list[tuple[str, nn.Module]]:
    """The children of a module with their names, up to the one that is `last` or holds it; else all."""
    children = list(module.named_children())
    ends = [number for number, (name, _) in enumerate(children, 1) if f"{last}.".startswith(f"{name}.")]
    return children[: ends[0]] if ends else children


def holder_of_layers(network: nn.Module, last: str) -> tuple[nn.Module, str]:
    """The module whose children are the layers up to `last`, and the name of `last` in it."""
    while True:
        children = children_up_to(network, last)
        if len(children) != 1 or next(children[0][1].children(), None) is None:
            return network, last
        name, network = children[0]
        last = last.removeprefix(name).removeprefix(".")


@torch.no_grad()
def strongest_maps(model: nn.Module, inputs: Tensor) -> list[Strongest]:
    """The feature map of highest mean activation of every layer, for normalised images [N, C, H, W].

    Nothing of a network without feature maps.

    Source: Yu, Koltun & Funkhouser 2017, "Dilated residual networks", figure 4.
    """
    last = last_map_of(model, trace(model, (inputs.shape[1], inputs.shape[2], inputs.shape[3])))
    if last is None:
        return []
    holder, last = holder_of_layers(model, last)
    was_training = model.training
    model.eval()
    outputs: dict[str, Tensor] = {}

    def keep(layer: str, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            outputs[layer] = output.detach().float().clone()  # what follows may work in place

    hooks = [
        holder.get_submodule(module).register_forward_hook(
            lambda _, __, output, layer=layer: keep(layer, output)
        )
        for layer, module in shown_layers(holder, last).items()
    ]
    try:
        model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    found = []
    for layer, output in outputs.items():
        channels = output.mean((2, 3)).argmax(1)
        maps = output[torch.arange(len(output)), channels].cpu()
        found.append(Strongest(layer, channels.tolist(), maps))
    return found


def draw_strongest(
    networks: Sequence[tuple[str, Sequence[Strongest]]], images: Tensor, names: Sequence[str]
) -> Figure:
    """Draw the strongest feature map of every layer: a row an image, a block of rows a network.

    Args:
        networks: Label of each network and its layers, as many in each.
        images: uint8, [N, C, H, W].
        names: Of the images.
    """
    columns = 1 + len(networks[0][1])
    height = (_THUMBNAIL_INCHES + 0.4) * len(images) + 0.45
    width = max(_NARROWEST_INCHES, _THUMBNAIL_INCHES * columns)
    figure = Figure(figsize=(width, height * len(networks) + 0.4), layout="constrained")
    title = "Channel of highest mean activation of every layer\nyellow: high, blue: 0"
    figure.suptitle(fitted(title, width, 11), fontsize=11)
    blocks = figure.subfigures(len(networks), 1, squeeze=False)[:, 0]
    for block, (label, layers) in zip(blocks, networks, strict=True):
        block.suptitle(fitted(label, width, 10), fontsize=10, fontweight="bold")
        grid = block.subplots(len(images), columns, squeeze=False)
        for number, line in enumerate(grid):
            line[0].imshow(as_shown(images[number]).numpy())
            line[0].set_title(fitted(names[number], width / columns, 8), fontsize=8)
            for axes, layer in zip(line[1:], layers, strict=True):
                axes.imshow(layer.maps[number].numpy(), cmap="viridis", vmin=0, interpolation="nearest")
                shape = "x".join(str(side) for side in layer.maps.shape[1:])
                above = f"{layer.layer} ({shape})\nchannel {layer.channels[number]}"
                axes.set_title(fitted(above, width / columns, 7), fontsize=7)
            for axes in line:
                axes.set_axis_off()
    return figure


def alike(networks: Sequence[tuple[str, list[Strongest]]]) -> list[list[tuple[str, list[Strongest]]]]:
    """Groups of networks with as many layers, in the order of their first: each fills a sheet."""
    groups: dict[int, list[tuple[str, list[Strongest]]]] = {}
    for label, layers in networks:
        groups.setdefault(len(layers), []).append((label, layers))
    return list(groups.values())
