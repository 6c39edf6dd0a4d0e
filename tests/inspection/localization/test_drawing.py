"""What the picture of localization shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dilated_cifar.config.run import Config
from dilated_cifar.device import choose_machine
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.localization.drawing import FOUND, TRUE, draw_localization, draw_pages, localize
from dilated_cifar.inspection.localization.grid import class_grid
from dilated_cifar.models.classifier import Classifier


@pytest.fixture
def red(make_config: Callable[..., Config]) -> Trained:
    """A network whose class maps are the brightness of red and a constant."""
    features = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False))
    network = Classifier(features, 1, 2).eval()
    with torch.no_grad():
        features[0].weight.copy_(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1))
        network.classifier.weight.copy_(torch.tensor([[1.0], [0.0]]))
        network.classifier.bias.copy_(torch.tensor([0.0, 0.02]))
    config = make_config("data.mean=[0,0,0]", "data.std=[1,1,1]")
    machine = choose_machine("cpu", precision="fp32", channels_last=False)
    return Trained(Path("best.pt"), 1, ["red", "none"], config, network, machine, "red")


def test_the_picture_shows_image_heat_map_mask_and_both_boxes(red: Trained) -> None:
    image = torch.zeros(3, 16, 16, dtype=torch.uint8)
    image[0, 2:8, 4:12] = 255
    true = torch.tensor([2, 4, 8, 12])
    shown = localize(red, class_grid(red, (16, 16), key="canvas=16"), image, true, 0.5)
    assert (shown.predicted, shown.overlap, shown.box) == ("red", 1.0, [2.0, 4.0, 8.0, 12.0])
    figure = draw_localization([image], ["$a^$"], [true.tolist()], [("net", [shown])])
    plain, heat, mask = figure.axes
    assert np.array_equal(plain.images[0].get_array(), image.permute(1, 2, 0))
    np.testing.assert_allclose(heat.images[1].get_array(), image[0] / 255, atol=1e-6)
    assert np.array_equal(mask.images[0].get_array(), image[0] == 255)
    assert heat.get_title() == "net\nred, IoU 1.00"
    for axes, colours in ((plain, [TRUE]), (heat, [TRUE, FOUND]), (mask, [TRUE, FOUND])):
        outlines = axes.patches[1::2]  # each box is drawn twice, first in black
        assert len(outlines) == len(colours)
        assert {(box.get_x(), box.get_y(), box.get_width(), box.get_height()) for box in outlines} == {
            (3.5, 1.5, 8.0, 6.0)
        }


def test_more_images_than_rows_go_to_further_pages(red: Trained, tmp_path: Path) -> None:
    image = torch.zeros(3, 8, 8, dtype=torch.uint8)
    shown = localize(red, class_grid(red, (8, 8), key="canvas=8"), image, None, 0.5)
    assert (shown.overlap, shown.box) == (None, None)
    output = Output(tmp_path)
    draw_pages(output, "pictures", [image] * 21, ["a"] * 21, None, [("net", [shown] * 21)])
    assert [path.name for path in output.written] == ["pictures.png", "pictures-2.png"]
