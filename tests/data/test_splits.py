from pathlib import Path

import pytest
import torch

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.spacing import SpacingConfig
from dilated_cifar.data.splits import SPLIT_NAMES, Split, Splits, load, load_split
from dilated_cifar.errors import UserError

SMALL = SpacingConfig(train=300, validation=40, test=50, train_subset=60)


def rows(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.images}


def get(splits: Splits, name: str) -> Split:
    split = getattr(splits, name)
    assert isinstance(split, Split)
    return split


def test_sizes_and_types_are_as_configured() -> None:
    splits = load(SMALL)
    assert {name: len(get(splits, name)) for name in SPLIT_NAMES} == {
        "train": SMALL.train,
        "validation": SMALL.validation,
        "test": SMALL.test,
        "train_subset": SMALL.train_subset,
    }
    assert len(splits.class_names) == SMALL.classes
    assert len(splits.train) == SMALL.training_images
    for name in SPLIT_NAMES:
        split = get(splits, name)
        assert split.images.shape == (len(split), 3, 32, 32)
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64


@pytest.mark.parametrize("name", SPLIT_NAMES)
def test_one_split_alone_is_the_one_of_the_whole(name: str) -> None:
    whole, alone = get(load(SMALL), name), load_split(SMALL, name)
    assert torch.equal(whole.images, alone.images)
    assert torch.equal(whole.labels, alone.labels)


def test_the_training_subset_is_a_stratified_part_of_the_training_split() -> None:
    splits = load(SMALL)
    assert rows(splits.train_subset) <= rows(splits.train)
    assert splits.train_subset.labels.bincount().tolist() == [6] * 10


def test_a_subset_larger_than_the_split_is_all_of_it() -> None:
    splits = load(SpacingConfig(train=20, validation=0, test=10, train_subset=1000))
    assert torch.equal(splits.train_subset.images, splits.train.images)


def test_without_validation_there_is_none() -> None:
    config = SpacingConfig(train=20, validation=0, test=10)
    assert load(config).validation is None
    with pytest.raises(UserError, match=r"split=validation.*data\.validation=0"):
        load_split(config, "validation")


def test_an_unknown_split_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="split=dev: expected one of train, validation, test, train_subset"):
        load_split(SMALL, "dev")


def test_splits_move_together() -> None:
    moved = load(SMALL).to("meta")
    assert all(get(moved, name).images.device.type == "meta" for name in SPLIT_NAMES)


def test_cifar10_splits_share_no_image(cifar10_root: Path) -> None:
    splits = load(Cifar10Config(root=str(cifar10_root)))
    assert splits.validation is not None
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [45_000, 5_000, 10_000]
    assert len(splits.train) == Cifar10Config().training_images
    assert splits.train_subset.labels.bincount().tolist() == [500] * 10
    assert rows(splits.train_subset) <= rows(splits.train)
    assert not rows(splits.train) & rows(splits.validation)
