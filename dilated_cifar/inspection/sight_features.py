"""The strongest feature map of every layer."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dilated_cifar.models.classifier import Classifier


@dataclass(frozen=True)
class Strongest:
    """Of each image, a layer's channel with the highest mean activation: its number and its map."""

    layer: str
    channels: list[int]
    maps: Tensor
    """[N, h, w]."""


@dataclass(frozen=True)
class LastMaps:
    """What a network makes of one image in the end.

    `class_map` [h, w] is that of the class it names, `strongest` [h, w] the channel of its last feature map
    with the highest mean activation.
    """

    predicted: str
    class_map: Tensor
    channel: int
    strongest: Tensor


def shown_layers(features: nn.Module) -> dict[str, str]:
    """The layers worth a picture, each with the module whose output is shown.

    A block, or a stem of several layers, is shown as a whole; of layers that stand alone, the convolution
    behind its norm, activation and pooling.
    """
    shown: dict[str, str] = {}
    for name, child in features.named_children():
        parts = dict(child.named_children())
        blocks = isinstance(child, nn.Sequential) and all(any(part.children()) for part in parts.values())
        if blocks:
            shown |= {f"{name}.{part}": f"{name}.{part}" for part in parts}
        elif parts or isinstance(child, nn.Conv2d) or not shown:
            shown[name] = name
        else:
            shown[list(shown)[-1]] = name
    return shown


@torch.no_grad()
def strongest_maps(model: Classifier, inputs: Tensor) -> list[Strongest]:
    """The feature map of highest mean activation of every layer, for normalised images [N, 3, H, W].

    Source: Yu, Koltun & Funkhouser 2017, "Dilated residual networks", figure 4.
    """
    was_training = model.training
    model.eval()
    outputs: dict[str, Tensor] = {}

    def keep(layer: str, output: Tensor) -> None:
        outputs[layer] = output.detach().float().clone()  # what follows may work in place

    hooks = [
        model.features.get_submodule(module).register_forward_hook(
            lambda _, __, output, layer=layer: keep(layer, output)
        )
        for layer, module in shown_layers(model.features).items()
    ]
    try:
        model.features(inputs)
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
