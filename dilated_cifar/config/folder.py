"""Pictures of the user's own in folders, one a class."""

from dataclasses import dataclass, field
from typing import Self

from dilated_cifar.config.base import require
from dilated_cifar.config.data import Colours, DataConfig
from dilated_cifar.config.limits import MOST_IMAGES
from dilated_cifar.errors import UserError

SMALLEST, LARGEST = 8, 512  # pixels
MOST_CLASSES = 500
LONGEST_NAME = 100


@dataclass
class FolderConfig(DataConfig):
    """Pictures in `train/CLASS/`, optionally `validation/CLASS/` and `test/CLASS/`, or in a list, FILE.csv.

    What null or an empty list stands for is found in the pictures before a run begins, and saved with it.
    """

    family: str = "folder"
    """Which loader reads the images; fixed by the choice of `data=`."""

    root: str | None = None
    """Folder with the folder train, whose folders are the classes, and optionally with validation and test;
    or a list FILE.csv with the columns path, class and (optionally) split."""

    size: int = 32
    """Side in pixels to which pictures are scaled, after the largest central square was cut out."""

    channels: int = 3
    """3 for colours, 1 for grey."""

    validation: int = -1
    """Images held out of the training pictures, the same number of each class; -1: those of the folder
    validation (or val), else a tenth; 0: none, and the last weights are selected."""

    test: int | None = None
    """Test images held out of the training pictures; null: those of the folder test, else a tenth."""

    train: int | None = None
    """Train on this many images only; null: on all that are left."""

    mean: list[float] = field(default_factory=list)
    """What normalisation subtracts from each channel; [] for the mean of the training split."""

    std: list[float] = field(default_factory=list)
    """What normalisation then divides by; [] for the standard deviation over the training split."""

    names: list[str] = field(default_factory=list)
    """Found: the classes."""

    contents: str = ""
    """Found: a checksum of all pictures with their names; with other pictures a run is refused."""

    pictures: int = 0
    """Found: how many pictures the folds divide; 0 without a fold."""

    colour_mean: list[float] = field(default_factory=list)
    """Found: the mean of each channel over the training split."""

    colour_std: list[float] = field(default_factory=list)
    """Found: the standard deviation of each channel over the training split."""

    def __post_init__(self) -> None:
        """Refuse values that no pictures can serve."""
        super().__post_init__()
        self._require(
            SMALLEST <= self.size <= LARGEST, "size", f"{SMALLEST} to {LARGEST} pixels; write data.size=64"
        )
        self._require(self.channels in (1, 3), "channels", "3 for colours or 1 for grey")
        for key, value in (("data.train", self.train), ("data.test", self.test)):
            expected = f"a whole number from 1 to {MOST_IMAGES:,}, or null"
            require(value is None or 1 <= value <= MOST_IMAGES, key, value, expected)
        if self.settled:
            require_class_names(self.names, "data.names")
            for key, values in (("colour_mean", self.colour_mean), ("colour_std", self.colour_std)):
                self._require(
                    len(values) == self.channels and all(0 <= value <= 1 for value in values),
                    key,
                    "one number from 0 to 1 for each channel, as a run saves them",
                )
            for key in ("train" if self.fold is None else "pictures", "test"):
                expected = "a number beside data.names, as a run saves it"
                self._require(bool(getattr(self, key)), key, expected)

    @property
    def undivided(self) -> Self:
        """The same pictures without their fold; `train` limits what a fold leaves, not what is divided."""
        return self._undivided(train=self.pictures or None)

    @property
    def most_trained(self) -> int | None:
        """As many as `train` says."""
        return self.train

    @property
    def settled(self) -> bool:
        """Whether the pictures were looked at."""
        return bool(self.names)

    @property
    def class_names(self) -> list[str]:
        """The folders of the classes, in the order of their names."""
        if not self.settled:
            raise UserError("data.names=[]: expected the classes, which the configuration of a run names")
        return list(self.names)

    @property
    def input_size(self) -> tuple[int, int, int]:
        """Channels and the chosen size, square."""
        return (self.channels, self.size, self.size)

    @property
    def colours(self) -> Colours:
        """Over all pixels of the training split."""
        return tuple(self.colour_mean), tuple(self.colour_std)

    @property
    def training_images(self) -> int:
        """As many as are left for training; before the pictures were looked at, no number is too high."""
        return MOST_IMAGES if self.train is None else self.train


def require_class_names(names: list[str], told: str) -> None:
    """Raise a UserError, which begins with `told`, unless these are the names of classes."""
    if len(names) < 2:
        listed = f"only the class {names[0]}" if names else "no class"
        raise UserError(f"{told}: {listed}; expected a folder for each of two classes or more")
    if len(names) > MOST_CLASSES:
        raise UserError(f"{told}: {len(names):,} classes; expected at most {MOST_CLASSES}")
    for name in names:
        if not name.isprintable() or not name.strip() or len(name) > LONGEST_NAME or "${" in name:
            raise UserError(
                f"{told}: {name[:LONGEST_NAME]!r} is no name of a class; expected up to {LONGEST_NAME} "
                "printable characters without ${"
            )
    if len(set(names)) < len(names):
        raise UserError(f"{told}: a class stands there twice; expected each once")
