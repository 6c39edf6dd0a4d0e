"""What `explain` may be told."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from dilated_cifar.config.base import require_seed
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.limits import MOST_IMAGES
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.rates import RatesConfig

MOST_CONTROLS = 1_000


@dataclass
class ExplainConfig(RatesConfig):
    """Which network, rates or runs are explained; of runs, their own networks are."""

    model: ModelConfig = MISSING
    layer: str = "features"
    """The layer whose unit is inspected; `features` is the last feature map."""
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
        self.model.require_fit(min(Cifar10Config().input_size[1:]))
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
        self._require(
            not self.images or bool(self.checkpoint),
            "images",
            "a trained network to show them to; write the folder of its run first, such as outputs/NAME",
        )
