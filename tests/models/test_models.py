import pytest
import torch

from dilated_cifar.config.model import CnnConfig, ModelConfig
from dilated_cifar.config.residual import DrnConfig, ResNetConfig
from dilated_cifar.dilation.trace import trace
from dilated_cifar.models import build
from dilated_cifar.models.classifier import ReLU

IMAGE = (3, 32, 32)


@pytest.mark.parametrize(
    ("config", "parameters", "receptive_field", "side"),
    [
        (CnnConfig(), 94_762, 7, 26),
        (CnnConfig(dilations=[1, 2, 5]), 94_762, 17, 16),
        (CnnConfig(dilations=[1, 2, 5], padding="same"), 94_762, 17, 32),
        (CnnConfig(dilations=[2, 2, 2]), 94_762, 13, 20),
        (ResNetConfig(), 195_738, 53, 8),
        (ResNetConfig(shortcut="conv1x1"), 175_258, 53, 8),
    ],
)
def test_networks_have_the_published_sizes(
    config: ModelConfig, parameters: int, receptive_field: int, side: int
) -> None:
    network = build(config, 10)
    facts = trace(network, IMAGE)
    assert facts.parameters == parameters
    assert facts.receptive_field == receptive_field
    assert network.features(torch.zeros(1, *IMAGE)).shape[-2:] == (side, side)


def test_pooling_stands_between_the_layers_only() -> None:
    network = build(CnnConfig(pool=True, padding="same"), 10)
    assert network.features(torch.zeros(1, *IMAGE)).shape[-2:] == (8, 8)


def test_without_norm_the_convolutions_have_biases() -> None:
    names = dict(build(CnnConfig(norm=False), 10).named_parameters())
    assert "features.conv1.bias" in names
    assert not any("norm" in name for name in names)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rectified_maps_and_gradients_are_torchs(dtype: torch.dtype) -> None:
    maps = torch.linspace(-3, 3, 60, dtype=dtype).view(2, 3, 2, 5)
    results = []
    for layer in (ReLU(), torch.nn.ReLU()):
        leaf = maps.clone().requires_grad_()
        rectified = layer(leaf * 2)
        rectified.square().sum().backward()
        results.append((rectified, leaf.grad))
    assert all(torch.equal(own, expected) for own, expected in zip(*results, strict=True))


def test_dropout_acts_in_training_only() -> None:
    network = build(CnnConfig(dropout=0.5), 10)
    images = torch.rand(2, *IMAGE)
    network.eval()
    assert torch.equal(network(images), network(images))
    network.train()
    assert not torch.equal(network(images), network(images))


@pytest.mark.parametrize(
    "config", [CnnConfig(), ResNetConfig(blocks=[1, 1], width=4), DrnConfig(variant="c", width=4)]
)
def test_logits_are_the_mean_of_the_class_maps_on_images_of_any_size(config: ModelConfig) -> None:
    network = build(config, 10).eval().double()
    for height, width in ((32, 32), (64, 40)):
        images = torch.rand(2, 3, height, width, dtype=torch.float64)
        torch.testing.assert_close(network(images), network.class_maps(images).mean((2, 3)))


def test_the_initial_weights_come_from_the_global_seed() -> None:
    first, second, other = (
        (torch.manual_seed(seed), build(CnnConfig(), 10).state_dict())[1] for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["features.conv1.weight"], other["features.conv1.weight"])
