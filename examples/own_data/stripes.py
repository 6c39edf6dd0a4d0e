"""A data set of one's own: grey images of stripes, drawn by code; the class is their direction.

python train.py plugin=examples/own_data/stripes.py data=stripes model=plain
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.config.data import Colours, DataConfig
from dilated_cifar.data.randomness import derive_seed
from dilated_cifar.registry import data_set, offer

offer(Path(__file__).with_name("conf"))

DIRECTIONS = ["across", "rising", "upright", "falling"]


@dataclass
class StripesConfig(DataConfig):
    """Stripes in four directions, of random width, place and contrast, with noise."""

    family: str = "stripes"
    validation: int = 200
    """Further images, drawn like the training images, to choose the best weights."""
    mean: list[float] = field(default_factory=lambda: [0.5])
    """What normalisation subtracts."""
    std: list[float] = field(default_factory=lambda: [0.25])
    """What normalisation then divides by."""
    size: int = 24
    """Side of an image in pixels."""
    train: int = 2_000
    """Training images to draw."""
    test: int = 400
    """Test images to draw."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(16 <= self.size <= 128, "size", "16 to 128 pixels")
        self._require(1 <= self.train <= 100_000, "train", "1 to 100,000 images")
        self._require(1 <= self.test <= 100_000, "test", "1 to 100,000 images")

    @property
    def class_names(self) -> list[str]:
        """The directions."""
        return DIRECTIONS

    @property
    def input_size(self) -> tuple[int, int, int]:
        """One channel of grey."""
        return (1, self.size, self.size)

    @property
    def colours(self) -> Colours:
        """About those of all images."""
        return (0.5,), (0.25,)

    @property
    def training_images(self) -> int:
        """As many as are drawn."""
        return self.train


@data_set(StripesConfig)
def read(
    config: StripesConfig, wanted: Collection[str], *, progress: bool = True
) -> tuple[dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]], list[str]]:
    """Draw the wanted ones of the splits train, validation and test: images and labels of each."""
    del progress  # there is nothing to wait for
    sizes = {"train": config.train, "validation": config.validation, "test": config.test}
    return {name: draw(config, name, sizes[name]) for name in wanted if sizes[name]}, config.class_names


def draw(config: StripesConfig, name: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 `[count, 1, size, size]` of a split, always the same ones, and labels `[count]`."""
    rng = np.random.default_rng(derive_seed("stripes", name))
    labels = np.arange(count) % len(DIRECTIONS)
    angle = labels[:, None, None] * np.pi / len(DIRECTIONS)
    width, shift = rng.uniform(3, 8, (count, 1, 1)), rng.uniform(0, 2 * np.pi, (count, 1, 1))
    rows, columns = np.mgrid[: config.size, : config.size]
    waves = np.cos(2 * np.pi * (rows * np.cos(angle) + columns * np.sin(angle)) / width + shift)
    contrast = rng.uniform(0.1, 0.4, (count, 1, 1))
    grey = 0.5 + contrast * waves + rng.normal(0, 0.1, waves.shape)
    return (255 * grey.clip(0, 1)).astype(np.uint8)[:, None], labels
