import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dilated_cifar.dilation.coverage import (
    count_map,
    count_maps,
    count_unit,
    covered_share,
    lattice_share,
    network_count_map,
)
from dilated_cifar.dilation.rates import has_holes, judge
from dilated_cifar.dilation.trace import trace
from dilated_cifar.dilation.unit_field import Window, centre_line, seen_of


class Residual(nn.Module):
    """Two convolutions with a norm and activations, added in place to the identity."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        out: torch.Tensor = self.relu(y.add_(x))
        return out


def stack(rates: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index, rate in enumerate(rates):
        layers += [nn.Conv2d(3 if index == 0 else 5, 5, 3, padding=rate, dilation=rate), nn.ReLU()]
    return nn.Sequential(*layers)


def test_the_published_pictures_come_out_with_their_numbers() -> None:
    gridded, dense = count_map([2, 2, 2]), count_map([1, 2, 3])
    assert gridded.shape == dense.shape == (13, 13)
    assert gridded.sum() == dense.sum() == 729
    assert (gridded.max(), dense.max()) == (49, 9)
    row = torch.tensor([1, 0, 3, 0, 6, 0, 7, 0, 6, 0, 3, 0, 1], dtype=torch.float64)
    assert torch.equal(gridded, row[:, None] * row)
    row = torch.tensor([1, 1, 2, 2, 3, 3, 3, 3, 3, 2, 2, 1, 1], dtype=torch.float64)
    assert torch.equal(dense, row[:, None] * row)


def test_the_maps_grow_layer_by_layer_from_the_last_to_the_image() -> None:
    maps = count_maps([1, 2, 5])
    assert [tuple(counts.shape) for counts in maps] == [(11, 11), (15, 15), (17, 17)]
    assert [float(counts.sum()) for counts in maps] == [9, 81, 729]
    assert torch.equal(maps[-1], count_map([1, 2, 5]))


@pytest.mark.parametrize("sizes", [[3], [5], [7], [2], [4], [1, 2, 3, 5]])
def test_the_exact_criterion_agrees_with_the_map_on_a_thousand_lists(sizes: list[int]) -> None:
    source = random.Random(sum(sizes))
    outcomes = set()
    for _ in range(1000):
        rates = [source.randint(1, source.choice([3, 6, 12])) for _ in range(source.randint(1, 4))]
        kernels = [source.choice(sizes) for _ in rates]
        # One dimension decides: the map is the outer product of its middle row's support with itself.
        line = torch.ones(1, 1, 1, dtype=torch.float64)
        for rate, kernel in zip(rates, kernels, strict=True):
            line = F.conv_transpose1d(line, torch.ones(1, 1, kernel, dtype=torch.float64), dilation=rate)
        assert has_holes(rates, kernels) == bool((line == 0).any()), (rates, kernels)
        outcomes.add(has_holes(rates, kernels))
    assert outcomes == {True, False}


@pytest.mark.parametrize("sizes", [[3], [5], [2], [4], [1, 2, 3, 5]])
def test_a_verdict_has_the_numbers_of_the_map(sizes: list[int]) -> None:
    source = random.Random(sum(sizes))
    for _ in range(60):
        rates = [source.randint(1, 7) for _ in range(source.randint(1, 4))]
        kernels = [source.choice(sizes) for _ in rates]
        verdict, counts = judge(rates, kernels), count_map(rates, kernels)
        assert counts.shape == (verdict.receptive_field,) * 2
        assert verdict.covered == pytest.approx(covered_share(counts), rel=1e-12)
        holes = (counts[0] == 0).nonzero()[:, 0] - (verdict.receptive_field - 1) / 2
        assert verdict.nearest_hole == (float(holes.abs().min()) if len(holes) else None)
        for found in verdict.alternatives:
            assert covered_share(count_map(found, kernels)) == 1.0


def test_a_network_of_those_convolutions_has_the_same_map() -> None:
    counts = network_count_map(stack([1, 2, 5]), (3, 32, 32), position=(16, 16))
    assert torch.equal(counts[8:25, 8:25], count_map([1, 2, 5]))
    assert counts.sum() == 729
    corner = network_count_map(stack([1, 2, 5]), (3, 32, 32), position=(0, 0))
    assert torch.equal(corner[:9, :9], count_map([1, 2, 5])[8:, 8:])


def test_the_centre_unit_of_a_stack_is_counted_alike_by_lines_and_by_the_network() -> None:
    source = random.Random(0)
    for _ in range(40):
        windows, layers, size = [], [], source.randint(20, 40)
        for _ in range(source.randint(1, 4)):
            window = Window(
                kernel=source.randint(1, 4),
                stride=source.randint(1, 2),
                padding=source.randint(0, 2),
                rate=source.randint(1, 3),
            )
            windows.append(window)
            layers.append(nn.Conv2d(1, 1, window.kernel, window.stride, window.padding, window.rate))
        network = nn.Sequential(*layers)
        try:
            line = centre_line(size, windows)
        except ValueError:  # its map vanishes
            continue
        traced = trace(network, (1, size, size))
        unit = count_unit(network, traced, traced.layers[-1].name)
        counts = np.outer(line.counts, line.counts)
        assert np.array_equal(unit.counts.numpy(), counts)
        seen = seen_of(counts, (line.first, line.last), (line.first, line.last))
        assert seen == (unit.box, unit.centre, unit.covered, unit.nearest_hole)


def test_a_shortcut_adds_one_path() -> None:
    counts = network_count_map(nn.Sequential(nn.Conv2d(3, 4, 1), Residual(4)), (3, 9, 9))
    expected = torch.zeros(9, 9, dtype=torch.float64)
    expected[2:7, 2:7] = count_map([1, 1])
    expected[4, 4] += 1
    assert torch.equal(counts, expected)


def test_a_layer_inside_is_counted_before_the_shortcut_is_added_in_place() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), Residual(4))
    counts = network_count_map(network, (3, 9, 9), layer="1.norm2")
    assert torch.equal(counts[2:7, 2:7], count_map([1, 1]))


def test_pooling_counts_its_window_and_global_pooling_everything() -> None:
    network = nn.Sequential(
        nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    pooled = network_count_map(network, (3, 8, 8), layer="1", position=(1, 1))
    assert torch.equal(pooled, torch.nn.functional.pad(torch.ones(6, 6), (0, 2, 0, 2)).double())
    everything = network_count_map(network, (3, 8, 8))
    assert everything[0, 0] == 4
    assert everything[4, 4] == 9
    assert torch.equal(everything, network_count_map(Functional(network), (3, 8, 8)))


class Functional(nn.Module):
    """The same network with its poolings called as functions."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.conv = network[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv(F.max_pool2d(x, 2))).mean((2, 3))


def test_a_transposed_convolution_is_counted() -> None:
    network = nn.Sequential(nn.ConvTranspose2d(3, 6, 3, stride=2, padding=1))
    assert network_count_map(network, (3, 4, 4), position=(2, 2)).sum() == 1
    between = network_count_map(network, (3, 4, 4), position=(3, 3))
    assert between[1:3, 1:3].sum() == 4 == between.sum()


def test_coverage_is_not_degridding() -> None:
    """Dense layers in front fill the pixels, yet at the dilated stage's input a unit reads one lattice."""
    network = nn.Sequential(stack([1, 1]), Residual(5, dilation=2), Residual(5, dilation=2))
    pixels = network_count_map(network, (3, 32, 32), position=(16, 16))
    assert covered_share(pixels[6:27, 6:27]) == 1.0
    entering = network_count_map(network, (3, 32, 32), position=(16, 16), source="1")
    assert lattice_share(entering, (16, 16), 2) == 1.0
    mended = nn.Sequential(network, nn.Conv2d(5, 5, 3, padding=1))
    assert lattice_share(network_count_map(mended, (3, 32, 32), source="0.1"), (16, 16), 2) < 0.6


def test_the_weights_play_no_part_and_stay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).train()
    before = network_count_map(network, (3, 9, 9))
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    nn.init.zeros_(network[0].weight)
    assert torch.equal(before, network_count_map(network, (3, 9, 9)))
    assert network.training
    assert torch.equal(network.state_dict()["1.num_batches_tracked"], state["1.num_batches_tracked"])


def test_a_field_of_two_hundred_pixels_is_counted_alike_by_rates_and_by_the_network() -> None:
    rates = [1, 2, 5] * 12 + [1, 2]
    counts = count_map(rates)
    assert counts.shape == (199, 199)
    seen = network_count_map(stack(rates), (3, 224, 224))
    rows, columns = seen.sum(1).nonzero().flatten(), seen.sum(0).nonzero().flatten()
    torch.testing.assert_close(seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], counts)


def test_wrong_input_is_refused_in_one_line() -> None:
    network = stack([1, 2])
    with pytest.raises(ValueError, match=r"no layer is called 'conv7': write one of 0, 1, 2, 3$"):
        network_count_map(network, (3, 8, 8), layer="conv7")
    with pytest.raises(
        ValueError, match=r"position \(8, 0\) lies outside the map of 8x8: write a row from 0 to 7"
    ):
        network_count_map(network, (3, 8, 8), position=(8, 0))
    with pytest.raises(ValueError, match="write a source before it"):
        network_count_map(network, (3, 8, 8), layer="0", source="3")
    with pytest.raises(ValueError, match="cannot run on an image of size"):
        network_count_map(nn.Sequential(nn.Conv2d(3, 3, 9)), (3, 8, 8))
    with pytest.raises(ValueError, match="the list of rates is empty"):
        count_map([])
    with pytest.raises(ValueError, match="spacing=0"):
        lattice_share(count_map([1]), (1, 1), 0)
