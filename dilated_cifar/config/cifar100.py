"""CIFAR-100, with its fine or its coarse labels."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import require_one_of
from dilated_cifar.config.cifar import CifarConfig
from dilated_cifar.config.data import Colours

FINE = [
    "apple",
    "aquarium_fish",
    "baby",
    "bear",
    "beaver",
    "bed",
    "bee",
    "beetle",
    "bicycle",
    "bottle",
    "bowl",
    "boy",
    "bridge",
    "bus",
    "butterfly",
    "camel",
    "can",
    "castle",
    "caterpillar",
    "cattle",
    "chair",
    "chimpanzee",
    "clock",
    "cloud",
    "cockroach",
    "couch",
    "crab",
    "crocodile",
    "cup",
    "dinosaur",
    "dolphin",
    "elephant",
    "flatfish",
    "forest",
    "fox",
    "girl",
    "hamster",
    "house",
    "kangaroo",
    "keyboard",
    "lamp",
    "lawn_mower",
    "leopard",
    "lion",
    "lizard",
    "lobster",
    "man",
    "maple_tree",
    "motorcycle",
    "mountain",
    "mouse",
    "mushroom",
    "oak_tree",
    "orange",
    "orchid",
    "otter",
    "palm_tree",
    "pear",
    "pickup_truck",
    "pine_tree",
    "plain",
    "plate",
    "poppy",
    "porcupine",
    "possum",
    "rabbit",
    "raccoon",
    "ray",
    "road",
    "rocket",
    "rose",
    "sea",
    "seal",
    "shark",
    "shrew",
    "skunk",
    "skyscraper",
    "snail",
    "snake",
    "spider",
    "squirrel",
    "streetcar",
    "sunflower",
    "sweet_pepper",
    "table",
    "tank",
    "telephone",
    "television",
    "tiger",
    "tractor",
    "train",
    "trout",
    "tulip",
    "turtle",
    "wardrobe",
    "whale",
    "willow_tree",
    "wolf",
    "woman",
    "worm",
]
COARSE = [
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
]
COLOURS = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
"""Mean and deviation of the training set as github.com/weiaicunzai/pytorch-cifar100 has them."""


@dataclass
class Cifar100Config(CifarConfig):
    """CIFAR-100 (Krizhevsky 2009): 100 classes in 20 superclasses."""

    folder, meta, variable = "cifar-100-python", "meta", "CIFAR100_ROOT"

    family: str = "cifar100"
    """Which loader reads the images; fixed by the choice of `data=`."""

    labels: str = "fine"
    """`fine`: 100 classes of 500 training images each; `coarse`: the 20 superclasses of five classes each."""

    mean: list[float] = field(default_factory=lambda: list(COLOURS[0]))
    """What normalisation subtracts from red, green and blue: the mean of the training set."""

    std: list[float] = field(default_factory=lambda: list(COLOURS[1]))
    """What normalisation then divides by: the standard deviation over all pixels of the training set."""

    addresses: list[str] = field(
        default_factory=lambda: [
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-100-python.tar.gz",
        ]
    )
    """Where cifar-100-python.tar.gz may be had, tried in order: two servers of its authors. Whoever sends
    it, its MD5 must be right."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of(self.labels, ["fine", "coarse"], "data.labels")

    @property
    def class_names(self) -> list[str]:
        """As the file meta names them."""
        return list(FINE if self.labels == "fine" else COARSE)

    @property
    def colours(self) -> Colours:
        """Over all pixels of the training set."""
        return COLOURS
