"""How large things may be: bounds that are checked before memory or time is taken.

They lie far above what CIFAR-10 calls for, and low enough that no configuration, least of all that of a file
from elsewhere, can fill a machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dilated_cifar.config.base import require

MOST_PARAMETERS = 250_000_000
MOST_IN_A_MAP = 2**20
"""Numbers in the feature map of one image: 1,024 channels of 32x32."""
MOST_IN_ALL_MAPS = 2**24
MOST_IN_A_BATCH = 2**34
"""Numbers in the feature maps of all images of a step."""
MOST_LAYERS = 100
"""Of a stack without shortcuts."""
MOST_BLOCKS = 1_000
"""Of a residual network, in all its stages; ResNet-1202 has 600."""
MOST_STAGES = 8
LARGEST_FIELD = 999
"""Pixels of a stack's receptive field beyond which it would be slow to draw, and no picture could show it."""
MOST_EPOCHS = 100_000
MOST_IMAGES = 1_000_000
MOST_THREADS = 256
MOST_JOBS = 64
"""On one GPU, in turn or at once."""
LARGEST_NUMBER = 1e6
"""Of learning rates and the like; float32 would not hold many times more."""


@dataclass(frozen=True)
class Convolution:
    """A convolution, as its size is estimated."""

    incoming: int
    channels: int
    kernel: int
    side: int
    """Of the square map that it puts out, in pixels."""


def require_size(convolutions: Sequence[Convolution], key: str, value: object) -> None:
    """Refuse a network, named by `key` and `value`, that is too large to be built or run."""
    parameters = weights_of(convolutions)
    require(
        parameters <= MOST_PARAMETERS,
        key,
        value,
        f"a network of at most {MOST_PARAMETERS:,} parameters, this one has {parameters:,}",
    )
    largest = max(each.channels * each.side**2 for each in convolutions)
    require(
        largest <= MOST_IN_A_MAP and numbers_in_maps(convolutions) <= MOST_IN_ALL_MAPS,
        key,
        value,
        f"feature maps of at most {MOST_IN_A_MAP:,} numbers each and {MOST_IN_ALL_MAPS:,} in all, these have "
        f"up to {largest:,} and {numbers_in_maps(convolutions):,}",
    )


def weights_of(convolutions: Sequence[Convolution]) -> int:
    """How many weights the kernels of the convolutions have."""
    return sum(each.incoming * each.channels * each.kernel**2 for each in convolutions)


def numbers_in_maps(convolutions: Sequence[Convolution]) -> int:
    """How many numbers the feature maps of one image hold."""
    return sum(each.channels * each.side**2 for each in convolutions)


def require_threads(threads: int | None) -> None:
    """Refuse a number of CPU threads that no machine of today can start."""
    require(
        threads is None or 1 <= threads <= MOST_THREADS,
        "threads",
        threads,
        f"a whole number from 1 to {MOST_THREADS}, or null for as many as there are cores",
    )
