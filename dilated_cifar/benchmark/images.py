"""The images that a benchmark trains on: CIFAR-10 where it is on disk, else random ones."""

from dataclasses import replace

import torch

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.folder import FolderConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.errors import UserError

RANDOM = 10_000
"""Random images, as many as the test split has."""


def find_images(place: DataPlace) -> tuple[Split, bool]:
    """CIFAR-10's training split and true, or random images of its shape and false.

    Raises:
        UserError: the files are damaged, or they are asked for and cannot be had.
    """
    config = Cifar10Config(root=place.root, download=place.download)
    there = (config.place / config.folder).is_dir()
    if not (there or place.root or place.download):
        return random_images(32), False
    return load_split(config, "train"), True


def random_images(side: int) -> Split:
    """Random images of ten classes, uint8 `[10000, 3, side, side]`."""
    generator = torch.Generator().manual_seed(0)
    # As many values as 32x32 images have: larger images are fewer.
    count = max(1000, RANDOM * 32**2 // side**2)
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)
    return Split(images, torch.randint(0, 10, (count,), generator=generator))


def with_side(config: Config, side: int) -> Config:
    """The configuration for images of that side, as pictures of one's own have."""
    data = config.data
    mean, std = (list(values) for values in data.colours)
    if len(mean) != 3:
        raise UserError(f"data has {len(mean)} channels; expected 3")
    return replace(
        config,
        data=FolderConfig(
            size=side, names=data.class_names, contents="0", train=RANDOM, test=1, validation=0,
            mean=mean, std=std, colour_mean=mean, colour_std=std,
        ),
    )  # fmt: skip
