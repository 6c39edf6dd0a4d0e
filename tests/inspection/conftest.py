from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from dilated_cifar.config.model import CnnConfig, ModelConfig
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.inspection.control import random_network
from dilated_cifar.models.classifier import Classifier


@pytest.fixture(scope="session")
def machine() -> Machine:
    return choose_machine("cpu")


@pytest.fixture(scope="session")
def inputs(machine: Machine) -> Tensor:
    """Twelve normalised images of noise, [12, 3, 32, 32]."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (12, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return normalize(images, [0.5] * 3, [0.25] * 3).contiguous(memory_format=machine.memory_format)


@pytest.fixture(scope="session")
def stack() -> Callable[..., CnnConfig]:
    """A narrow network with one convolution for each rate."""

    def make(*rates: int, padding: str = "valid") -> CnnConfig:
        return CnnConfig(channels=[8] * len(rates), dilations=list(rates), padding=padding)

    return make


@pytest.fixture(scope="session")
def initialised(inputs: Tensor, machine: Machine) -> Callable[..., Classifier]:
    """A randomly initialised network whose norms have seen `inputs`."""

    def make(config: ModelConfig, seed: int = 0) -> Classifier:
        return random_network(config, 10, inputs, machine, seed)

    return make


@pytest.fixture(scope="session")
def panels() -> Callable[[Figure], list[tuple[str, np.ma.MaskedArray]]]:
    """Title and drawn numbers of every picture in a figure."""

    def read(figure: Figure) -> list[tuple[str, np.ma.MaskedArray]]:
        return [(axes.get_title(), axes.images[-1].get_array()) for axes in figure.axes if axes.images]

    return read
