"""The splits of a data set: what is trained on, what chooses the weights, what is looked at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dilated_cifar.config.data import DataConfig
from dilated_cifar.data import cifar10, cifar100, folder, spacing  # noqa: F401  # each registers its reader
from dilated_cifar.data.randomness import stratified_order
from dilated_cifar.errors import UserError
from dilated_cifar.registry import reader_of, settler_of

SPLIT_NAMES = ("train", "validation", "test", "train_subset")


@dataclass(frozen=True)
class Split:
    """Images and their classes, on one device."""

    images: Tensor
    """uint8 `[N, C, H, W]`."""

    labels: Tensor
    """int64 `[N]`."""

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Split":
        """Copy both to a device; nothing is copied where they are already there."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Splits:
    """All that a run sees of its data set."""

    train: Split
    validation: Split | None
    test: Split
    train_subset: Split
    """The fixed part of `train` that is measured as `validation` is: unaugmented, in eval mode."""

    class_names: list[str]

    @property
    def held_out(self) -> tuple[str, Split]:
        """The split whose curve is drawn, with its name: validation, or test where nothing is held out."""
        return ("test", self.test) if self.validation is None else ("validation", self.validation)

    def to(self, device: torch.device | str) -> "Splits":
        """Copy all of them to a device."""
        validation = None if self.validation is None else self.validation.to(device)
        return Splits(
            self.train.to(device),
            validation,
            self.test.to(device),
            self.train_subset.to(device),
            self.class_names,
        )


def load(config: DataConfig, *, progress: bool = True) -> Splits:
    """Find or make the images of all splits.

    Args:
        config: the choice `data=`.
        progress: show a bar while something is downloaded.

    Raises:
        UserError: files are missing and cannot be had, or are damaged.
    """
    arrays, class_names = reader_of(config)(config, ("train", "validation", "test"), progress=progress)
    splits = {name: _to_split(images, labels) for name, (images, labels) in arrays.items()}
    subset = _take_subset(splits["train"], config)
    return Splits(splits["train"], splits.get("validation"), splits["test"], subset, class_names)


def settled(config: DataConfig, *, progress: bool = True) -> DataConfig:
    """The configuration of a data set with what is found in its images, such as the classes and colours.

    Raises:
        UserError: the images cannot be had, or are not as expected.
    """
    return config if config.settled else settler_of(config)(config, progress=progress)


def load_split(config: DataConfig, name: str, *, progress: bool = True) -> Split:
    """Find or make the images of one split only: the same ones that `load` gives.

    Raises:
        UserError: there is no such split, its images are missing and cannot be had, or are damaged.
    """
    if name not in SPLIT_NAMES:
        raise UserError(f"split={name}: expected one of {', '.join(SPLIT_NAMES)}; write split=test")
    source = "train" if name == "train_subset" else name
    arrays, _ = reader_of(config)(config, (source,), progress=progress)
    if source not in arrays:
        raise UserError(f"split={name}: there is none, data.validation={config.validation}; write split=test")
    split = _to_split(*arrays[source])
    return _take_subset(split, config) if name == "train_subset" else split


def _to_split(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> Split:
    return Split(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels))


def _take_subset(train: Split, config: DataConfig) -> Split:
    order = stratified_order(train.labels.numpy(), "train subset", config.split_seed)
    indices = torch.from_numpy(np.sort(order[: config.train_subset]))
    return Split(train.images[indices], train.labels[indices])
