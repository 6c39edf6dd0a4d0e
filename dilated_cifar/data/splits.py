"""The splits of a data set: what is trained on, what chooses the weights, what is looked at once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.config.data import DataConfig
from dilated_cifar.data import cifar10, cifar100, folder, spacing  # noqa: F401  # each registers its reader
from dilated_cifar.data.randomness import stratified_order, stratified_parts
from dilated_cifar.errors import UserError
from dilated_cifar.registry import reader_of, settler_of

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]

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
    arrays, class_names = _read(config, ("train", "validation", "test"), progress=progress)
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
    arrays, _ = _read(config, (source,), progress=progress)
    if source not in arrays:
        raise UserError(f"split={name}: there is none, data.validation={config.validation}; write split=test")
    split = _to_split(*arrays[source])
    return _take_subset(split, config) if name == "train_subset" else split


def _read(
    config: DataConfig, wanted: Collection[str], *, progress: bool
) -> tuple[dict[str, Arrays], list[str]]:
    """The wanted ones of train, validation and test, the first two divided where there is a fold."""
    read = reader_of(config)
    if config.fold is None:
        found: tuple[dict[str, Arrays], list[str]] = read(config, wanted, progress=progress)
        return found
    divided = [name for name in wanted if name != "test"]
    others = {name for name in wanted if name == "test"} | ({"train"} if divided else set())
    arrays, class_names = read(config.undivided, others, progress=progress)
    if divided:
        images, labels = arrays.pop("train")
        for name, numbers in divide(labels, config).items():
            if name in divided:
                arrays[name] = images[numbers], labels[numbers]
    return arrays, class_names


def divide(labels: NDArray[np.int64], config: DataConfig) -> dict[str, NDArray[np.int64]]:
    """The numbers of the images that a fold holds out for validation, and of those it leaves for training.

    The folds depend on `data.split_seed` alone, not on the seed of a run.

    Args:
        labels: `[N]`, of all images that the folds divide.
        config: Of a data set with a fold.

    Raises:
        UserError: there are fewer images than folds.
    """
    assert config.fold is not None
    if len(labels) < config.folds:
        raise UserError(
            f"data.folds={config.folds}: expected at most {len(labels)}, the images to divide; "
            "write data.folds=2"
        )
    seed = config.split_seed
    held_out = stratified_parts(labels, config.folds, "folds", seed)[config.fold]
    rest = np.setdiff1d(np.arange(len(labels)), held_out)
    order = stratified_order(labels[rest], "fold training", seed, config.fold)
    return {"validation": held_out, "train": rest[np.sort(order[: config.most_trained])]}


def _to_split(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> Split:
    return Split(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels))


def _take_subset(train: Split, config: DataConfig) -> Split:
    order = stratified_order(train.labels.numpy(), "train subset", config.split_seed)
    indices = torch.from_numpy(np.sort(order[: config.train_subset]))
    return Split(train.images[indices], train.labels[indices])
