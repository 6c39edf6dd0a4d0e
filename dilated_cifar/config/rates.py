"""Layers that `explain` is told as numbers, without a network."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from dilated_cifar.config.base import as_typed, require
from dilated_cifar.config.evaluate import Place
from dilated_cifar.config.limits import LARGEST_FIELD, MOST_LAYERS
from dilated_cifar.dilation.rates import check_rates, each_kernel, receptive_field
from dilated_cifar.dilation.stack import (
    Window,
    convolution_sizes,
    rates_at_stride_one,
    transposed_sizes,
)
from dilated_cifar.errors import UserError

MOST_LISTS = 24
LARGEST_SEARCH = 300_000
"""Steps of the search for the nearest rates without holes, which takes seconds with so many."""
LARGEST_SIZE = 4096
"""Pixels of a side up to which output sizes are asked for; also of a rate, a kernel, a stride, a padding."""
LARGEST_OUTPUT = 2**31
"""Pixels of a side that a stack of transposed convolutions may reach."""
OF_RATES = ("kernel_size", "size", "stride", "padding", "output_padding", "transposed")
"""Keys that say something only of `rates`."""


@dataclass
class RatesConfig(Place):
    """Dilation rates with their layers' other numbers."""

    rates: Any = field(default_factory=list)
    """Dilation rates to judge instead of a network, [1,2,5], or lists of them side by side:
    [[1,2,5],[2,2,2]]."""
    kernel_size: Any = 3
    """Side of the kernels of these rates in pixels, odd or even; a list such as [3,2,3] for one a rate."""
    size: int | None = None
    """Side in pixels of a square map that enters the first of these layers; gives the output size and the
    matrix of each. null: no sizes."""
    stride: Any = 1
    """Stride of these layers; a list for one a rate."""
    padding: Any = 0
    """Padding of these layers on every side; a list for one a rate, or same: what keeps the size."""
    transposed: bool = False
    """Sizes of transposed convolutions instead: the zeros between, the zeros around and the result."""
    output_padding: Any = 0
    """Output padding of these transposed convolutions; a list for one a rate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = [type(size) is int for size in each_kernel([0], self.kernel_size)]
        self._require(all(whole), "kernel_size", "a whole number such as 3, or one for each rate: [3,2,3]")
        self._require(len(self.rate_lists) <= MOST_LISTS, "rates", f"at most {MOST_LISTS} lists")
        for key in OF_RATES:
            self._require(
                bool(self.rate_lists) or getattr(self, key) == getattr(RatesConfig, key),
                key,
                "rates beside it; write 'rates=[1,2,5]', or the keys of model= for a network",
            )
        self._require(
            self.size is None or 1 <= self.size <= LARGEST_SIZE, "size", f"a side from 1 to {LARGEST_SIZE}"
        )
        for key in ("padding", "output_padding", "transposed"):
            self._require(
                self.size is not None or getattr(self, key) == getattr(RatesConfig, key),
                key,
                "the size of a map beside it; write size=32",
            )
        self._require(
            self.transposed or self.output_padding == 0,
            "output_padding",
            "transposed convolutions, which alone have it; write transposed=true",
        )
        for rates in self.rate_lists:
            self._check_rates(rates)

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

    def windows(self, rates: Sequence[int]) -> list[Window]:
        """The layers of one of the lists.

        Raises:
            UserError: a number is out of range, or there is not one for each rate.
        """
        kernels = each_kernel(rates, self.kernel_size)
        strides = self._each("stride", rates, least=1)
        output_paddings = self._each("output_padding", rates, least=0)
        if self.padding == "same":
            reaches = [rate * (kernel - 1) for rate, kernel in zip(rates, kernels, strict=True)]
            for number, reach in enumerate(reaches, start=1):
                self._require(
                    reach % 2 == 0,
                    "padding",
                    f"numbers; layer {number} would need {reach} rows around its map, an odd number, which "
                    "two sides cannot share",
                )
            paddings = [reach // 2 for reach in reaches]
        else:
            paddings = self._each("padding", rates, least=0)
        numbers = zip(kernels, rates, strides, paddings, output_paddings, strict=True)
        return [Window(*layer) for layer in numbers]

    def _each(self, key: str, rates: Sequence[int], least: int) -> list[int]:
        value = getattr(self, key)
        numbers = value if isinstance(value, list) else [value] * len(rates)
        fine = all(type(number) is int and least <= number <= LARGEST_SIZE for number in numbers)
        same = ", or same" if key == "padding" else ""
        one = f"a whole number from {least} to {LARGEST_SIZE}{same}, or one for each rate"
        self._require(fine and len(numbers) == len(rates), key, f"{one} of {as_typed(list(rates))}")
        return numbers

    def _check_rates(self, rates: list[int]) -> None:
        require(len(rates) <= MOST_LAYERS, "rates", rates, f"at most {MOST_LAYERS} rates in a list")
        try:
            check_rates(rates, self.kernel_size)
        except ValueError as error:
            raise UserError(f"rates={as_typed(rates)}: {error}") from error
        for key, numbers in (("rates", rates), ("kernel_size", each_kernel(rates, self.kernel_size))):
            self._require(max(numbers) <= LARGEST_SIZE, key, f"numbers of at most {LARGEST_SIZE}")
        windows = self.windows(rates)
        spread = rates_at_stride_one(rates, [window.stride for window in windows])
        field_size = receptive_field(spread, self.kernel_size)
        require(
            self.transposed or field_size <= LARGEST_FIELD,
            "rates",
            rates,
            f"a receptive field of at most {LARGEST_FIELD} pixels, this one has {field_size}; write smaller "
            "rates" + (" or strides" if spread != tuple(rates) else ""),
        )
        layers = Counter(each_kernel(rates, self.kernel_size)).values()
        require(
            self.transposed or prod(count + 1 for count in layers) * field_size <= LARGEST_SEARCH,
            "kernel_size",
            self.kernel_size,
            "fewer different sizes for so many rates",
        )
        if self.size is not None:
            try:
                follow = transposed_sizes if self.transposed else convolution_sizes
                largest = max(sizes.after for sizes in follow(self.size, windows))
            except ValueError as error:
                raise UserError(f"size={self.size}: {error}") from error
            self._require(largest <= LARGEST_OUTPUT, "size", f"maps of at most {LARGEST_OUTPUT:,} a side")
