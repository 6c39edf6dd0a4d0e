"""What every network of the project is: features, global average pool, linear classifier."""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dilated_cifar.dilation.layers import Trace

LAST_MAP = "features"
"""The module of a `Classifier` that puts out the last feature map."""


@runtime_checkable
class HasClassMaps(Protocol):
    """A network that can say where on an image it sees a class, as localization asks."""

    def class_maps(self, images: Tensor) -> Tensor:
        """Maps [N, classes, h, w] of normalised images [N, C, H, W].

        The mean of a class's map is its logit, and the cells lie as those of the last feature map do.
        """
        ...  # pragma: no cover


class Classifier(nn.Module):
    """A fully convolutional `features` module followed by global average pooling and a linear layer.

    Pooling and classifier are both linear, and so can change places: see `class_maps`.
    """

    def __init__(self, features: nn.Module, channels: int, classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.features = features
        self.pool = GlobalAverage()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, classes)

    def class_maps(self, images: Tensor) -> Tensor:
        """Apply the classifier at each position of the last map: [N, classes, h, w].

        The mean of a class's map is its logit; dropout, of training alone, has no part in it.

        Source: Zhou et al. 2016, "Learning deep features for discriminative localization"; without further
        training Yu, Koltun & Funkhouser 2017, section 3.
        """
        weight, bias = self.classifier.weight, self.classifier.bias
        return F.conv2d(self.features(images), weight[:, :, None, None], bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, classes] of normalised images [N, C, H, W]."""
        logits: Tensor = self.classifier(self.dropout(self.pool(self.features(images))))
        return logits


class GlobalAverage(nn.Module):
    """Global average pooling, [N, C, H, W] to [N, C]."""

    def forward(self, features: Tensor) -> Tensor:
        """The mean over all positions.

        As a sum: its gradient is a view, while that of nn.AdaptiveAvgPool2d comes back in the other memory
        format, with which the ReLU before it takes twice as long on a CPU.
        """
        return features.sum((2, 3)) / (features.shape[2] * features.shape[3])


class ReLU(nn.ReLU):
    """`nn.ReLU`, in place but for bf16, in which that takes a CPU several times as long."""

    def forward(self, features: Tensor) -> Tensor:
        """Of each number the larger of it and 0."""
        return F.relu(features, inplace=features.dtype != torch.bfloat16)


def last_map_of(network: nn.Module, traced: Trace) -> str | None:
    """The module whose output is the last feature map [C, h, w]; None where no module puts out one."""
    if isinstance(network, Classifier):
        return LAST_MAP
    name = traced.last_map.module
    return name if name and traced.layer(name).centre_position is not None else None
