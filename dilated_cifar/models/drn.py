"""Dilated residual networks: resolution kept by dilation, and gridding taken out again."""

from collections import OrderedDict

from torch import nn

from dilated_cifar.config.residual import DrnConfig
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.models.resnet import BasicBlock, plain_layers, residual_stages
from dilated_cifar.registry import network


@network(DrnConfig)
def build_drn(config: DrnConfig, classes: int, input_size: tuple[int, int, int]) -> Classifier:
    """A dilated residual network under a classifier.

    A is the strided residual network of the same layout (`ResNetConfig(layout=...)`) with its later strides
    turned into dilation; the two have the same parameters. B, C and D put two levels in front, and behind
    the last stage two levels of half its rate and of rate 1, which smooth the grid that dilation leaves:

    - B: basic blocks in all four.
    - C: two convolutions in each level behind, without skip connections, which would carry the grid past.
    - D: one convolution in each of the four.

    Source: Yu, Koltun & Funkhouser 2017, "Dilated residual networks", sections 2 and 4; D as in the authors'
    published code. The paper's max-pool has no place on 32x32 images, so A has none to remove.
    """
    stages = config.stages
    channels, rate = stages[-1].channels, stages[-1].rate
    degridded = config.variant != "a"
    parts: OrderedDict[str, nn.Module] = OrderedDict(stem=plain_layers(input_size[0], config.width))
    if degridded:
        parts |= {"front1": front_level(config), "front2": front_level(config)}
    parts |= residual_stages(config.width, stages, config.shortcut_kernel, dilate_first=degridded)
    if degridded:
        parts["tail1"] = tail_level(config.variant, channels, max(1, rate // 2))
        parts["tail2"] = tail_level(config.variant, channels, 1)
    return Classifier(nn.Sequential(parts), channels, classes, dropout=config.dropout)


def front_level(config: DrnConfig) -> nn.Module:
    """One of the two levels between the stem and the first stage."""
    width = config.width
    return plain_layers(width, width) if config.variant == "d" else BasicBlock(width, width)


def tail_level(variant: str, channels: int, rate: int) -> nn.Module:
    """One of the two levels behind the last stage."""
    if variant == "b":
        return BasicBlock(channels, channels, rates=(rate, rate))
    return plain_layers(channels, channels, count=2 if variant == "c" else 1, rate=rate)
