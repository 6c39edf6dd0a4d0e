"""What the configurations of CIFAR-10 and CIFAR-100 share."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

from dilated_cifar.config.base import expanded, require
from dilated_cifar.config.data import DataConfig, fold_size

TRAINING_IMAGES, TEST_IMAGES = 50_000, 10_000


@dataclass
class CifarConfig(DataConfig):
    """What CIFAR-10 and CIFAR-100 have in common: 50,000 training and 10,000 test images of 32x32 pixels."""

    folder: ClassVar[str]
    """The one that the archive unpacks; the archive is FOLDER's name with another ending."""
    meta: ClassVar[str]
    """The file in it with the names of the classes."""
    variable: ClassVar[str]
    """The environment variable that names the folder above."""

    root: str | None = None
    """Folder that holds the unpacked files or the archive, or is to receive them; null: the environment
    variable CIFAR10_ROOT or CIFAR100_ROOT, else ./data."""

    download: bool = True
    """Download the archive (170 MB) where the files are missing; false: stop with a message instead."""

    addresses: list[str] = field(default_factory=list)
    """Where the archive may be had, tried in order. Whoever sends it, its MD5 must be right."""

    train: int | None = None
    """Train on this many images only, the same number of each class (they come on top of `validation`);
    null: on all that validation leaves."""

    test: int | None = None
    """Test on this many images only, the same number of each class; null: on all 10,000."""

    def __post_init__(self) -> None:
        """Refuse what does not fit the 50,000 and 10,000 images."""
        super().__post_init__()
        self._require(
            self.validation < TRAINING_IMAGES,
            "validation",
            f"fewer than the {TRAINING_IMAGES:,} training images; write data.validation=5000",
        )
        held_out = self.validation
        if self.fold is not None:
            held_out = fold_size(TRAINING_IMAGES, self.fold, self.folds)
        left = TRAINING_IMAGES - held_out
        self._require(
            self.train is None or 1 <= self.train <= left,
            "train",
            f"1 to {left:,} ({TRAINING_IMAGES:,} minus {held_out:,} for validation); "
            "write data.train=null for all",
        )
        self._require(
            self.test is None or 1 <= self.test <= TEST_IMAGES,
            "test",
            f"1 to {TEST_IMAGES:,}; write data.test=null for all",
        )
        self._require(
            bool(self.addresses) or not self.download,
            "addresses",
            "at least one address; write data.download=false for no download",
        )
        for address in self.addresses:
            require(
                address.startswith(("https://", "http://")),
                "data.addresses",
                address,
                "addresses that begin with https:// or http://; "
                "write data.root=FOLDER for files that are already here",
            )

    def at(self, root: str | None, *, download: bool) -> Self:
        """The same data set, looked for where a command says.

        Where the run had it counts only if it is there: a configuration from elsewhere neither says where a
        download goes nor where from.
        """
        there = self.root and (self.place / self.folder).is_dir()
        own = self.root if there else None
        return replace(self, root=root or own, download=download, addresses=type(self)().addresses)

    @property
    def place(self) -> Path:
        """In which folder the files are or belong: `root`, else the environment variable, else `./data`.

        The folder of the files itself will do, too.
        """
        root = expanded(self.root or os.environ.get(self.variable) or "data")
        return root.parent if (root / self.meta).is_file() else root

    @property
    def undivided(self) -> Self:
        """The same data set without its fold; `train` limits what a fold leaves, not what is divided."""
        return self._undivided(train=None)

    @property
    def most_trained(self) -> int | None:
        """As many as `train` says."""
        return self.train

    @property
    def input_size(self) -> tuple[int, int, int]:
        """Red, green and blue of 32x32 pixels."""
        return (3, 32, 32)

    @property
    def training_images(self) -> int:
        """What validation leaves of the 50,000, unless `train` says fewer."""
        return TRAINING_IMAGES - self.validation if self.train is None else self.train
