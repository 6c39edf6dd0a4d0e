"""Pictures in folders or in a list: found, decoded once into the cache, divided, measured."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.config.base import expanded
from dilated_cifar.config.folder import FolderConfig
from dilated_cifar.data.decoded import Decoded, decoded
from dilated_cifar.data.listing import Listing, list_pictures
from dilated_cifar.data.randomness import stratified_order
from dilated_cifar.errors import UserError
from dilated_cifar.registry import data_set

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
CHUNK = 1000  # images measured at once


@dataclass(frozen=True)
class Source:
    """Where the images of a split are: of which folder, and which of them; None for all."""

    folder: str
    numbers: NDArray[np.int64] | None
    count: int

    def take(self, found: Decoded) -> Arrays:
        """The images and labels; where all of a folder is wanted, the mapped file itself."""
        images, labels = found.images[self.folder], found.labels[self.folder]
        return (images, labels) if self.numbers is None else (images[self.numbers], labels[self.numbers])


def settle(config: FolderConfig, *, progress: bool = True) -> FolderConfig:
    """Fill in what is found in the pictures: classes, numbers, checksum, colours of the training split.

    With a fold, the colours are those of all pictures that the folds divide, so that they are one experiment.

    Raises:
        UserError: folders or pictures are not as expected.
    """
    listing, found = _find(config, progress=progress)
    if config.fold is not None and "validation" in found.labels:
        raise UserError(
            f"data.fold={config.fold}: expected pictures without a validation split of their own; leave "
            "data.fold out, or move the folder validation into train"
        )
    sources = divide(config.undivided, found.labels)
    mean, std = measure(sources["train"].take(found)[0])
    count = sources["train"].count
    return replace(
        config,
        train=count if config.fold is None else config.train,
        pictures=0 if config.fold is None else count,
        validation=sources["validation"].count if "validation" in sources else 0,
        test=sources["test"].count,
        names=listing.names,
        contents=found.key,
        colour_mean=mean,
        colour_std=std,
        mean=config.mean or mean,
        # A channel of one value, as in pictures of pure black, has nothing to divide by.
        std=config.std or [value or 1.0 for value in std],
    )


@data_set(FolderConfig, settle=settle)
def read(
    config: FolderConfig, wanted: Collection[str], *, progress: bool = True
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted ones of the splits train, validation and test.

    Returns:
        For each wanted split its images `[N, C, size, size]` and labels `[N]`, and the names of the classes.

    Raises:
        UserError: folders or pictures are not as expected, or not those of the run.
    """
    listing, found = _find(config, progress=progress)
    if config.settled and (found.key, listing.names) != (config.contents, config.names):
        raise UserError(
            f"data.root={config.root}: holds other pictures than those of this run; write data.root=FOLDER "
            "for the folder with those"
        )
    sources = divide(config, found.labels)
    return {name: source.take(found) for name, source in sources.items() if name in wanted}, listing.names


def divide(config: FolderConfig, labels: Mapping[str, NDArray[np.int64]]) -> dict[str, Source]:
    """Say which pictures make each split.

    Args:
        config: How many are held out.
        labels: `[N]` of each folder there is: train, and where they are there validation and test.

    Raises:
        UserError: more are asked for than there are.
    """
    own = labels["train"]
    sources: dict[str, Source] = {}
    order = stratified_order(own, "folder", config.split_seed)
    taken = 0
    for name in ("test", "validation"):
        asked = config.test if name == "test" else _asked(config.validation)
        if name in labels:
            there = len(labels[name])
            if asked not in (None, there) and not (name == "validation" and asked == 0):
                raise UserError(
                    f"data.{name}={asked}: expected the {there} pictures of the folder {name}; leave it out"
                )
            if asked != 0:
                sources[name] = Source(name, None, there)
            continue
        count = max(1, len(own) // 10) if asked is None else asked
        if taken + count >= len(own):
            raise UserError(
                f"data.{name}={asked}: {taken + count} of the {len(own)} training pictures would "
                f"be held out; expected fewer; write data.{name}={max(1, len(own) // 10)}"
            )
        if count:
            sources[name] = Source("train", np.sort(order[taken : taken + count]), count)
        taken += count
    left = len(own) - taken
    if config.train is not None and config.train > left:
        raise UserError(f"data.train={config.train}: expected at most the {left} pictures that are left")
    count = left if config.train is None else config.train
    numbers = None if count == len(own) else np.sort(order[taken : taken + count])
    return {"train": Source("train", numbers, count), **sources}


def _asked(validation: int) -> int | None:
    return None if validation < 0 else validation


def measure(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over all pixels of uint8 `[N, C, H, W]`, from 0 to 1."""
    channels = images.shape[1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for first in range(0, len(images), CHUNK):
        for channel in range(channels):
            part = images[first : first + CHUNK, channel]
            counts[channel] += np.bincount(part.reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    means = [float(np.average(levels, weights=each)) for each in counts]
    variances = [
        float(np.average((levels - mean) ** 2, weights=each))
        for mean, each in zip(means, counts, strict=True)
    ]
    return [round(mean, 4) for mean in means], [round(variance**0.5, 4) for variance in variances]


def _find(config: FolderConfig, *, progress: bool) -> tuple[Listing, Decoded]:
    """The pictures of `data.root`, decoded."""
    if config.root is None:
        raise UserError(
            "data.root=null: expected a folder with train/CLASS/PICTURE, or a list FILE.csv; write "
            "data.root=FOLDER"
        )
    listing = list_pictures(expanded(config.root), f"data.root={config.root}")
    return listing, decoded(listing, config.channels, config.size, progress=progress)
