"""Gridding: figures of maps whose answer is known, and facts that hold for any weights."""

from collections.abc import Callable
from math import isinf, isnan

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.residual import DrnConfig, ResNetConfig
from dilated_cifar.device import Machine
from dilated_cifar.dilation.coverage import lattice_share, network_count_map
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.control import measure, measure_control
from dilated_cifar.inspection.gridding import draw_lattices, overlap, variogram, variogram_ratio
from dilated_cifar.inspection.observation import (
    LabelledGradients,
    Stage,
    Target,
    choose_target,
    mean_gradients,
)
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier

Initialised = Callable[..., Classifier]
Stack = Callable[..., CnnConfig]


def target_of(model: nn.Module) -> Target:
    return choose_target(trace(model, (3, 32, 32)))


def test_the_variogram_of_a_constant_a_slope_noise_and_a_checkerboard() -> None:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    checkerboard = ((rows + columns) % 2).float()
    assert variogram(checkerboard, 1) == 1.0
    assert variogram(checkerboard, 2) == 0.0
    assert isinf(variogram_ratio(checkerboard, 2))
    assert isnan(variogram_ratio(torch.full((8, 8), 3.0), 2))
    assert variogram_ratio((rows + columns).float(), 2) == pytest.approx(0.25)
    noise = torch.randn(4, 64, 64, generator=torch.Generator().manual_seed(0))
    assert variogram_ratio(noise, 2) == pytest.approx(1.0, abs=0.05)
    assert variogram_ratio(noise + 2 * checkerboard, 2) > 1.5
    assert isnan(variogram_ratio(noise[:, :2, :2], 2))


def test_the_overlap_of_disjoint_shifted_and_equal_maps() -> None:
    even, odd = torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.tensor([[0.0, 5.0, 0.0, 1.0]])
    assert overlap(even, odd) == 0.0
    assert overlap(even, 7 * even) == pytest.approx(1.0)
    assert overlap(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 1.0]])) == pytest.approx(0.5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("rates", [(2, 2, 2), (1, 2, 2, 2), (1, 2, 4), (3, 3)])
def test_rates_that_keep_to_their_lattice_have_a_share_of_one(
    initialised: Initialised, stack: Stack, inputs: Tensor, rates: tuple[int, ...], padding: str
) -> None:
    values = measure(initialised(stack(*rates, padding=padding)), inputs).values
    assert values["lattice_share"] == pytest.approx(1.0, abs=1e-6)
    assert values["overlap_stage"] == 0.0


@pytest.mark.parametrize("rates", [(1, 2, 5), (1, 2, 3), (2, 1), (1, 2, 3, 1, 2, 3)])
def test_rates_that_mix_the_lattices_have_a_share_near_no_preference(
    initialised: Initialised, stack: Stack, inputs: Tensor, rates: tuple[int, ...]
) -> None:
    model = initialised(stack(*rates))
    stage = target_of(model).stage
    assert stage is not None
    share = measure(model, inputs).values["lattice_share"]
    # What the paths alone would give: weights change it, but not beyond recognition.
    counts = network_count_map(model, (3, 32, 32), layer="features", source=stage.layer)
    assert share == pytest.approx(lattice_share(counts, stage.position, stage.rate), abs=0.12)
    assert share < 0.5


def test_neighbours_share_no_pixel_of_the_image_at_rates_222(
    initialised: Initialised, stack: Stack, inputs: Tensor
) -> None:
    assert measure(initialised(stack(2, 2, 2)), inputs).values["overlap_image"] == 0.0
    assert measure(initialised(stack(1, 1, 1)), inputs).values["overlap_image"] > 0.5


def test_a_network_without_a_dilated_stage_has_no_lattice(
    initialised: Initialised, stack: Stack, inputs: Tensor
) -> None:
    for config in (stack(1, 1, 1), stack(1, 1, 2), ResNetConfig(width=4, blocks=[1, 1, 1])):
        model = initialised(config)
        assert target_of(model).stage is None
        values = measure(model, inputs).values
        assert isnan(values["lattice_share"])
        assert isnan(values["overlap_stage"])
        assert 0 < values["radius_50"] < values["radius_95"] < 32


class Block(nn.Module):
    """A residual block of two dilated convolutions, the first with a rate of its own."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(6, 6, 3, padding=first, dilation=first)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=second, dilation=second)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.relu(self.conv2(self.relu(self.conv1(features))).add_(features))
        return output


def residual(*blocks: tuple[int, int], tail: int = 0) -> Classifier:
    """A stem, residual blocks and convolutions without dilation or shortcuts behind them."""
    behind = [nn.Conv2d(6, 6, 3, padding=1) for _ in range(tail)]
    features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), *(Block(*rates) for rates in blocks), *behind)
    return Classifier(features, 6, 10).eval()


def test_shortcuts_keep_the_grid_and_plain_layers_behind_it_mend_it(inputs: Tensor) -> None:
    torch.manual_seed(0)
    # The first convolution of the group keeps the rate of the group before, as in DRN-A: it mixes the
    # lattices, so the stage begins behind it.
    gridded = residual((1, 2), (2, 2))
    assert target_of(gridded).stage == Stage("features.1.conv2", 2, (16, 16))
    assert measure(gridded, inputs).values["lattice_share"] == pytest.approx(1.0, abs=1e-6)
    mended = residual((1, 2), (2, 2), tail=2)
    assert measure(mended, inputs).values["lattice_share"] < 0.6


def test_each_drn_reads_less_of_its_own_lattice_than_the_one_before(inputs: Tensor, machine: Machine) -> None:
    shares = []
    for variant in "abcd":
        config = DrnConfig(variant=variant, layout="F", width=4)
        target = target_of(build(config, 10))
        control = measure_control(config, 10, inputs, machine, target, count=3, seed=0)
        shares.append(sum(control.values("lattice_share")) / 3)
    # 1.00 by its structure, the others about as in an independent estimate: 0.44, 0.28, 0.17.
    assert shares == pytest.approx([1.0, 0.44, 0.28, 0.17], abs=0.08)
    assert shares == sorted(shares, reverse=True)


def test_the_picture_marks_the_lattice_and_leaves_out_networks_without_one(
    initialised: Initialised,
    stack: Stack,
    inputs: Tensor,
    panels: Callable[..., list[tuple[str, np.ma.MaskedArray]]],
) -> None:
    networks = []
    for label, rates in (("plain", (1, 1, 1)), ("gridded", (2, 2, 2))):
        model = initialised(stack(*rates))
        target = target_of(model)
        networks.append(LabelledGradients(label, target, {"trained": mean_gradients(model, inputs, target)}))
    assert draw_lattices(networks[:1]) is None
    figure = draw_lattices(networks)
    assert figure is not None
    ((title, drawn),) = panels(figure)
    assert figure.subfigs[0].get_suptitle() == "gridded: input of features.conv1, rate 2"
    assert title == "trained: 100% on its own lattice"
    gradient = networks[1].gradients["trained"].stage
    assert gradient is not None
    np.testing.assert_allclose(drawn.filled(0), (gradient[0] / gradient[0].max()).numpy(), rtol=1e-6)
    marks = {(int(row), int(column)) for column, row in figure.axes[0].lines[0].get_xydata()}
    assert marks == {(row, column) for row, column in gradient[0].nonzero().tolist()}
