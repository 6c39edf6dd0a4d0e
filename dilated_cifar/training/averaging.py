"""Batch norms that fit averaged weights."""

from collections.abc import Iterator
from itertools import islice

from torch import Tensor
from torch.optim.swa_utils import update_bn

from dilated_cifar.data.augment import normalize
from dilated_cifar.data.batches import batches
from dilated_cifar.data.splits import Split
from dilated_cifar.device import Machine
from dilated_cifar.training.state import State
from dilated_cifar.training.step import varied

MEASURED = 2_000
"""About how many images: 2,000 have a million pixels in a channel of the first map."""


def fit_batch_norms(state: State, train: Split, machine: Machine) -> None:
    """Measure the running statistics of the averaged network anew, on the first batches of this epoch.

    What the networks before saw on the way does not fit the average of their weights (Izmailov et al. 2018,
    section 3.2). Every process measures whole batches, so that all find the same.
    """
    assert state.average is not None
    config, epoch = state.config, state.progress.epoch
    steps = -(-MEASURED // config.batch_size)

    def inputs() -> Iterator[Tensor]:
        for batch in islice(batches(train, config.batch_size, seed=config.seed, epoch=epoch), steps):
            images, _ = varied(batch, config, epoch)
            made = normalize(images, config.data.mean, config.data.std)
            yield made.contiguous(memory_format=machine.memory_format)

    with machine.autocast():
        update_bn(inputs(), state.average)
