"""On a GPU no step waits for what is queued there; needs one."""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest
import torch

from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import augment
from dilated_cifar.data.batches import batches
from dilated_cifar.data.splits import Split
from dilated_cifar.device import choose_machine
from dilated_cifar.training.state import new_state
from dilated_cifar.training.step import training_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of the kind CUDA")


@pytest.fixture
def refusing_to_wait() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


# Not randaugment: torchvision's rotations copy a matrix each.
@pytest.mark.usefixtures("refusing_to_wait")
@pytest.mark.parametrize(
    "overrides",
    [
        *([f"augment={name}"] for name in ("standard", "cutout", "erasing", "mixup", "cutmix", "scenes")),
        ["augment=none", "optimizer=adam"],
        ["augment=none", "optimizer=adamw", "ema=0.9", "gradient_clip=1"],
        ["augment.crop=[24]", "optimizer=muon"],
    ],
)
def test_steps_do_not_wait_for_the_device(make_config: Callable[..., Config], overrides: list[str]) -> None:
    config = make_config(*overrides)
    machine = choose_machine("cuda")
    state = new_state(config, [str(number) for number in range(10)], machine)
    images = torch.zeros(128, 3, 32, 32, dtype=torch.uint8, device=machine.device)
    split = Split(images, torch.zeros(128, dtype=torch.int64, device=machine.device))
    for batch in islice(batches(split, 32), 4):
        if batch.step == 2:  # the first two steps make what stays
            torch.cuda.set_sync_debug_mode("error")
        inputs, targets = augment(
            batch,
            config.augment,
            seed=0,
            epoch=0,
            epochs=1,
            colours=config.data.colours,
            classes=10,
        )
        training_step(state, state.model, inputs, targets, machine, batch=32)
