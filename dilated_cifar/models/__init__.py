"""Networks: a configuration in, a module from images to logits out."""

from collections.abc import Callable
from typing import Any

from dilated_cifar.config.model import CnnConfig, DrnConfig, ModelConfig, ResNetConfig
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.models.cnn import build_cnn
from dilated_cifar.models.drn import build_drn
from dilated_cifar.models.resnet import build_resnet

NETWORKS: dict[type[ModelConfig], Callable[[Any, int], Classifier]] = {
    CnnConfig: build_cnn,
    ResNetConfig: build_resnet,
    DrnConfig: build_drn,
}


def build(config: ModelConfig, classes: int) -> Classifier:
    """The network that `config` describes.

    Initial weights come from torch's global generator.
    """
    return NETWORKS[type(config)](config, classes)
