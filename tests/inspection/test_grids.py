import pytest
import torch
from torch import Tensor, nn

from dilated_cifar.dilation.coverage import count_unit
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.grids import find_grids, grid_sentences


class Pyramid(nn.Sequential):
    """A rate that a small map has no room for, as in DeepLabv3 (Chen et al. 2017, section 3.3)."""

    def __init__(self, rate: int) -> None:
        super().__init__(
            nn.Conv2d(1, 2, 3, padding=1),
            nn.Conv2d(2, 2, 3, padding=rate, dilation=rate),
            nn.Conv2d(2, 1, 3, padding=1),
        )

    def randomize(self) -> None:
        """Other weights for all taps of the rate but the centre."""
        kernel = self[1].weight
        with torch.no_grad():
            kept = kernel[:, :, 1, 1].clone()
            kernel.normal_()
            kernel[:, :, 1, 1] = kept


@pytest.mark.parametrize(
    ("side", "where"), [(8, "anywhere on its 8x8 map"), (16, "around the unit"), (40, None)]
)
def test_a_rate_whose_outer_taps_lie_in_the_padding_is_told_to_act_as_one_pixel(
    side: int, where: str | None
) -> None:
    torch.manual_seed(0)
    network, size = Pyramid(12), (1, side, side)
    traced = trace(network, size)
    (grid,) = find_grids(network, traced, count_unit(network, traced, "2"))
    (said,) = grid_sentences([grid])
    told = f"rate 12 acts as a 1x1 convolution: {where} all taps of 1 but the centre lie in the padding"
    assert (said == told) == (where is not None)
    assert grid.mended is None  # rates in turn are for several layers
    # And so it does: the other weights of its kernel do not matter, at the centre unit or at any.
    image: Tensor = torch.rand(1, *size)
    before: Tensor = network(image)
    network.randomize()
    same = network(image) == before
    assert bool(same.all()) == (side == 8)
    assert bool(same[0, 0, side // 2, side // 2]) == (where is not None)
