"""The choice `data=`: which images there are, and what is known of them before one is read."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from dilated_cifar.config.base import Choice, require, require_seed
from dilated_cifar.config.limits import MOST_IMAGES

FOLDS, MOST_FOLDS = 5, 100
FARTHEST = 1_000
"""How far normalisation may move or scale colours, which lie between 0 and 1."""

Colours = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each colour over all pixels, on the scale from 0 to 1."""


def fold_size(images: int, fold: int, folds: int) -> int:
    """How many of some images a fold is: of parts as equal as can be, the first ones are the larger ones."""
    return images // folds + (fold < images % folds)


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

    fold: int | None = None
    """Cross-validation: which of `folds` equal parts of the training images, from 0, is the validation split;
    the rest is trained on. The part measures and chooses nothing: the last weights are selected, and
    `validation` becomes 0. null: no cross-validation."""

    folds: int = FOLDS
    """Into how many parts the training images are divided for `fold`: disjoint, each with the same share of
    every class."""

    split_seed: int = 0
    """Seed of the choice of the validation split, of the folds and of the training subset; apart from `seed`,
    so that runs with different seeds are measured on the same images."""

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
        self._require_fold()
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

    def _require_fold(self) -> None:
        """Refuse folds that there are not; with one, nothing else is held out."""
        self._require(
            2 <= self.folds <= MOST_FOLDS,
            "folds",
            f"a whole number from 2 to {MOST_FOLDS}; write data.folds=5",
        )
        if self.fold is None:
            self._require(
                self.folds == FOLDS, "folds", f"data.fold beside it; write data.fold=0, or data.folds={FOLDS}"
            )
            return
        self._require(
            0 <= self.fold < self.folds,
            "fold",
            f"0 to {self.folds - 1} (data.folds={self.folds}), or null; write data.fold=0",
        )
        vars(self)["validation"] = 0

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
    def held_out(self) -> str:
        """The split that stands beside the training split in curves: test where there is no validation."""
        return "validation" if self.validation or self.fold is not None else "test"

    @property
    def told_fold(self) -> str:
        """Which part is held out, as a log says it after the images; empty without a fold."""
        return "" if self.fold is None else f", fold {self.fold} of 0 to {self.folds - 1} held out"

    @property
    def undivided(self) -> Self:
        """The same data set without its fold: all the images that the folds divide are for training."""
        return self._undivided()

    def _undivided(self, **changes: Any) -> Self:
        return self if self.fold is None else replace(self, fold=None, folds=FOLDS, **changes)

    @property
    def most_trained(self) -> int | None:
        """To how many images training is limited, of those that a fold leaves; None for all of them."""
        return None

    @property
    def trained_on(self) -> int:
        """How many images a run trains on: `training_images`, or what its fold leaves of them."""
        if self.fold is None:
            return self.training_images
        images = self.undivided.training_images
        return self.most_trained or images - fold_size(images, self.fold, self.folds)

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
        """How many images the training split has; with `fold`, together with that part."""
        raise NotImplementedError  # each data set knows; this base is never chosen
