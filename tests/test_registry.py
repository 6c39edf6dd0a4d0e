"""That every family can be built or read, and that anyone may add one."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.families import families
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.spacing import SpacingConfig
from dilated_cifar.data.splits import load
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.registry import builder_of, data_set, network, reader_of


@dataclass
class OneLayerConfig(ModelConfig):
    family: str = "one_layer"
    width: int = 4


@network(OneLayerConfig)
def build_one_layer(config: OneLayerConfig, classes: int, input_size: tuple[int, int, int]) -> Classifier:
    return Classifier(nn.Conv2d(input_size[0], config.width, 1), config.width, classes)


@dataclass
class GreyConfig(SpacingConfig):
    family: str = "grey"


@data_set(GreyConfig)
def read_grey(
    config: GreyConfig, wanted: Collection[str], **_: object
) -> tuple[dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]], list[str]]:
    sizes = {"train": config.train, "validation": config.validation, "test": config.test}
    arrays = {
        name: (np.full((sizes[name], *config.input_size), 128, np.uint8), np.arange(sizes[name]) % 10)
        for name in wanted
    }
    return arrays, config.class_names


def test_every_built_in_family_has_its_function() -> None:
    for config in families(ModelConfig).values():
        assert callable(builder_of(config()))
    for config in families(DataConfig).values():
        assert callable(reader_of(config()))


def test_a_network_of_ones_own_is_built_by_its_configuration() -> None:
    logits = build(OneLayerConfig(width=7), 5)(torch.zeros(2, 3, 8, 8))
    assert logits.shape == (2, 5)


def test_a_data_set_of_ones_own_is_read_by_its_configuration() -> None:
    splits = load(GreyConfig(train=20, validation=10, test=10, train_subset=10))
    assert len(splits.train) == 20
    assert splits.class_names == GreyConfig().class_names
    assert int(splits.test.images.min()) == 128
