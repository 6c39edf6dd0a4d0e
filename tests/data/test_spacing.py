import hashlib
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from dilated_cifar.config.spacing import SpacingConfig
from dilated_cifar.data.spacing import draw, read

BITS = {
    "train": "8826a6f957d9d7b3dbdc4348d845f27d28ef5cac69129b661a5f21b31702f756",
    "test": "5f16b7879a2f6e56a1b234b9d981ee2d242795f6f8be15f78a5b34564988a155",
}


def find_dots(image: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """The places that are all black or all white; nothing else in an image is."""
    return [(int(y), int(x)) for y, x in np.argwhere((image == 0).all(0) | (image == 255).all(0))]


def aligned_distances(dots: list[tuple[int, int]], reach: int) -> list[int]:
    """The distances up to `reach` of dots in one row or column."""
    distances = [abs(y - v) + abs(x - u) for (y, x), (v, u) in combinations(dots, 2) if y == v or x == u]
    return [distance for distance in distances if distance <= reach]


@pytest.mark.parametrize("name", BITS)
def test_the_bits_stay_what_they_were(name: str) -> None:
    images, labels = draw(SpacingConfig(), name, 200)
    assert hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest() == BITS[name]


@pytest.mark.parametrize(
    "config",
    [SpacingConfig(), SpacingConfig(smallest=1, largest=16, pairs=8), SpacingConfig(noise=0.0, shading=0.0)],
    ids=["default", "crowded", "flat"],
)
def test_the_only_distances_in_an_image_are_those_of_its_class(config: SpacingConfig) -> None:
    images, labels = draw(config, "train", 300)
    for image, label in zip(images, labels, strict=True):
        dots = find_dots(image)
        assert len(dots) == 2 * config.pairs
        expected = [int(label) + config.smallest] * config.pairs
        assert aligned_distances(dots, config.largest) == expected


def test_the_dots_of_an_image_are_all_black_or_all_white() -> None:
    images, _ = draw(SpacingConfig(), "train", 300)
    levels = [{int(image[0, y, x]) for y, x in find_dots(image)} for image in images]
    assert all(level in ({0}, {255}) for level in levels)
    assert 100 < levels.count({0}) < 200


def test_pairs_lie_along_rows_and_along_columns() -> None:
    images, _ = draw(SpacingConfig(pairs=1), "train", 1000)
    dots = [find_dots(image) for image in images]
    along_rows = sum(first[0] == second[0] for first, second in dots)
    assert 440 < along_rows < 560


def test_dots_come_near_every_border() -> None:
    images, _ = draw(SpacingConfig(), "train", 1000)
    hits = np.zeros((32, 32), dtype=int)
    for image in images:
        for y, x in find_dots(image):
            hits[y, x] += 1
    assert hits.min() > 0


@pytest.mark.parametrize("count", [1000, 1003])
def test_the_classes_are_balanced_and_in_no_order(count: int) -> None:
    _, labels = draw(SpacingConfig(), "train", count)
    counts = np.bincount(labels, minlength=10)
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1
    assert not np.array_equal(labels, np.sort(labels))
    assert len(set(labels[:50].tolist())) == 10


def test_the_background_is_as_the_config_says() -> None:
    flat, _ = draw(SpacingConfig(noise=0.0, shading=0.0), "train", 200)
    noisy, _ = draw(SpacingConfig(noise=0.03, shading=0.0), "train", 200)
    shaded, _ = draw(SpacingConfig(noise=0.0, shading=0.08), "train", 200)
    for image in flat:
        assert all(len(np.unique(colour)) == 2 for colour in image)  # the base and the dots
    difference = noisy.astype(int) - flat  # the same seed: the same base and the same dots
    assert abs(difference.mean()) < 0.05
    dots = (flat == 0) | (flat == 255)
    assert difference[~dots].std() == pytest.approx(0.03 * 255, rel=0.02)
    deviation = np.abs(shaded.astype(int) - flat)
    assert 0.05 * 255 < deviation.max() <= 0.08 * 255 + 1
    steps = np.abs(np.diff(shaded.astype(int), axis=3))[~(dots[..., 1:] | dots[..., :-1])]
    assert steps.max() <= 10  # smooth


def test_splits_are_drawn_apart() -> None:
    splits, _ = read(SpacingConfig(train=100, validation=100, test=100), ("train", "validation", "test"))
    images = np.concatenate([splits[name][0] for name in ("train", "validation", "test")])
    assert len(np.unique(images.reshape(300, -1), axis=0)) == 300


def test_another_seed_draws_other_images() -> None:
    one, _ = draw(SpacingConfig(), "train", 50)
    other, _ = draw(SpacingConfig(seed=1), "train", 50)
    assert (one != other).any(axis=(1, 2, 3)).all()


def test_classes_are_named_by_their_distance() -> None:
    names = SpacingConfig().class_names
    assert names == [f"{distance} pixels" for distance in range(2, 12)]
    assert SpacingConfig(smallest=1, largest=3).class_names == ["1 pixel", "2 pixels", "3 pixels"]


def test_the_normalisation_fits() -> None:
    config = SpacingConfig()
    images, _ = draw(config, "train", 2000)
    scaled = images / 255
    np.testing.assert_allclose(scaled.mean((0, 2, 3)), config.mean, atol=0.005)
    np.testing.assert_allclose(scaled.std((0, 2, 3)), config.std, atol=0.003)
