"""What `explain` may be told."""

from collections import Counter
from dataclasses import dataclass, field
from math import prod
from typing import Any

from omegaconf import MISSING

from dilated_cifar.config.base import as_typed, require, require_seed
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.evaluate import Place
from dilated_cifar.config.limits import LARGEST_FIELD, MOST_IMAGES, MOST_LAYERS
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.dilation.rates import check_rates, each_kernel, receptive_field
from dilated_cifar.errors import UserError

MOST_LISTS = 24
MOST_CONTROLS = 1_000
LARGEST_SEARCH = 300_000
"""Steps of the search for the nearest rates without holes, which takes seconds with so many."""


@dataclass
class ExplainConfig(Place):
    """Which network, rates or runs are explained; of runs, their own networks are."""

    model: ModelConfig = MISSING
    rates: Any = field(default_factory=list)
    """Dilation rates to judge instead of a network, [1,2,5], or lists of them side by side:
    [[1,2,5],[2,2,2]]."""
    kernel_size: Any = 3
    """Side of the kernels of these rates in pixels, odd or even; a list such as [3,2,3] for one a rate."""
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
        whole = [type(size) is int for size in each_kernel([0], self.kernel_size)]
        self._require(all(whole), "kernel_size", "a whole number such as 3, or one for each rate: [3,2,3]")
        self._require(
            bool(self.rate_lists) or self.kernel_size == 3,
            "kernel_size",
            "rates beside it; write 'rates=[1,2,5]', or model.kernel_size for a network",
        )
        self._require(len(self.rate_lists) <= MOST_LISTS, "rates", f"at most {MOST_LISTS} lists")
        for rates in self.rate_lists:
            self._check_rates(rates)
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

    @property
    def rate_lists(self) -> list[list[int]]:
        """`rates` as a list of lists, also where a single list was written without the outer brackets.

        Raises:
            UserError: it is something else.
        """
        rates = self.rates
        if isinstance(rates, list) and rates and not any(isinstance(entry, list) for entry in rates):
            return [rates]
        lists = isinstance(rates, list) and all(isinstance(entry, list) for entry in rates)
        require(lists, "rates", rates, "lists of rates; write 'rates=[[1,2,5],[2,2,2]]', in quotes")
        return list(rates)

    def _check_rates(self, rates: list[int]) -> None:
        require(len(rates) <= MOST_LAYERS, "rates", rates, f"at most {MOST_LAYERS} rates in a list")
        try:
            check_rates(rates, self.kernel_size)
        except ValueError as error:
            raise UserError(f"rates={as_typed(rates)}: {error}") from error
        size = receptive_field(rates, self.kernel_size)
        require(
            size <= LARGEST_FIELD,
            "rates",
            rates,
            f"a receptive field of at most {LARGEST_FIELD} pixels, this one has {size}; write smaller rates",
        )
        layers = Counter(each_kernel(rates, self.kernel_size)).values()
        require(
            prod(count + 1 for count in layers) * size <= LARGEST_SEARCH,
            "kernel_size",
            self.kernel_size,
            "fewer different sizes for so many rates",
        )
