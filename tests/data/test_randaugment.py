"""RandAugment: torchvision's operations, drawn for each image."""

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment

from dilated_cifar.data.randaugment import OPERATIONS, SIGNED, draw_operations, randaugment

IMAGES = torch.randint(0, 256, (6, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
TORCHVISION = dict(zip(OPERATIONS, RandAugment._AUGMENTATION_SPACE.items(), strict=True))


@pytest.mark.parametrize("magnitude", [0, 1, 9, 17, 30])
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_torchvisions(name: str, sign: int, magnitude: int) -> None:
    # torchvision draws its operations by itself; what it then does is in this method alone.
    number = list(OPERATIONS).index(name)
    theirs, (strengths, signed) = TORCHVISION[name]
    assert signed == (name in SIGNED)
    levels = strengths(31, 32, 32)
    strength = 0.0 if levels is None else float(levels[magnitude]) * (-1 if signed and sign else 1)
    apply = RandAugment()._apply_image_or_video_transform
    expected = apply(IMAGES, theirs, strength, InterpolationMode.NEAREST, {torch.Tensor: None})
    operations = np.array([[[number, sign]]] * len(IMAGES))
    result = randaugment(IMAGES, operations, magnitude)
    # A strength computed in float32 there may round another way.
    assert (result.int() - expected.int()).abs().max() <= 1


def test_operations_follow_one_another_in_each_image() -> None:
    operations = draw_operations(len(IMAGES), 2, 1, 2, 3)
    together = randaugment(IMAGES, operations, 9)
    for index in range(len(IMAGES)):
        alone = IMAGES[index : index + 1]
        for round_ in range(2):
            alone = randaugment(alone, operations[index : index + 1, round_ : round_ + 1], 9)
        assert torch.equal(together[index : index + 1], alone)


def test_every_operation_is_as_likely_both_ways() -> None:
    drawn = draw_operations(2_000, 2, 0, 0, 0)
    counts = np.zeros((len(OPERATIONS), 2), dtype=int)
    np.add.at(counts, tuple(drawn.reshape(-1, 2).T), 1)
    assert counts.sum() == 4_000
    assert abs(counts - 4_000 / 28).max() < 48  # 4 standard deviations
