"""A network of one's own: depthwise separable convolutions with dilation (Chollet 2017, "Xception").

python train.py plugin=examples/own_network/separable.py model=separable
"""

from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.registry import network, offer

offer(Path(__file__).with_name("conf"))


@dataclass
class SeparableConfig(ModelConfig):
    """A stem, then blocks of a 3x3 convolution within each channel and a 1x1 convolution across them."""

    family: str = "separable"
    width: int = 32
    """Channels of every layer."""
    dilations: list[int] = field(default_factory=lambda: [1, 2, 5])
    """Dilation rate of each block."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(1 <= self.width <= 1024, "width", "a whole number from 1 to 1024")
        self._require(1 <= len(self.dilations) <= 20, "dilations", "1 to 20 rates")
        self._require(
            1 <= min(self.dilations) <= max(self.dilations) <= 50, "dilations", "rates from 1 to 50"
        )


@network(SeparableConfig)
def build_separable(config: SeparableConfig, classes: int, input_size: tuple[int, int, int]) -> Classifier:
    """The blocks behind a 3x3 stem, then global average pooling and a linear layer."""
    width = config.width
    layers: list[nn.Module] = [nn.Conv2d(input_size[0], width, 3, padding=1, bias=False)]
    for rate in config.dilations:
        layers += [
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=rate, dilation=rate, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
        ]
    layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return Classifier(nn.Sequential(*layers), width, classes, dropout=config.dropout)
