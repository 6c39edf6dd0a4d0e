"""The choice `data=`: which images there are, and what is known of them before one is read."""

from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Self

from dilated_cifar.config.base import Choice, require, require_seed
from dilated_cifar.config.limits import MOST_IMAGES

FARTHEST = 1_000
"""How far normalisation may move or scale colours, which lie between 0 and 1."""

Colours = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each colour over all pixels, on the scale from 0 to 1."""


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
