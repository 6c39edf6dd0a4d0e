"""The strongest channel of every layer, and class maps beside the last one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.residual import ResNetConfig
from dilated_cifar.config.run import Config
from dilated_cifar.device import Machine
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.class_maps import draw_class_maps, last_maps
from dilated_cifar.inspection.features import alike, draw_strongest, shown_layers, strongest_maps
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier

Panels = Callable[..., list[tuple[str, np.ma.MaskedArray]]]
NAMES = [f"class {number}" for number in range(10)]
IMAGES = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def trained(
    initialised: Callable[..., Classifier],
    stack: Callable[..., CnnConfig],
    make_config: Callable[..., Config],
    machine: Machine,
) -> Callable[..., Trained]:
    def make(label: str, *rates: int, names: list[str] = NAMES) -> Trained:
        model = initialised(stack(*rates))
        return Trained(Path("best.pt"), 1, names, make_config(), model, machine, label)

    return make


def test_the_strongest_channel_is_the_one_of_highest_mean(stack: Callable[..., CnnConfig]) -> None:
    model = build(stack(1, 1), 10).eval()
    assert shown_layers(model.features) == {"conv1": "relu1", "conv2": "relu2"}
    with torch.no_grad():
        model.features.get_submodule("norm1").bias.copy_(torch.eye(8)[5] * 50)
    first, second = strongest_maps(model, torch.randn(2, 3, 32, 32))
    assert first.channels == [5, 5]
    assert first.maps.shape == (2, 30, 30)
    assert second.maps.shape == (2, 28, 28)
    assert bool((first.maps >= 0).all())


def test_blocks_are_shown_as_a_whole() -> None:
    model = build(ResNetConfig(width=4), 10)
    assert list(shown_layers(model.features)) == [
        "stem",
        *(f"stage{stage}.{block}" for stage in (1, 2, 3) for block in (0, 1)),
    ]
    pooled = build(CnnConfig(channels=[4, 4], dilations=[1, 1], pool=True), 10)
    assert shown_layers(pooled.features) == {"conv1": "pool1", "conv2": "relu2"}


def test_class_maps_average_to_the_logits(
    initialised: Callable[..., Classifier], stack: Callable[..., CnnConfig], inputs: Tensor
) -> None:
    model = initialised(stack(1, 2, 5))
    maps = class_maps(model, inputs, batch=5)
    assert maps.shape == (12, 10, 16, 16)
    torch.testing.assert_close(maps.mean((2, 3)), model(inputs).detach(), atol=1e-5, rtol=1e-4)


def test_the_picture_of_features_shows_each_layers_strongest_map(
    trained: Callable[..., Trained], panels: Panels
) -> None:
    network = trained("dilated", 1, 2)
    layers = strongest_maps(network.model, network.inputs(IMAGES))
    drawn = panels(draw_strongest([("dilated", layers)], IMAGES, ["$a^$", "b"]))
    assert [title.splitlines()[0] for title, _ in drawn] == [
        title for name in (r"\$a^\$", "b") for title in (name, "conv1 (30x30)", "conv2 (26x26)")
    ]
    for number in range(2):
        assert np.array_equal(drawn[3 * number][1], IMAGES[number].permute(1, 2, 0))
        for place, layer in enumerate(layers, start=1):
            assert np.array_equal(drawn[3 * number + place][1], layer.maps[number])


def test_networks_with_as_many_layers_fill_a_sheet_together(trained: Callable[..., Trained]) -> None:
    networks = [trained("one", 1, 2), trained("deep", 1, 1, 1), trained("two", 2, 2)]
    layers = [(each.label, strongest_maps(each.model, each.inputs(IMAGES))) for each in networks]
    sheets = [[label for label, _ in group] for group in alike(layers)]
    assert sheets == [["one", "two"], ["deep"]]
    for group in alike(layers):
        # No part of a sheet is empty.
        assert all(axes.images for axes in draw_strongest(group, IMAGES, ["a", "b"]).axes)


def test_the_picture_of_class_maps_shows_the_predicted_class(
    trained: Callable[..., Trained], panels: Panels, tmp_path: Path
) -> None:
    networks = [trained("one", 1, 2), trained("two", 2, 2)]
    maps = [(each.label, last_maps(each, IMAGES)) for each in networks]
    figure = draw_class_maps(maps, IMAGES, ["$a^$", "b"])
    drawn = panels(figure)
    assert len(drawn) == 2 * (1 + 2 + 2)
    for number in range(2):
        for column, network in enumerate(networks):
            inputs = network.inputs(IMAGES)
            winner = int(network.model(inputs).argmax(1)[number])
            (title, class_map), (_, last) = drawn[5 * number + 1 + 2 * column : 5 * number + 3 + 2 * column]
            assert title == f"{network.label}: {NAMES[winner]}"
            assert np.array_equal(class_map, class_maps(network.model, inputs, batch=2)[number, winner])
            assert np.array_equal(last, strongest_maps(network.model, inputs)[-1].maps[number])
    figure.savefig(tmp_path / "maps.png")  # a name with mathematics in it is drawn as it is
