"""Images drawn by code: the class is the distance between two dots."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import require, require_seed
from dilated_cifar.config.data import Colours, DataConfig
from dilated_cifar.config.limits import MOST_IMAGES

SIDE = 32
COLOURS = ((0.5, 0.5, 0.5), (0.135, 0.135, 0.135))


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

    mean: list[float] = field(default_factory=lambda: list(COLOURS[0]))
    """What normalisation subtracts from red, green and blue, on the scale from 0 (black) to 1."""

    std: list[float] = field(default_factory=lambda: list(COLOURS[1]))
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
            self.largest <= SIDE // 2,
            "largest",
            f"at most {SIDE // 2} pixels; write data.largest=11",
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
        return (3, SIDE, SIDE)

    @property
    def colours(self) -> Colours:
        """With the default noise and shading."""
        return COLOURS

    @property
    def training_images(self) -> int:
        """As many as are drawn."""
        return self.train


def _require_amplitude(key: str, value: float, usual: float) -> None:
    expected = f"a number from 0 to 0.5 (1 is the step from black to white); write {key}={usual}"
    require(0 <= value <= 0.5, key, value, expected)  # also refuses nan
