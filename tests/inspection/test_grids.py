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

    def centre(self, image: Tensor) -> Tensor:
        """The centre unit of the output."""
        output: Tensor = self(image)
        return output[0, 0, output.shape[2] // 2, output.shape[3] // 2]


@pytest.mark.parametrize(("side", "outcome"), [(16, "padding"), (40, "full")])
def test_a_rate_whose_outer_taps_lie_in_the_padding_is_told_to_act_as_one_pixel(
    side: int, outcome: str
) -> None:
    torch.manual_seed(0)
    network, size = Pyramid(12), (1, side, side)
    traced = trace(network, size)
    (grid,) = find_grids(network, traced, count_unit(network, traced, "2"))
    told = (
        "rate 12 acts as a 1x1 convolution: around the unit all taps of 1 but the centre lie in the padding"
    )
    assert (grid.outcome == "padding", told in grid_sentences([grid])) == (outcome == "padding",) * 2
    # And so it does: the other weights of its kernel do not matter.
    image = torch.rand(1, *size)
    before = network.centre(image)
    kernel = network[1].weight
    with torch.no_grad():
        kept = kernel[:, :, 1, 1].clone()
        kernel.normal_()
        kernel[:, :, 1, 1] = kept
    assert torch.equal(network.centre(image), before) == (outcome == "padding")
