"""A plain stack of convolutions, dilated or not."""

from collections import OrderedDict

from torch import nn

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.dilation.arithmetic import same_padding
from dilated_cifar.models.classifier import Classifier, ReLU
from dilated_cifar.registry import network


@network(CnnConfig)
def build_cnn(config: CnnConfig, classes: int, input_size: tuple[int, int, int]) -> Classifier:
    """Convolution-norm-ReLU layers under a classifier.

    With channels 32-64-128 and ten classes the parameters are 94,762 for every choice of dilations:
    dilation widens the receptive field without adding weights (Yu and Koltun 2016).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    incoming = input_size[0]
    last = len(config.channels)
    numbered = enumerate(zip(config.channels, config.dilations, strict=True), start=1)
    for number, (channels, dilation) in numbered:
        layers[f"conv{number}"] = nn.Conv2d(
            incoming,
            channels,
            config.kernel_size,
            padding=same_padding(config.kernel_size, dilation) if config.padding == "same" else 0,
            dilation=dilation,
            bias=not config.norm,
        )
        if config.norm:
            layers[f"norm{number}"] = nn.BatchNorm2d(channels)
        layers[f"relu{number}"] = ReLU()
        if config.pool and number < last:
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        incoming = channels
    return Classifier(nn.Sequential(layers), incoming, classes, dropout=config.dropout)
