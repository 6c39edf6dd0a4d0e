"""Residual networks for 32x32 images, whose later strides may be dilation instead."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from dilated_cifar.config.residual import ResNetConfig, Stage
from dilated_cifar.dilation.arithmetic import same_padding
from dilated_cifar.models.classifier import Classifier, ReLU
from dilated_cifar.registry import network

SAFE_CHANNELS = 8
"""Input channels from which a strided 1x1 convolution is safe: with 2 to 7 in channels_last, torch 2.14.1 on
a CPU with AVX2 (oneDNN's kernel brgconv_1x1) writes beyond its memory and kills the process. Taking every
other place first and then convolving computes the same."""


def conv_norm(
    incoming: int, channels: int, *, kernel: int = 3, stride: int = 1, rate: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution that keeps the size, but for its stride, and its norm."""
    convolution = nn.Conv2d(
        incoming,
        channels,
        kernel,
        stride=stride,
        padding=same_padding(kernel, rate),
        dilation=rate if kernel > 1 else 1,
        bias=False,
    )
    return convolution, nn.BatchNorm2d(channels)


def plain_layers(incoming: int, channels: int, *, count: int = 1, rate: int = 1) -> nn.Sequential:
    """Convolution-norm-ReLU, `count` times, with no skip connection."""
    layers: list[nn.Module] = []
    for number in range(count):
        layers += [*conv_norm(channels if number else incoming, channels, rate=rate), ReLU()]
    return nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them (He et al. 2016, figure 5 left)."""

    def __init__(
        self,
        incoming: int,
        channels: int,
        *,
        stride: int = 1,
        rates: tuple[int, int] = (1, 1),
        shortcut_kernel: int = 3,
    ) -> None:
        """Build the block; `rates` are the dilation of its two convolutions, the first one the shortcut's."""
        super().__init__()
        self.conv1, self.norm1 = conv_norm(incoming, channels, stride=stride, rate=rates[0])
        self.relu = ReLU()
        self.conv2, self.norm2 = conv_norm(channels, channels, rate=rates[1])
        self.subsample: nn.Module = nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or incoming != channels:
            if shortcut_kernel == 1 and stride > 1 and incoming < SAFE_CHANNELS:
                self.subsample, stride = nn.MaxPool2d(1, stride), 1
            self.shortcut = nn.Sequential(
                *conv_norm(incoming, channels, kernel=shortcut_kernel, stride=stride, rate=rates[0])
            )

    def forward(self, features: Tensor) -> Tensor:
        """Features [N, channels, H/stride, W/stride] of features [N, incoming, H, W]."""
        residual = self.relu(self.norm1(self.conv1(features)))
        residual = self.norm2(self.conv2(residual))
        output: Tensor = self.relu(residual.add_(self.shortcut(self.subsample(features))))
        return output


@network(ResNetConfig)
def build_resnet(config: ResNetConfig, classes: int, input_size: tuple[int, int, int]) -> Classifier:
    """A 3x3 stem and stages of basic blocks with doubling channels under a classifier.

    With the defaults and ten classes 195,738 parameters, as the published CIFAR-10 script has.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict(stem=plain_layers(input_size[0], config.width))
    parts |= residual_stages(config.width, config.stages, config.shortcut_kernel)
    return Classifier(nn.Sequential(parts), config.stages[-1].channels, classes, dropout=config.dropout)


def residual_stages(
    incoming: int, stages: Sequence[Stage], shortcut_kernel: int, *, dilate_first: bool = False
) -> OrderedDict[str, nn.Sequential]:
    """The stages `stage1`, `stage2` and so on, each a sequence of basic blocks.

    The first convolution of a stage stands where the stride was, so that the stride it lost spreads what
    follows and not itself: it keeps the rate of the stage before, unless `dilate_first`.

    Source: Yu, Koltun & Funkhouser 2017, section 2; that B, C and D dilate a whole stage is from the authors'
    published code.
    """
    built: OrderedDict[str, nn.Sequential] = OrderedDict()
    before = 1
    for number, stage in enumerate(stages, start=1):
        blocks = [
            BasicBlock(
                incoming if block == 0 else stage.channels,
                stage.channels,
                stride=stage.stride if block == 0 else 1,
                rates=(before if block == 0 and not dilate_first else stage.rate, stage.rate),
                shortcut_kernel=shortcut_kernel,
            )
            for block in range(stage.blocks)
        ]
        built[f"stage{number}"] = nn.Sequential(*blocks)
        incoming, before = stage.channels, stage.rate
    return built
