import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.data.augment import augment, normalize
from dilated_cifar.data.batches import Batch, batches
from dilated_cifar.data.splits import Split

IMAGES = torch.randint(1, 256, (16, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
LABELS = torch.arange(16) % 10
MIXES = ("mixup", "cutmix")
COLOURS = ((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))
CONFIGS = st.builds(
    AugmentConfig,
    pad=st.integers(0, 8),
    flip=st.booleans(),
    alternate=st.booleans(),
    cutout=st.integers(0, 16),
    randaugment=st.integers(0, 2),
    magnitude=st.integers(0, 30),
    erasing=st.sampled_from([0.0, 0.5]),
    canvas=st.just(0) | st.integers(48, 70),
) | st.builds(
    AugmentConfig,
    pad=st.integers(0, 8),
    crop=st.lists(st.integers(17, 32), min_size=1, max_size=2).map(sorted),
    flip=st.booleans(),
    alternate=st.booleans(),
    cutout=st.integers(0, 16),
    erasing=st.sampled_from([0.0, 0.5]),
)
MIXED = CONFIGS.flatmap(lambda config: st.sampled_from([config, *(mixed(config, name) for name in MIXES)]))
PLACES = st.fixed_dictionaries(
    {"seed": st.integers(0, 2**32), "epoch": st.integers(0, 999), "step": st.integers(0, 999)}
)


def mixed(config: AugmentConfig, name: str) -> AugmentConfig:
    return replace(config, **{name: 1.0})


def vary(images: Tensor, config: AugmentConfig, epochs: int = 1000, **place: int) -> Tensor:
    batch, place = batch_at(images, torch.zeros(len(images), dtype=torch.int64), **place)
    return augment(batch, config, **place, epochs=epochs, colours=COLOURS, classes=10)[0]


def batch_at(images: Tensor, labels: Tensor, *, step: int, **place: int) -> tuple[Batch, dict[str, int]]:
    """A batch of images whose coins alternate, and what of its place it does not hold."""
    return Batch(step, images, labels, np.arange(len(images)) % 2), place


def windows(image: Tensor, pad: int, flip: bool, side: int = 32) -> list[Tensor]:
    """Every image that moving, cropping and mirroring may make of one."""
    padded = F.pad(image, [pad] * 4)
    places = range(2 * pad + 33 - side)
    moved = [padded[:, y : y + side, x : x + side] for y in places for x in places]
    return moved + [window.flip(-1) for window in moved] if flip else moved


@settings(deadline=None, max_examples=25)  # the first may import
@given(MIXED, PLACES)
def test_the_same_place_gives_the_same_bits(config: AugmentConfig, place: dict[str, int]) -> None:
    assert torch.equal(vary(IMAGES, config, **place), vary(IMAGES.clone(), config, **place))


@settings(deadline=None, max_examples=25)  # the first may import
@given(MIXED, PLACES)
def test_the_images_given_stay_as_they_are(config: AugmentConfig, place: dict[str, int]) -> None:
    images = IMAGES.clone()
    result = vary(images, config, **place)
    assert torch.equal(images, IMAGES)
    side = config.canvas or config.side_in(place["epoch"], 1000) or 32
    assert result.shape == (16, 3, side, side)
    assert result.dtype == torch.uint8


@settings(deadline=None, max_examples=30)  # the first may import
@given(MIXED, PLACES, st.integers(0, 16), st.integers(0, 16))
def test_a_part_of_the_batch_is_that_part_of_the_whole(
    config: AugmentConfig, place: dict[str, int], start: int, stop: int
) -> None:
    batch, place = batch_at(IMAGES, LABELS, **place)
    whole, part = (
        augment(batch, config, **place, epochs=1000, colours=COLOURS, classes=10, part=each)
        for each in (slice(None), slice(start, stop))
    )
    assert all(torch.equal(one[start:stop], other) for one, other in zip(whole, part, strict=True))


@settings(deadline=None, max_examples=25)  # the first may import
@given(PLACES, st.integers(1, 15))
def test_an_image_does_not_depend_on_how_many_follow_it(place: dict[str, int], count: int) -> None:
    config = AugmentConfig(cutout=8, randaugment=2, erasing=0.5)
    assert torch.equal(vary(IMAGES, config, **place)[:count], vary(IMAGES[:count], config, **place))


@pytest.mark.parametrize(("pad", "side"), [(1, 32), (4, 32), (0, 24), (2, 24)])
@pytest.mark.parametrize("flip", [False, True])
def test_every_result_is_a_window_of_the_padded_image(pad: int, side: int, flip: bool) -> None:
    config = AugmentConfig(pad=pad, flip=flip, crop=[] if side == 32 else [side])
    results = vary(IMAGES, config, seed=0, epoch=0, step=0)
    for image, result in zip(IMAGES, results, strict=True):
        assert any(torch.equal(result, window) for window in windows(image, pad, flip, side))


def test_crops_grow_from_the_first_epoch_to_the_last() -> None:
    config = AugmentConfig(pad=0, crop=[20, 28])
    for epochs, sides in ((5, [20, 22, 24, 26, 28]), (4, [20, 22, 25, 28]), (1, [20])):
        places = ({"seed": 0, "epoch": epoch, "step": 0} for epoch in range(epochs))
        assert [vary(IMAGES, config, epochs, **place).shape[-1] for place in places] == sides


def test_a_crop_of_the_whole_side_changes_no_choice() -> None:
    place = {"seed": 5, "epoch": 1, "step": 2}
    one, other = (vary(IMAGES, AugmentConfig(crop=crop, cutout=8), **place) for crop in ([], [32]))
    assert torch.equal(one, other)


def test_every_window_comes_about_as_often_as_the_others() -> None:
    image, counts = IMAGES[0], torch.zeros(18, dtype=torch.int64)
    candidates = torch.stack(windows(image, 1, flip=True))
    for step in range(90):
        results = vary(image.expand(100, -1, -1, -1), AugmentConfig(pad=1), seed=0, epoch=0, step=step)
        counts += (results.unsqueeze(1) == candidates).flatten(2).all(2).sum(0)
    assert counts.sum() == 9000
    assert counts.min() > 410  # 500 expected; 4 standard deviations
    assert counts.max() < 590


def test_alternately_every_image_is_mirrored_in_one_of_two_epochs() -> None:
    split, config = Split(IMAGES, torch.arange(16)), AugmentConfig(pad=0, alternate=True)
    mirrored = torch.zeros(4, 16)
    for epoch in range(4):
        for batch in batches(split, 5, seed=3, epoch=epoch):
            varied, labels = augment(
                batch, config, seed=3, epoch=epoch, epochs=4, colours=COLOURS, classes=16
            )
            for image, label in zip(varied, labels, strict=True):
                mirrored[epoch, label] = torch.equal(image, IMAGES[label].flip(-1))
                assert mirrored[epoch, label] or torch.equal(image, IMAGES[label])
    assert torch.equal(mirrored[0], mirrored[2])
    assert torch.equal(mirrored[0], 1 - mirrored[1])
    assert 2 < mirrored[0].sum() < 14


@pytest.mark.parametrize("config", [AugmentConfig(), AugmentConfig(pad=0, flip=False, canvas=64)])
@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1, "epoch": 2, "step": 3},
        {"seed": 0, "epoch": 3, "step": 3},
        {"seed": 0, "epoch": 2, "step": 4},
    ],
)
def test_another_place_makes_other_choices(other: dict[str, int], config: AugmentConfig) -> None:
    assert not torch.equal(vary(IMAGES, config, seed=0, epoch=2, step=3), vary(IMAGES, config, **other))


def test_nothing_chosen_changes_nothing() -> None:
    config = AugmentConfig(pad=0, flip=False, cutout=0)
    assert vary(IMAGES, config, seed=0, epoch=0, step=0).data_ptr() == IMAGES.data_ptr()


@settings(max_examples=25)
@given(PLACES, st.integers(1, 31))
def test_cutout_blackens_one_square_that_the_border_may_cut(place: dict[str, int], side: int) -> None:
    results = vary(IMAGES, AugmentConfig(pad=0, flip=False, cutout=side), **place)
    for image, result in zip(IMAGES, results, strict=True):
        black = result[0] == 0  # no pixel of IMAGES is black
        rows, columns = (black.any(axis).nonzero().flatten() for axis in (1, 0))
        assert black[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        for extent in (rows, columns):
            assert (side + 1) // 2 <= len(extent) <= side
            assert len(extent) == side or extent[0] == 0 or extent[-1] == 31
        assert torch.equal(result, image.masked_fill(black, 0))


def test_cutout_leaves_the_other_choices_alone() -> None:
    place = {"seed": 5, "epoch": 1, "step": 2}
    plain = vary(IMAGES, AugmentConfig(), **place)
    cut = vary(IMAGES, AugmentConfig(cutout=8), **place)
    assert torch.equal(cut, torch.where(cut == 0, 0, plain))


@settings(max_examples=10, deadline=None)
@given(PLACES)
def test_erasing_fills_a_box_of_some_images_with_noise(place: dict[str, int]) -> None:
    config = AugmentConfig(pad=0, flip=False, erasing=0.5)
    black = torch.zeros(100, 3, 32, 32, dtype=torch.uint8)
    erased = 0
    for image in vary(black, config, **place):
        rows, columns = (image.any(0).any(axis).nonzero().flatten() for axis in (1, 0))
        if len(rows):
            box = image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            assert 0.01 * 1024 < box[0].numel() < 0.43 * 1024  # sides are whole pixels
            assert 0.24 < box.shape[1] / box.shape[2] < 4.2
            assert (box == 0).float().mean() < 0.1
            erased += 1
    assert 30 <= erased <= 70  # 4 standard deviations


def test_erasing_and_operations_leave_the_other_choices_alone() -> None:
    place = {"seed": 5, "epoch": 1, "step": 2}
    for config in (AugmentConfig(erasing=1), AugmentConfig(randaugment=1, magnitude=0)):
        others = replace(config, erasing=0, randaugment=0)
        same = vary(IMAGES, config, **place) == vary(IMAGES, others, **place)
        assert same.all(1).flatten(1).float().mean() > 0.5


def test_the_numbers_drawn_stay_what_they_were() -> None:
    # another value here changes how every saved run continues
    images = torch.arange(16 * 3 * 32 * 32).mul(7919).remainder(251).to(torch.uint8).view(16, 3, 32, 32)
    varied = vary(images, AugmentConfig(cutout=8), seed=1, epoch=2, step=3)
    assert hashlib.md5(varied.numpy().tobytes()).hexdigest() == "cbd11f308355cc10061f2418a9abe23b"
    config = AugmentConfig(pad=0, flip=False, erasing=0.5, cutmix=1)
    varied = vary(images, config, seed=1, epoch=2, step=3)
    assert hashlib.md5(varied.numpy().tobytes()).hexdigest() == "dc78ae7e974d6a1e7ee7c2008e8e0613"


@pytest.mark.parametrize("config", [{"pad": 4, "cutout": 8}, {"pad": 0, "flip": False}])
def test_a_scene_holds_the_image_as_it_is_without_one(config: dict[str, int]) -> None:
    place = {"seed": 5, "epoch": 1, "step": 2}
    alone = vary(IMAGES, AugmentConfig(**config), **place)
    scenes = vary(IMAGES, AugmentConfig(**config, canvas=40, scales=[1, 1]), **place)
    for scene, image in zip(scenes, alone, strict=True):
        parts = scene.unfold(1, 32, 1).unfold(2, 32, 1)  # [3, 9, 9, 32, 32]
        assert (parts == image[:, None, None]).all(-1).all(-1).all(0).sum() == 1


def test_every_step_chooses_backgrounds_and_places_anew() -> None:
    # On images of one colour each background shows: its own mean, noise, or another image's colour.
    images = torch.arange(20, 120, dtype=torch.uint8).view(100, 1, 1, 1).repeat(1, 3, 32, 32)
    config = AugmentConfig(pad=0, flip=False, canvas=48, scales=[0.25, 0.5])
    kinds, corners = [], []
    for step in range(9):
        place = {"seed": 0, "epoch": 0, "step": step}
        colours = ((0.8,) * 3, (0.05,) * 3)
        batch, place = batch_at(images, images[:, 0, 0, 0].long(), **place)
        scenes, _ = augment(batch, config, **place, epochs=1, colours=colours, classes=120)
        for image, scene in zip(images, scenes, strict=True):
            level = int(image[0, 0, 0])
            corners.append(tuple((scene[0] == level).nonzero()[0].tolist()))
            around = set(scene.unique().tolist()) - {level}
            assert around  # so never blurred from the image itself
            kinds.append("noise" if len(around) > 1 else "mean" if around == {204} else "blur")
    for kind in ("mean", "noise", "blur"):
        assert abs(kinds.count(kind) - 300) < 60  # 4 standard deviations
    for index in range(100):
        assert len(set(kinds[index::100])) > 1
        assert len(set(corners[index::100])) > 5


def test_a_single_image_gets_a_scene() -> None:
    for step in range(9):
        result = vary(IMAGES[:1], AugmentConfig(canvas=64), seed=0, epoch=0, step=step)
        assert result.shape == (1, 3, 64, 64)


def test_normalize_is_what_torchvision_computes() -> None:
    mean, std = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
    expected = v2.Normalize(mean, std)(v2.ToDtype(torch.float32, scale=True)(IMAGES))
    torch.testing.assert_close(normalize(IMAGES, mean, std), expected, atol=1e-6, rtol=1e-6)


def test_normalize_by_zero_and_one_only_scales() -> None:
    scaled = normalize(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1), [0.0], [1.0])
    assert scaled.flatten().tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_normalize_gives_channels_last(dtype: torch.dtype) -> None:
    numbers = normalize(IMAGES, [0.5] * 3, [0.5] * 3, dtype)
    assert numbers.dtype == dtype
    assert numbers.is_contiguous(memory_format=torch.channels_last)
