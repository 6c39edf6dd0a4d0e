"""Residual networks for 32x32 images."""

from itertools import pairwise

from torch import Tensor, nn

from dilated_cifar.config.model import ResNetConfig
from dilated_cifar.models.classifier import Classifier


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them (He et al. 2016, figure 5 left)."""

    def __init__(self, incoming: int, channels: int, *, stride: int = 1, shortcut_kernel: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(incoming, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or incoming != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(
                    incoming,
                    channels,
                    shortcut_kernel,
                    stride=stride,
                    padding=shortcut_kernel // 2,
                    bias=False,
                ),
                nn.BatchNorm2d(channels),
            )

    def forward(self, features: Tensor) -> Tensor:
        """Features [N, channels, H/stride, W/stride] of features [N, incoming, H, W]."""
        residual = self.relu(self.norm1(self.conv1(features)))
        residual = self.norm2(self.conv2(residual))
        output: Tensor = self.relu(residual.add_(self.shortcut(features)))
        return output


def build_resnet(config: ResNetConfig, classes: int) -> Classifier:
    """A 3x3 stem and stages of basic blocks with doubling channels under a classifier.

    With the defaults and ten classes 195,738 parameters, as the published CIFAR-10 script has.
    """
    stem = nn.Sequential(
        nn.Conv2d(3, config.width, 3, padding=1, bias=False),
        nn.BatchNorm2d(config.width),
        nn.ReLU(inplace=True),
    )
    widths = [config.width, *config.widths]
    kernel = {"conv3x3": 3, "conv1x1": 1}[config.shortcut]
    stages = [
        stage(incoming, channels, blocks, stride, kernel)
        for (incoming, channels), blocks, stride in zip(
            pairwise(widths), config.blocks, config.strides, strict=True
        )
    ]
    return Classifier(nn.Sequential(stem, *stages), widths[-1], classes, dropout=config.dropout)


def stage(incoming: int, channels: int, blocks: int, stride: int, shortcut_kernel: int) -> nn.Sequential:
    """Basic blocks of one width, of which the first changes the channels and the resolution."""
    first = BasicBlock(incoming, channels, stride=stride, shortcut_kernel=shortcut_kernel)
    return nn.Sequential(first, *(BasicBlock(channels, channels) for _ in range(blocks - 1)))
