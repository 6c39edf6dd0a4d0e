"""The graph of counts says of any unit what counting back through the network itself finds."""

import random
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from dilated_cifar.config.model import CnnConfig, ModelConfig
from dilated_cifar.config.residual import DrnConfig, ResNetConfig
from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.count_graph import count_graph
from dilated_cifar.dilation.count_nodes import CountGraph
from dilated_cifar.dilation.coverage import network_count_map
from dilated_cifar.models import build


def counted(graph: CountGraph, name: str, position: Pair) -> Tensor:
    """The count map of a unit: the gradient of what it holds."""
    image = torch.zeros(graph.nodes[0].size, dtype=torch.float64, requires_grad=True)
    unit = graph.values(image)[graph.modules[name]][position]
    (counts,) = torch.autograd.grad(unit, image)
    return counts


def assert_counts(network: nn.Module, size: tuple[int, int, int], *, units: int = 4) -> CountGraph:
    """Compare units of some layers, its last one among them, with counting back through the network."""
    source = random.Random(0)
    graph = count_graph(network, size, [name for name, _ in network.named_modules() if name])
    names = list(graph.modules)
    for name in [*source.sample(names, min(units, len(names))), names[-1]]:
        position = tuple(source.randrange(side) for side in graph.nodes[graph.modules[name]].size)
        alone = network_count_map(network, size, layer=name, position=(position[0], position[1]))
        torch.testing.assert_close(
            counted(graph, name, (position[0], position[1])), alone, rtol=1e-9, atol=1e-9
        )
    return graph


@pytest.mark.parametrize(
    "config",
    [
        CnnConfig(dilations=[1, 2, 5]),
        CnnConfig(dilations=[2, 2, 2], pool=True, padding="same"),
        ResNetConfig(),
        DrnConfig(variant="c", layout="four"),
    ],
)
def test_every_layer_of_the_projects_networks_is_counted(config: ModelConfig) -> None:
    graph = assert_counts(build(config, 10), (3, 32, 32))
    assert all("features" not in name for name in graph.uncounted)


class Branches(nn.Module):
    """Concatenates, shuffles, splits, pads, resizes and adds maps of several channels."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 3, 3, padding="same")
        self.other = nn.Conv2d(2, 5, 3, padding=2, dilation=2, padding_mode="zeros")
        self.shuffled = nn.ChannelShuffle(2)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.padded = nn.ZeroPad2d((1, 0, 2, 0))
        self.adaptive = nn.AdaptiveAvgPool2d((5, 7))
        self.resized = nn.Upsample(scale_factor=1.5, mode="bilinear")
        self.last = nn.Conv2d(8, 2, (1, 3), stride=(2, 1))

    def forward(self, images: Tensor) -> Tensor:
        joined = self.shuffled(torch.cat([self.one(images), F.relu(self.other(images))], 1))
        first, second = self.pool(joined).chunk(2, 1)
        mixed = torch.cat([second, first], 1)
        mixed += self.pool(joined)
        together = torch.cat([self.up(mixed)[..., :8, :10], joined[:, 2:6] * 3], 1)
        tokens = self.padded(together).flatten(2).transpose(1, 2).transpose(1, 2)
        return self.last(self.resized(self.adaptive(tokens.unflatten(2, (10, 11)))))


def test_branches_shuffles_and_odd_windows_are_followed() -> None:
    graph = assert_counts(Branches(), (2, 8, 10), units=9)
    assert graph.uncounted == {}
    assert {*graph.modules} == {name for name, _ in Branches().named_modules() if name}


class Gated(nn.Module):
    """A convolution whose channels are weighed by what its whole map holds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1))
        self.behind = nn.Conv2d(8, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        maps = maps * self.gate(maps)
        back = F.interpolate(self.pooled(maps), size=maps.shape[2:], mode="bilinear")
        return self.behind(torch.cat([maps, back], 1))


def test_gates_and_what_comes_back_from_one_position_are_no_paths() -> None:
    graph = assert_counts(Gated(), (3, 9, 9))
    assert "behind" in graph.modules


def test_what_cannot_be_followed_is_named() -> None:
    class Rolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.sorted = nn.Conv2d(4, 4, 1)
            self.unused = nn.Conv2d(4, 4, 1)

        def forward(self, images: Tensor) -> Tensor:
            maps: Tensor = self.conv(images)
            return self.sorted(maps.cumsum(2))

    graph = assert_counts(Rolled(), (3, 8, 8))
    assert list(graph.modules) == ["conv"]
    assert graph.uncounted == {
        "sorted": "no count is followed through cumsum",
        "unused": "it did not run",
    }


def test_a_module_that_puts_out_no_tensor_keeps_none_behind_it_from_being_counted() -> None:
    class Keeping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, images: Tensor) -> None:
            self.kept = self.conv(images)

    class Reading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.keeping, self.last = Keeping(), nn.Conv2d(4, 2, 3)

        def forward(self, images: Tensor) -> Tensor:
            self.keeping(images)
            maps: Tensor = self.last(self.keeping.kept)
            return maps

    graph = assert_counts(Reading(), (3, 8, 8))
    assert list(graph.modules) == ["keeping.conv", "last"]
    assert graph.uncounted == {"keeping": "the module puts out NoneType, no tensor"}


MODELS = torchvision.models
SMALL: list[tuple[Callable[..., nn.Module], dict[str, object]]] = [
    (MODELS.resnet18, {}),
    (MODELS.mobilenet_v3_small, {}),
    (MODELS.shufflenet_v2_x0_5, {}),
    (MODELS.segmentation.lraspp_mobilenet_v3_large, {"weights_backbone": None}),
]
LARGE = [
    *(
        getattr(MODELS, name)
        for name in ("convnext_tiny", "densenet121", "efficientnet_b0", "regnet_y_400mf")
    ),
    *(getattr(MODELS, name) for name in ("resnet50", "squeezenet1_0", "vgg11_bn")),
]


@pytest.mark.parametrize(
    ("builder", "arguments"),
    [
        *SMALL,
        *(pytest.param(builder, {}, marks=pytest.mark.slow) for builder in LARGE),
        pytest.param(MODELS.googlenet, {"init_weights": False}, marks=pytest.mark.slow),
        pytest.param(
            MODELS.segmentation.deeplabv3_resnet50, {"weights_backbone": None}, marks=pytest.mark.slow
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_networks_of_torchvision_are_counted(
    builder: Callable[..., nn.Module], arguments: dict[str, object]
) -> None:
    network = builder(weights=None, **arguments)
    graph = assert_counts(network, (3, 64, 96), units=2)
    convolutions = [name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)]
    ran = [name for name in convolutions if graph.uncounted.get(name) != "it did not run"]
    # Behind a global pooling a convolution works on one position, no map.
    assert len([name for name in ran if name in graph.modules]) >= 0.8 * len(ran)


def test_attention_ends_what_can_be_counted() -> None:
    network = MODELS.VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8)
    graph = count_graph(network, (3, 32, 32), ["conv_proj", "encoder.layers.encoder_layer_0"])
    assert list(graph.modules) == ["conv_proj"]
    assert graph.uncounted["encoder.layers.encoder_layer_0"].startswith("attention weighs positions")
