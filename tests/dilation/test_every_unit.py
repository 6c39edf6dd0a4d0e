import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dilated_cifar.config.model import CnnConfig, DrnConfig, ModelConfig, ResNetConfig
from dilated_cifar.dilation.coverage import network_count_map
from dilated_cifar.dilation.every_unit import count_every_unit
from dilated_cifar.models import build


class Branches(nn.Module):
    """Concatenates maps of 3 and 5 channels, adds in place, pools."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 3, 3, padding=1)
        self.other = nn.Conv2d(2, 5, 3, padding=2, dilation=2)
        self.both = nn.Conv2d(8, 8, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Tensor) -> Tensor:
        joined = torch.cat([self.one(images), F.relu(self.other(images))], 1)
        mixed = self.both(joined)
        mixed += joined
        return self.pool(mixed)


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (CnnConfig(dilations=[1, 2, 5], pool=True, padding="same"), ["features.conv2", "features.conv3"]),
        (ResNetConfig(), ["features.stage1.0", "features.stage3.1.conv1", "features"]),
        (DrnConfig(variant="c"), ["features.stage2.0", "features"]),
    ],
)
def test_every_unit_counts_what_it_counts_alone(config: ModelConfig, layers: list[str]) -> None:
    network = build(config, 10)
    size = (3, 32, 32)
    found = count_every_unit(network, size, layers)
    for name, counts in found.items():
        height, width = counts.shape[:2]
        for position in ((0, 0), (height // 2, 1), (height - 1, width - 1)):
            alone = network_count_map(network, size, layer=name, position=position)
            assert torch.equal(counts[position] == 0, alone == 0)
            assert torch.allclose(counts[position].double(), alone, rtol=1e-6)


def test_channels_that_count_differently_are_averaged() -> None:
    network, size = Branches(), (2, 8, 10)
    found = count_every_unit(network, size, ["one", "both", "pool"])
    assert found["pool"].shape == (4, 5, 8, 10)
    for name, position in (("one", (0, 0)), ("both", (3, 4)), ("pool", (2, 4))):
        alone = network_count_map(network, size, layer=name, position=position)
        assert torch.allclose(found[name][position].double(), alone, rtol=1e-6)


def test_a_large_image_is_refused() -> None:
    with pytest.raises(ValueError, match="an image of 64x64 has 4,096 pixels, at most 1,600"):
        count_every_unit(Branches(), (2, 64, 64), ["one"])
