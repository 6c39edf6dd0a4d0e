from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dilated_cifar.data.scenes import BACKGROUNDS, CHUNK, Scenes, choose_others, make_scenes, paste
from dilated_cifar.data.splits import Split

MEAN, STD = [0.6, 0.5, 0.4], [0.12, 0.1, 0.08]
MEAN_LEVELS = torch.tensor([153, 128, 102]).view(3, 1, 1)  # 127.5 is rounded to even
GENERATOR = torch.Generator().manual_seed(0)
SPLIT = Split(
    torch.randint(0, 256, (240, 3, 32, 32), generator=GENERATOR).to(torch.uint8), torch.arange(240) % 10
)


def make(split: Split = SPLIT, **changed: Any) -> Scenes:
    choices: dict[str, Any] = {"count": 60, "canvas": 64, "mean": MEAN, "std": STD, "seed": 0}
    return make_scenes(split, **(choices | changed))


def flat(levels: Sequence[int]) -> Split:
    """Images of one grey level each, which is their class too."""
    labels = torch.tensor(levels)
    return Split(labels.to(torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, 32, 32), labels)


def equal(one: Scenes, other: Scenes) -> bool:
    return all(torch.equal(value, getattr(other, name)) for name, value in vars(one).items())


def inside(scenes: Scenes) -> list[torch.Tensor]:
    """The image [3, side, side] in every scene."""
    return [
        image[:, top:bottom, left:right]
        for image, (top, left, bottom, right) in zip(scenes.images, scenes.boxes.tolist(), strict=True)
    ]


def outside(scenes: Scenes, background: str) -> list[torch.Tensor]:
    """The pixels [3, M] around the image, of every scene with this background."""
    parts = []
    for image, (top, left, bottom, right), kind in zip(
        scenes.images, scenes.boxes.tolist(), scenes.backgrounds.tolist(), strict=True
    ):
        if BACKGROUNDS[kind] == background:
            around = torch.ones(image.shape[1:], dtype=torch.bool)
            around[top:bottom, left:right] = False
            parts.append(image[:, around])
    assert parts
    return parts


def test_the_boxes_are_where_the_images_are() -> None:
    scenes = make(flat([255] * 100), count=100, canvas=70, backgrounds=["mean"])
    for image, (top, left, bottom, right) in zip(scenes.images, scenes.boxes.tolist(), strict=True):
        expected = MEAN_LEVELS.repeat(1, 70, 70)
        expected[:, top:bottom, left:right] = 255
        assert torch.equal(image, expected.to(torch.uint8))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**40), st.integers(32, 80), st.integers(8, 80), st.integers(8, 80))
def test_images_lie_wholly_on_the_canvas_at_the_sizes_asked_for(
    seed: int, canvas: int, one: int, other: int
) -> None:
    smallest, largest = sorted((min(one, canvas), min(other, canvas)))
    scenes = make(count=12, canvas=canvas, seed=seed, scales=[smallest / 32, largest / 32])
    assert scenes.images.shape == (12, 3, canvas, canvas)
    assert scenes.images.dtype == torch.uint8
    top, left, bottom, right = scenes.boxes.T
    assert scenes.boxes.min() >= 0
    assert scenes.boxes.max() <= canvas
    assert torch.equal(bottom - top, right - left)
    assert (bottom - top).min() >= smallest
    assert (bottom - top).max() <= largest


def test_every_size_and_place_comes_about_as_often_as_the_others() -> None:
    images = SPLIT.images[:1].expand(9000, 3, 32, 32)[:, :1, ::8, ::8]  # 4 by 4 pixels
    kinds = np.zeros(9000, dtype=np.int64)
    _, boxes = paste(images, kinds, images, 0, canvas=6, scales=[0.5, 1], mean=[0.5], std=[0.1])
    sides = boxes[:, 2] - boxes[:, 0]
    assert sides.bincount().tolist()[:2] == [0, 0]
    assert ((sides.bincount()[2:] - 3000).abs() < 180).all()  # 4 standard deviations
    largest = boxes[sides == 4]
    places = (largest[:, 0] * 3 + largest[:, 1]).bincount(minlength=9)
    assert ((places - len(largest) / 9).abs() < 72).all()


@pytest.mark.parametrize("side", [16, 23, 32, 33, 48])
def test_images_are_resized_as_torch_does_it_with_antialiasing(side: int) -> None:
    scenes = make(scales=[side / 32] * 2)
    order = make(scales=[1, 1])  # the same images in the same order, unchanged
    for image, pasted in zip(inside(order), inside(scenes), strict=True):
        assert (SPLIT.images == image).flatten(1).all(1).any()
        expected = F.interpolate(image[None].float(), (side, side), mode="bilinear", antialias=True)[0]
        assert (pasted - expected).abs().max() < 0.51  # rounded to a level
    assert torch.equal(scenes.labels, order.labels)


@pytest.mark.parametrize("backgrounds", [BACKGROUNDS, ("blur", "mean"), ("noise",)])
def test_every_class_has_every_background_equally_often(backgrounds: Sequence[str]) -> None:
    scenes = make(count=240, backgrounds=backgrounds)
    counts = torch.zeros(10, 3, dtype=torch.int64)
    counts.index_put_((scenes.labels, scenes.backgrounds), torch.tensor(1), accumulate=True)
    for kind, name in enumerate(BACKGROUNDS):
        share = 24 // len(backgrounds) if name in backgrounds else 0
        assert counts[:, kind].tolist() == [share] * 10


def test_a_few_scenes_have_all_backgrounds_in_equal_numbers() -> None:
    assert make(count=9).backgrounds.bincount().tolist() == [3, 3, 3]


def test_the_background_mean_is_the_mean_colour() -> None:
    for pixels in outside(make(), "mean"):
        assert (pixels == MEAN_LEVELS.flatten()[:, None]).all()


def test_the_background_noise_is_normal_around_the_mean() -> None:
    pixels = torch.cat(outside(make(count=120, canvas=65, backgrounds=["noise"]), "noise"), 1).double()
    deviations = (pixels / 255 - torch.tensor(MEAN)[:, None]) / torch.tensor(STD)[:, None]
    assert deviations.mean(1).abs().max() < 0.02
    assert (deviations.std(1) - 1).abs().max() < 0.02
    assert ((deviations.abs() < 2).double().mean(1) - 0.954).abs().max() < 0.01
    assert (torch.corrcoef(deviations) - torch.eye(3)).abs().max() < 0.02  # each colour by itself


def test_noise_is_cut_at_black_and_white() -> None:
    (pixels,) = outside(make(count=1, std=[10.0] * 3, backgrounds=["noise"]), "noise")
    assert ((pixels == 0) | (pixels == 255)).double().mean() > 0.9


def test_no_two_scenes_share_their_noise() -> None:
    scenes = make(flat([0] * 240), count=CHUNK + 20, scales=[0.25, 0.25], backgrounds=["noise"])
    sample = scenes.images[..., ::4, ::4].flatten(1)
    alike = (sample[:, None] == sample).double().mean(2)
    assert (alike - torch.eye(len(alike))).max() < 0.2


def test_the_background_blur_has_the_colour_of_an_image_of_another_class() -> None:
    levels = [10, 60, 110, 160, 210] * 8
    scenes = make(flat(levels), count=40, backgrounds=["blur"])
    seen = set()
    for pixels, label in zip(outside(scenes, "blur"), scenes.labels.tolist(), strict=True):
        (level,) = pixels.unique().tolist()
        assert level in levels
        assert level != label
        seen.add((label, level))
    assert len(seen) > 10  # of 20


def test_the_background_blur_shows_no_detail() -> None:
    stripes = (torch.arange(32) // 2 % 2 * 255).to(torch.uint8).expand(60, 3, 32, 32)
    scenes = make(Split(stripes, torch.arange(60) % 10), count=60, scales=[0.25, 0.25], backgrounds=["blur"])
    for pixels in outside(scenes, "blur"):
        assert pixels.max() - pixels.min() < 80  # of 255, for stripes of 2 pixels


def test_the_background_blur_keeps_the_colours_of_a_large_area() -> None:
    halves = torch.zeros(60, 3, 32, 32, dtype=torch.uint8)
    halves[:, :, :16] = 200
    scenes = make(Split(halves, torch.arange(60) % 10), count=60, scales=[0.25, 0.25], backgrounds=["blur"])
    columns = scenes.images[scenes.boxes[:, 1] > 0, 0, :, 0]  # the left border, where no image lies on it
    tops = columns[:, 0].sort().values
    assert tops[-1] > 190
    assert tops[0] < 150  # another part of the image
    assert (columns.int().diff(dim=1) <= 1).all()  # from bright above to dark below


def test_the_same_arguments_make_the_same_scenes_whatever_torchs_generator() -> None:
    torch.manual_seed(1)
    one = make()
    torch.manual_seed(2)
    assert equal(one, make())


def test_the_choices_stay_what_they_were() -> None:
    # a changed value here changes every published figure
    scenes = make(count=4)
    assert scenes.labels.tolist() == [5, 0, 2, 1]
    assert scenes.boxes.tolist() == [[8, 28, 31, 51], [13, 7, 42, 36], [16, 26, 48, 58], [39, 23, 58, 42]]
    assert scenes.backgrounds.tolist() == [1, 2, 0, 0]


def test_another_seed_makes_other_scenes() -> None:
    one, other = make(seed=0), make(seed=1)
    for name in vars(one):
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_another_purpose_makes_other_scenes_of_the_same_seed() -> None:
    one, other = make(purpose="train"), make(purpose="test")
    for name in vars(one):
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_the_images_sizes_and_places_do_not_depend_on_the_backgrounds() -> None:
    one, other = make(backgrounds=["mean"]), make(backgrounds=["noise", "blur"])
    assert torch.equal(one.labels, other.labels)
    assert torch.equal(one.boxes, other.boxes)
    assert all(map(torch.equal, inside(one), inside(other)))


def test_more_scenes_begin_with_the_same_ones() -> None:
    few, many = (make(count=count, backgrounds=["noise"]) for count in (CHUNK + 20, CHUNK + 50))
    assert equal(few, Scenes(*(value[: CHUNK + 20] for value in vars(many).values())))


def test_the_memory_format_of_the_images_does_not_matter() -> None:
    moved = Split(SPLIT.images.to(memory_format=torch.channels_last), SPLIT.labels)
    assert equal(make(), make(moved))


def test_the_classes_are_equally_many_and_each_image_comes_once() -> None:
    scenes = make(count=240, scales=[1, 1], canvas=32)
    assert scenes.labels.bincount().tolist() == [24] * 10
    assert len({image.numpy().tobytes() for image in scenes.images}) == 240
    assert make(count=20).labels.bincount().tolist() == [2] * 10


def test_more_scenes_than_images_are_refused() -> None:
    with pytest.raises(ValueError, match="count=241: expected at most the 240 images"):
        make(count=241)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 2**40))
def test_the_other_image_is_of_another_class_where_there_is_one(labels: list[int], seed: int) -> None:
    numbers, classes = np.arange(len(labels)), np.array(labels)
    others = choose_others(numbers, classes, seed)
    if len(set(labels)) > 1:
        assert (classes[others] != classes).all()
    elif len(labels) > 1:
        assert (others != numbers).all()
    else:
        assert others.tolist() == [0]


def test_every_image_of_another_class_is_chosen_about_equally_often() -> None:
    labels = np.array([0, 1, 2, 1, 0, 2, 2])
    others = choose_others(np.full(5000, 1), labels, 0)
    counts = np.bincount(others, minlength=7)
    assert counts[[1, 3]].tolist() == [0, 0]
    assert (np.abs(counts[[0, 2, 4, 5, 6]] - 1000) < 113).all()  # 4 standard deviations


@given(st.integers(0, 2**40), st.integers(1, 8))
def test_a_scene_does_not_depend_on_how_many_follow_it(seed: int, count: int) -> None:
    kinds, images, others = np.arange(9) % 3, SPLIT.images[:9], SPLIT.images[9:18]
    choices: dict[str, Any] = {"canvas": 48, "scales": [0.5, 1.5], "mean": MEAN, "std": STD}
    whole, boxes = paste(images, kinds, others, seed, **choices)
    few, few_boxes = paste(images[:count], kinds[:count], others[:count], seed, **choices)
    assert torch.equal(boxes[:count], few_boxes)
    assert torch.equal(whole[:count], few)
