"""Thresholds and figures, with a network whose class maps are known."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dilated_cifar.config.run import Config
from dilated_cifar.data.scenes import BACKGROUNDS, Scenes
from dilated_cifar.device import choose_machine
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.localization.accuracy import ALL, CENTRE, WHOLE, Outcome, outcomes
from dilated_cifar.inspection.localization.grid import class_grid, maps_of
from dilated_cifar.inspection.localization.responses import (
    NATIVE,
    UPSAMPLED,
    Answers,
    choose_side,
    choose_threshold,
    respond,
)
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.progress import Steps

SIDE = 16
MACHINE = choose_machine("cpu", precision="fp32", channels_last=False)


@pytest.fixture
def colours(make_config) -> Trained:  # type: ignore[no-untyped-def]
    """A network whose features are the colours: class 0 answers to red, class 1 to green."""
    features = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False))
    network = Classifier(features, 3, 3).eval()
    with torch.no_grad():
        features[0].weight.copy_(torch.eye(3)[:, :, None, None])
        network.classifier.weight.copy_(torch.eye(3))
        network.classifier.bias.copy_(torch.tensor([0.0, 0.0, 0.01]))
    config: Config = make_config("data.mean=[0,0,0]", "data.std=[1,1,1]")
    return Trained(Path("best.pt"), 1, ["red", "green", "none"], config, network, MACHINE, "colours")


def coloured_scenes(count: int, seed: int) -> Scenes:
    """Squares of red or green on black, each with its true box, brightness from one half to one."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.zeros(count, 3, SIDE, SIDE, dtype=torch.uint8)
    labels = torch.arange(count) % 2
    boxes = torch.empty(count, 4, dtype=torch.int64)
    for number in range(count):
        side = int(torch.randint(4, 12, (), generator=draw))
        top, left = torch.randint(0, SIDE - side + 1, (2,), generator=draw).tolist()
        boxes[number] = torch.tensor([top, left, top + side, left + side])
        level = int(torch.randint(128, 256, (), generator=draw))
        images[number, labels[number], top : top + side, left : left + side] = level
    return Scenes(images, labels, boxes, torch.arange(count) % len(BACKGROUNDS))


def answers_of(trained: Trained, scenes: Scenes, batch: int | None = None) -> Answers:
    return respond(trained, scenes, class_grid(trained, (SIDE, SIDE), key="canvas=16"), batch=batch)


def localized(
    trained: Trained, tuning: Scenes, scenes: Scenes, *, side: int = 4, threshold: float | None = None
) -> dict[str, Outcome]:
    grid = class_grid(trained, (SIDE, SIDE), key="canvas=16")
    found = outcomes(trained, grid, tuning, scenes, side=side, threshold=threshold, steps=Steps(shown=False))
    return {outcome.box: outcome for outcome in found}


def test_class_maps_are_the_colours_and_their_mean_the_logit(colours: Trained) -> None:
    scenes = coloured_scenes(20, 0)
    maps = maps_of(colours, scenes.images)
    torch.testing.assert_close(maps[:, :2], scenes.images[:, :2] / 255)
    torch.testing.assert_close(maps.mean((2, 3)), colours.model(colours.inputs(scenes.images)).detach())


def test_a_perfect_class_map_localizes_every_scene_and_a_baseline_does_not(colours: Trained) -> None:
    tuning, scenes = coloured_scenes(60, 1), coloured_scenes(90, 2)
    found = localized(colours, tuning, scenes, side=choose_side(tuning))
    assert list(found) == [NATIVE, UPSAMPLED, WHOLE, CENTRE]
    for resolution in (NATIVE, UPSAMPLED):
        figures = found[resolution].figures[ALL]
        assert figures.localized.value == figures.localized_true.value == figures.pointing.value == 1.0
        assert figures.localized.low < 0.97
        # At the darkest square's own level, which is the threshold, interpolation may round a line away.
        assert figures.mean_iou > 0.99
    assert found[NATIVE].figures[ALL].mean_iou == 1.0
    whole = found[WHOLE].figures[ALL]
    areas = (scenes.boxes[:, 2] - scenes.boxes[:, 0]) ** 2 / SIDE**2
    assert whole.mean_iou == pytest.approx(float(areas.double().mean()))
    assert whole.localized_true.value == pytest.approx(float((areas >= 0.5).double().mean()))
    assert found[CENTRE].figures[ALL].mean_iou < 1.0
    assert {name: figures.scenes for name, figures in found[NATIVE].figures.items()} == {
        "all": 90, "mean": 30, "noise": 30, "blur": 30
    }  # fmt: skip


def test_a_wrong_prediction_is_not_localized_but_its_true_class_is(colours: Trained) -> None:
    scenes = coloured_scenes(30, 3)
    with torch.no_grad():  # green has a response, but less than red's bias everywhere
        colours.model.classifier.bias.copy_(torch.tensor([0.4, 0.0, 0.0]))
    figures = localized(colours, scenes, scenes, threshold=0.0)[NATIVE].figures[ALL]
    red = scenes.labels == 0
    assert figures.accuracy.value == pytest.approx(float(red.double().mean()))
    assert figures.localized_true.value > 0.4


def test_no_cell_above_the_threshold_is_no_box_and_counts_as_a_miss(colours: Trained) -> None:
    scenes = coloured_scenes(30, 4)
    figures = localized(colours, scenes, scenes, threshold=2.0)[NATIVE].figures[ALL]
    assert figures.boxless == 1.0
    assert figures.mean_iou == figures.localized.value == figures.localized_true.value == 0.0
    assert figures.accuracy.value == 1.0


def test_the_threshold_is_the_one_that_localizes_most_tuning_scenes(colours: Trained) -> None:
    scenes = coloured_scenes(40, 5)
    halo = scenes.images.clone().float()
    spread = nn.functional.max_pool2d(halo, 7, stride=1, padding=3) * 0.4
    blurred = Scenes(torch.maximum(halo, spread).byte(), scenes.labels, scenes.boxes, scenes.backgrounds)
    threshold = choose_threshold(answers_of(colours, blurred), NATIVE, blurred)
    # The halo has at most 0.4 of the brightest, the squares at least 0.5.
    best, *others = (
        localized(colours, blurred, blurred, threshold=value)[NATIVE].figures[ALL].localized.value
        for value in (threshold, -1.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.6, 0.8)
    )
    assert best >= max(others) > min(others)


def test_the_side_of_the_centre_box_is_chosen_too() -> None:
    scenes = coloured_scenes(10, 6)
    boxes = torch.tensor([[5, 5, 11, 11]]).repeat(10, 1)
    side = choose_side(Scenes(scenes.images, scenes.labels, boxes, scenes.backgrounds))
    # 36 pixels: the smallest square in the middle that overlaps by half has 5x5 of them.
    assert side == 5


@pytest.mark.parametrize(
    ("layer", "message"),
    [(nn.Conv2d(3, 3, 17), "expected a larger image"), (nn.Conv2d(3, 3, 16), "has 1x1 cells")],
)
def test_a_network_without_a_class_map_is_refused(colours: Trained, layer: nn.Module, message: str) -> None:
    network = Classifier(nn.Sequential(layer), 3, 3)
    blind = Trained(colours.path, 1, colours.class_names, colours.config, network, MACHINE, "blind")
    with pytest.raises(UserError, match=message):
        class_grid(blind, (SIDE, SIDE), key="canvas=16")


def test_cells_lie_where_the_trace_says(colours: Trained) -> None:
    layers = nn.Sequential(nn.Conv2d(3, 3, 3, stride=2, padding=1), nn.Conv2d(3, 3, 3))
    network = Classifier(layers, 3, 3)
    strided = Trained(colours.path, 1, colours.class_names, colours.config, network, MACHINE, "strided")
    grid = class_grid(strided, (SIDE, 12), key="canvas=16")
    assert grid.start == (2.0, 2.0)
    assert grid.jump == (2.0, 2.0)
    assert grid.shape == (6, 4)


def test_a_threshold_needs_a_cell_where_the_predicted_class_wins(colours: Trained) -> None:
    black = coloured_scenes(2, 9)
    with torch.no_grad():  # predicted on the whole, for being second everywhere
        colours.model.classifier.weight.copy_(torch.tensor([[2.0, -2, 0], [-2.0, 2, 0], [0, 0, 0]]))
    halves = torch.zeros_like(black.images)
    halves[:, 0, :, : SIDE // 2] = 255
    halves[:, 1, :, SIDE // 2 :] = 255
    scenes = Scenes(halves, black.labels, black.boxes, black.backgrounds)
    with pytest.raises(UserError, match="tuning=2: on no scene does the predicted class win"):
        choose_threshold(answers_of(colours, scenes), NATIVE, scenes)


def test_a_network_that_diverged_is_refused(colours: Trained) -> None:
    with torch.no_grad():
        colours.model.classifier.weight.fill_(torch.nan)
    with pytest.raises(UserError, match="not finite numbers"):
        answers_of(colours, coloured_scenes(4, 8))


def test_responses_do_not_depend_on_the_batch(colours: Trained) -> None:
    scenes = coloured_scenes(101, 7)
    at_once, in_batches = (answers_of(colours, scenes, batch) for batch in (101, 30))
    for resolution in (NATIVE, UPSAMPLED):
        one, other = (answers.responses[resolution] for answers in (at_once, in_batches))
        torch.testing.assert_close(one.predicted, other.predicted)
        torch.testing.assert_close(one.true, other.true)
        assert torch.equal(one.peak, other.peak)
