"""The batches of an epoch: which images each step sees."""

import math
from collections.abc import Iterator

from torch import Tensor

from dilated_cifar.data.randomness import Stream
from dilated_cifar.data.splits import Split
from dilated_cifar.device import onto


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Count the batches that hold every image once; the last may be smaller."""
    return math.ceil(images / batch_size)


def batches(
    split: Split, batch_size: int, *, seed: int = 0, epoch: int = 0, start_step: int = 0, shuffle: bool = True
) -> Iterator[tuple[int, Tensor, Tensor]]:
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

    Yields:
        The step in the epoch, images uint8 `[N, C, H, W]`, labels int64 `[N]`.
    """
    if shuffle:
        order = onto(split.labels.device, Stream("shuffle", seed, epoch).permutation(len(split)))
    for step in range(start_step, steps_per_epoch(len(split), batch_size)):
        part = slice(step * batch_size, (step + 1) * batch_size)
        if shuffle:
            # several times as fast as split.images[order[part]] on a CPU
            yield step, split.images.index_select(0, order[part]), split.labels.index_select(0, order[part])
        else:
            yield step, split.images[part], split.labels[part]
