"""Cross-validation: how training images are divided, and what a fold leaves of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from PIL import Image

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.data import DataConfig, fold_size
from dilated_cifar.config.folder import FolderConfig
from dilated_cifar.config.spacing import SpacingConfig
from dilated_cifar.data.randomness import stratified_parts
from dilated_cifar.data.splits import Split, divide, load, load_split, settled
from dilated_cifar.errors import UserError

SMALL = SpacingConfig(train=103, test=20, train_subset=40, fold=0)


def rows(split: Split | None) -> list[bytes]:
    assert split is not None
    return sorted(image.numpy().tobytes() for image in split.images)


@settings(deadline=None)
@given(
    labels=arrays.arrays(np.int64, some.integers(1, 200), elements=some.integers(0, 6)),
    count=some.integers(2, 12),
    seed=some.integers(0, 2**64 - 1),
)
def test_parts_are_disjoint_together_all_and_alike(labels: np.ndarray, count: int, seed: int) -> None:
    parts = stratified_parts(labels, count, "folds", seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert [len(part) for part in parts] == [fold_size(len(labels), fold, count) for fold in range(count)]
    classes = np.stack([np.bincount(labels[part], minlength=7) for part in parts])
    assert (classes.max(0) - classes.min(0)).max() <= 1
    again = stratified_parts(labels, count, "folds", seed)
    assert all(np.array_equal(one, other) for one, other in zip(parts, again, strict=True))


@settings(deadline=None)
@given(fold=some.integers(0, 4), train=some.none() | some.integers(1, 79), seed=some.integers(0, 99))
def test_what_a_fold_leaves_is_all_the_rest_or_a_stratified_part_of_it(
    fold: int, train: int | None, seed: int
) -> None:
    labels = np.arange(100) % 10
    config = Cifar10Config(fold=fold, train=train, split_seed=seed)
    found = divide(labels, config)
    assert not set(found["train"]) & set(found["validation"])
    assert len(found["validation"]) == 20
    assert len(found["train"]) == (80 if train is None else train)
    counts = np.bincount(labels[found["train"]], minlength=10)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    "config",
    [SMALL, replace(SMALL, folds=3), replace(SMALL, split_seed=1)],
    ids=["five folds", "three folds", "another seed"],
)
def test_every_training_image_is_held_out_once_and_trained_on_by_the_others(config: SpacingConfig) -> None:
    whole = rows(load_split(replace(config, fold=None, folds=5, validation=0), "train"))
    held_out = []
    for fold in range(config.folds):
        splits = load(replace(config, fold=fold))
        assert splits.held_out[0] == "validation"
        held_out += rows(splits.validation)
        assert sorted(rows(splits.validation) + rows(splits.train)) == whole
        assert len(splits.train) == replace(config, fold=fold).trained_on
        assert set(rows(splits.train_subset)) <= set(rows(splits.train))
    assert sorted(held_out) == whole


@pytest.mark.parametrize("name", ["train", "validation", "train_subset", "test"])
def test_one_split_of_a_fold_alone_is_the_one_of_the_whole(name: str) -> None:
    assert rows(load_split(SMALL, name)) == rows(getattr(load(SMALL), name))


def test_the_folds_are_those_of_the_split_seed() -> None:
    assert rows(load_split(SMALL, "validation")) != rows(
        load_split(replace(SMALL, split_seed=1), "validation")
    )


def test_a_fold_is_the_only_split_that_is_held_out() -> None:
    config = Cifar10Config(fold=3, train=500)
    assert (config.validation, config.held_out, config.trained_on) == (0, "validation", 500)
    assert Cifar10Config(fold=3, folds=10).trained_on == 45_000
    assert config.undivided == Cifar10Config(validation=0)
    assert SpacingConfig(train=103, fold=4).trained_on == 83


@pytest.mark.parametrize(
    ("family", "keys", "told"),
    [
        (Cifar10Config, {"fold": 5}, r"data\.fold=5: expected 0 to 4 \(data\.folds=5\)"),
        (Cifar10Config, {"fold": -1}, r"data\.fold=-1: expected 0 to 4"),
        (SpacingConfig, {"fold": 0, "folds": 1}, r"data\.folds=1: expected a whole number from 2 to 100"),
        (SpacingConfig, {"folds": 10}, r"data\.folds=10: expected data\.fold beside it; write data\.fold=0"),
        (Cifar10Config, {"fold": 0, "train": 40_001}, r"data\.train=40001: expected 1 to 40,000"),
    ],
)
def test_folds_that_cannot_be_are_refused(family: type[DataConfig], keys: dict[str, int], told: str) -> None:
    with pytest.raises(UserError, match=f"^{told}"):
        family(**keys)


def test_more_folds_than_images_are_refused() -> None:
    with pytest.raises(UserError, match=r"^data\.folds=5: expected at most 3, the images to divide"):
        divide(np.array([0, 1, 0]), Cifar10Config(fold=0))


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FolderConfig]:
    """A folder of thirteen pictures of each of two classes, the split that holds them named, and its keys."""
    monkeypatch.setenv("DILATED_CIFAR_CACHE", str(tmp_path / "cache"))

    def make(*splits: str, **keys: int) -> FolderConfig:
        for split in splits:
            for name, start in (("cat", 0), ("dog", 100)):
                folder = tmp_path / "photos" / split / name
                folder.mkdir(parents=True)
                for number in range(13):
                    Image.new("RGB", (8, 8), (start + number, len(split), 0)).save(folder / f"{number}.png")
        return FolderConfig(root=str(tmp_path / "photos"), size=8, **keys)  # type: ignore[arg-type]

    return make


def test_pictures_of_ones_own_are_divided_alike_and_saved_without_the_fold(
    pictures: Callable[..., FolderConfig],
) -> None:
    first = pictures("train", "test", fold=0)
    found = [settled(replace(first, fold=fold), progress=False) for fold in range(5)]
    held_out = [load_split(each, "validation", progress=False) for each in found]
    assert [len(each) for each in held_out] == [6, 5, 5, 5, 5]
    assert [each.trained_on for each in found] == [20, 21, 21, 21, 21]
    assert len({row for each in held_out for row in rows(each)}) == 26
    assert len(load(found[0], progress=False).test) == 26
    # Runs of other folds are the same experiment: nothing but the fold tells their configurations apart.
    assert {str(replace(each, fold=0)) for each in found} == {str(found[0])}


def test_pictures_with_a_validation_split_of_their_own_have_no_folds(
    pictures: Callable[..., FolderConfig],
) -> None:
    with pytest.raises(UserError, match=r"^data\.fold=1: expected pictures without a validation split"):
        settled(pictures("train", "validation", fold=1), progress=False)
