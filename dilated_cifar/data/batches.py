"""The batches of an epoch: which images each step sees."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.data.randomness import Stream
from dilated_cifar.data.splits import Split
from dilated_cifar.device import onto


class Batch(NamedTuple):
    """The images of a step."""

    step: int
    """In the epoch, from 0."""
    images: Tensor
    """uint8 `[N, C, H, W]`."""
    labels: Tensor
    """int64 `[N]`."""
    coins: NDArray[np.int64]
    """0 or 1 of each image, `[N]`: the same in every epoch, by which augmentation may tell images apart."""


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Count the batches that hold every image once; the last may be smaller."""
    return math.ceil(images / batch_size)


def batches(
    split: Split, batch_size: int, *, seed: int = 0, epoch: int = 0, start_step: int = 0, shuffle: bool = True
) -> Iterator[Batch]:
    """Go through the images once, from the device they lie on.

    The order is a function of the seed and the epoch alone, so that a run which continues at `start_step`
    sees what it would have seen.

    Args:
        split: the images; all of them come, the last batch may be smaller.
        batch_size: images a step.
        seed: of the run.
        epoch: its number; every epoch has an order of its own.
        start_step: the first step to give, 0 for the whole epoch.
        shuffle: false = in the order of the split.
    """
    coins = Stream("coins", seed).integers(2, len(split))
    if shuffle:
        numbers = Stream("shuffle", seed, epoch).permutation(len(split))
        coins, order = coins[numbers], onto(split.labels.device, numbers)
    for step in range(start_step, steps_per_epoch(len(split), batch_size)):
        part = slice(step * batch_size, (step + 1) * batch_size)
        if shuffle:
            # several times as fast as split.images[order[part]] on a CPU
            images, labels = (each.index_select(0, order[part]) for each in (split.images, split.labels))
        else:
            images, labels = split.images[part], split.labels[part]
        yield Batch(step, images, labels, coins[part])
