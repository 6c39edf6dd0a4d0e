"""What `explain` may be told."""

from dataclasses import dataclass, field
from math import prod
from typing import Any

from omegaconf import MISSING

from dilated_cifar.config.base import require, require_seed
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.limits import MOST_IMAGES
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.rates import RatesConfig

MOST_CONTROLS = 1_000
LARGEST_INPUT = 2**24
"""Numbers of an image: 3 channels of 2364x2364."""


@dataclass
class ExplainConfig(RatesConfig):
    """Which network, rates or runs are explained; of runs, their own networks are."""

    model: ModelConfig = MISSING
    data: DataConfig = MISSING
    network: str | None = None
    """Any torch module to explain instead, by what builds it: MODULE:BUILDER, such as
    torchvision.models:resnet50, or FILE.py:BUILDER; on the command line only."""
    input: list[int] = field(default_factory=lambda: [3, 224, 224])
    """Channels, height and width of the images of network=."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the builder of network=, one by one: arguments.num_classes=21."""
    weights: str | None = None
    """File with a state dict for network=, saved by torch.save: plain tensors only."""
    layer: str = "features"
    """The layer whose unit is inspected; `features` is the last feature map, of any network."""
    position: list[int] | None = None
    """Row and column of the unit on that layer's map; null for the centre."""
    images: list[str] = field(default_factory=list)
    """Pictures, folders or patterns whose feature maps are drawn; none for a few test images."""
    samples: int = 200
    """Test images over which gradients and class maps are averaged."""
    controls: int = 5
    """Randomly initialised networks with which each checkpoint is compared."""
    seed: int = 0
    """Seed of the random initialisations."""
    details: bool = False
    """Print layer tables, rules and definitions as well; explanation.txt always holds them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.data.settled or bool(self.checkpoint or self.network or self.rates),
            "data",
            self.data.family,
            "a data set whose classes are known before its images are read; of this one, train and explain "
            "the run: outputs/NAME",
        )
        self.model.require_fit(min(self.data.input_size[1:]))
        self._require(
            self.position is None or (len(self.position) == 2 and min(self.position) >= 0),
            "position",
            "a row and a column from 0, such as 'position=[8,8]', or null for the centre",
        )
        self._require(
            2 <= self.samples <= MOST_IMAGES, "samples", f"a whole number from 2 to {MOST_IMAGES:,}"
        )
        self._require(
            2 <= self.controls <= MOST_CONTROLS, "controls", f"a whole number from 2 to {MOST_CONTROLS:,}"
        )
        require_seed(self.seed, "seed")
        self._check_network()
        self._require(
            not self.images or bool(self.checkpoint),
            "images",
            "a trained network to show them to; write the folder of its run first, such as outputs/NAME",
        )

    def _check_network(self) -> None:
        self._require(
            self.network is None or all(self.network.rpartition(":")),
            "network",
            "a module or file and what builds the network there, such as torchvision.models:resnet50 or "
            "FILE.py:make_net",
        )
        self._require(
            len(self.input) == 3 and min(self.input) >= 1 and prod(self.input) <= LARGEST_INPUT,
            "input",
            f"channels, height and width, such as 'input=[3,224,224]', up to {LARGEST_INPUT:,} numbers",
        )
        for key, value in (("arguments", self.arguments), ("weights", self.weights)):
            require(
                self.network is not None or not value,
                key,
                value,
                "a network beside it; write network=torchvision.models:resnet50 or network=FILE.py:BUILDER",
            )

    @property
    def input_size(self) -> tuple[int, int, int]:
        """`input` as channels, height and width."""
        channels, height, width = self.input
        return channels, height, width

    @property
    def data_place(self) -> DataPlace:
        """Where the data sets of runs lie; of `data`, they take nothing else."""
        chosen = vars(self.data)
        return DataPlace(chosen.get("root"), chosen.get("download", True))
