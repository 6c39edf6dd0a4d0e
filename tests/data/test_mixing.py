"""mixup and CutMix: the targets are mixed as the images are."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.data.augment import augment
from dilated_cifar.data.batches import Batch

CLASSES = 10
LABELS = torch.arange(40) % CLASSES
LEVELS = (LABELS * 25).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
"""Images of one level each, which tells the class."""
STEPS = st.integers(0, 10_000)


def mixed(step: int = 0, **chosen: float) -> tuple[Tensor, Tensor]:
    config = AugmentConfig(pad=0, flip=False, **chosen)
    batch = Batch(step, LEVELS, LABELS, np.zeros(len(LABELS), dtype=np.int64))
    colours = ((0.5,) * 3, (0.2,) * 3)
    return augment(batch, config, seed=1, epoch=2, epochs=1, colours=colours, classes=CLASSES)


def shares(targets: Tensor) -> Tensor:
    """The share that each image keeps of its own class, of those whose partner is of another."""
    own = targets.gather(1, LABELS[:, None]).flatten()
    return own[own < 1]


@settings(max_examples=25)
@given(STEPS, st.sampled_from([{"mixup": 0.2}, {"mixup": 1.0}, {"cutmix": 0.5}, {"cutmix": 1.0}]))
def test_an_image_holds_its_classes_in_the_shares_of_its_target(step: int, chosen: dict[str, float]) -> None:
    images, targets = mixed(step, **chosen)
    assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
    assert (targets > 0).sum(1).max() == 2
    level = images.float().mean((1, 2, 3))
    tolerance = 0.5 if "mixup" in chosen else 1e-3  # mixup rounds to whole levels
    assert torch.allclose(level, targets @ (25.0 * torch.arange(CLASSES)), atol=tolerance + 1e-3)


def test_mixup_adds_and_cutmix_keeps_the_pixels() -> None:
    for name, most in (("mixup", 1), ("cutmix", 2)):
        images, targets = mixed(**{name: 1.0})
        counts = torch.tensor([len(image.unique()) for image in images])
        assert counts.max() == most
        assert len(shares(targets)) > 20


def test_the_other_part_of_cutmix_is_a_box() -> None:
    images, targets = mixed(cutmix=1.0)
    for image, target, label in zip(images, targets, LABELS, strict=True):
        other = image[0] != 25 * int(label)
        rows, columns = (other.any(axis).nonzero().flatten() for axis in (1, 0))
        if len(rows):
            assert other[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert other.float().mean().item() == pytest.approx(1 - target[label].item(), abs=1e-6)


@pytest.mark.parametrize(("parameter", "deviation"), [(0.2, 0.4226), (1.0, 0.2887), (8.0, 0.1213)])
def test_shares_of_mixup_are_of_the_beta_distribution(parameter: float, deviation: float) -> None:
    drawn = torch.cat([shares(mixed(step, mixup=parameter)[1]) for step in range(60)])
    assert len(drawn) > 1_500
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.04)
    assert drawn.std().item() == pytest.approx(deviation, rel=0.05)  # 1 / sqrt(4 (2 parameter + 1))


def test_the_loss_of_a_pure_target_is_that_of_its_label() -> None:
    logits = torch.randn(40, CLASSES, generator=torch.Generator().manual_seed(0))
    for smoothing in (0.0, 0.1):
        pure = F.cross_entropy(logits, F.one_hot(LABELS, CLASSES).float(), label_smoothing=smoothing)
        assert pure.item() == pytest.approx(F.cross_entropy(logits, LABELS, label_smoothing=smoothing).item())
