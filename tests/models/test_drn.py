"""Dilated residual networks beside their strided twins."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.residual import DrnConfig, ResNetConfig
from dilated_cifar.dilation.trace import trace
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.models.resnet import BasicBlock

IMAGE = (3, 32, 32)
LAYOUTS = ("S", "F", "four")


def trained(config: ModelConfig) -> Classifier:
    """A network in float64 whose norms have seen data, as after training, in eval mode."""
    torch.manual_seed(0)
    network = build(config, 10).double().train()
    for _ in range(3):
        network(torch.randn(8, *IMAGE, dtype=torch.float64))
    return network.eval()


def twins(layout: str, **keys: int | str) -> tuple[Classifier, Classifier]:
    """A strided network, and the DRN-A with its weights."""
    strided = trained(ResNetConfig(layout=layout, width=4, **keys))
    dilated = build(DrnConfig(variant="a", layout=layout, width=4, **keys), 10).double().eval()
    dilated.load_state_dict(strided.state_dict())
    return strided, dilated


def largest_difference(strided: Classifier, dilated: Classifier) -> float:
    """Between the twin's map and the dilated map at every place that the twin kept."""
    images = torch.randn(2, *IMAGE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    kept, dense = strided.features(images), dilated.features(images)
    step = -(-dense.shape[-1] // kept.shape[-1])
    assert step > 1
    return float((dense[:, :, ::step, ::step] - kept).abs().max().detach())


@pytest.mark.parametrize("shortcut", ["conv1x1", "conv3x3"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_drn_a_with_the_weights_of_its_twin_sees_the_same_and_more(layout: str, shortcut: str) -> None:
    assert largest_difference(*twins(layout, shortcut=shortcut)) < 1e-12


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_first_block_with_the_dilation_of_its_stage_would_not(layout: str) -> None:
    strided, dilated = twins(layout)
    for name, stage in dilated.features.named_children():
        first = stage[0] if name.startswith("stage") else None
        if isinstance(first, BasicBlock):
            first.conv1.dilation = first.conv1.padding = first.conv2.dilation
    assert largest_difference(strided, dilated) > 1e-2


@pytest.mark.parametrize(
    ("strides", "output_stride"),
    [([1, 2, 2, 2], 1), ([1, 2, 2, 2], 2), ([1, 2, 2, 2], 4), ([2, 1, 2, 2], 2), ([1, 3, 1, 2], 3)],
)
def test_output_stride_keeps_the_places_of_any_strided_network(
    strides: list[int], output_stride: int
) -> None:
    keys = {"blocks": [1, 3, 1, 2], "strides": strides, "width": 4}
    strided = trained(ResNetConfig(**keys))
    dilated = build(ResNetConfig(**keys, output_stride=output_stride), 10).double().eval()
    dilated.load_state_dict(strided.state_dict())
    assert dilated.features(torch.zeros(1, *IMAGE).double()).shape[-1] == -(-32 // output_stride)
    assert largest_difference(strided, dilated) < 1e-12


def test_output_stride_is_how_drn_a_comes_from_its_twin() -> None:
    for layout, output_stride in (("S", 2), ("F", 1), ("four", 2)):
        one = trace(build(ResNetConfig(layout=layout, output_stride=output_stride), 10), IMAGE)
        assert one.layers == trace(build(DrnConfig(layout=layout), 10), IMAGE).layers


@pytest.mark.parametrize(
    ("config", "parameters", "multiply_adds", "receptive_field", "side"),
    [
        (ResNetConfig(layout="S"), 175_258, 26.7e6, 53, 8),
        (ResNetConfig(layout="four"), 701_466, 35.0e6, 109, 4),
        (DrnConfig(variant="a"), 175_258, 51.8e6, 53, 16),
        (DrnConfig(variant="b"), 332_570, 99.0e6, 81, 16),
        (DrnConfig(variant="c"), 332_570, 99.0e6, 81, 16),
        (DrnConfig(variant="d"), 253_914, 75.4e6, 69, 16),
        (DrnConfig(variant="a", layout="F"), 175_258, 177.7e6, 53, 32),
        (DrnConfig(variant="c", layout="F"), 332_570, 338.1e6, 79, 32),
        (DrnConfig(variant="d", layout="F"), 253_914, 257.9e6, 69, 32),
        (DrnConfig(variant="a", layout="four"), 701_466, 186.0e6, 109, 16),
        (DrnConfig(variant="c", layout="four"), 1_301_658, 346.5e6, 153, 16),
        (DrnConfig(variant="d", layout="four"), 1_001_562, 266.3e6, 137, 16),
    ],
)
def test_sizes_are_those_of_the_table(
    config: ModelConfig, parameters: int, multiply_adds: float, receptive_field: int, side: int
) -> None:
    network = build(config, 10)
    facts = trace(network, IMAGE)
    assert facts.parameters == parameters
    assert facts.multiply_adds == pytest.approx(multiply_adds, rel=2e-3)
    assert facts.receptive_field == receptive_field
    assert network.features(torch.zeros(1, *IMAGE)).shape[-2:] == (side, side)


@pytest.mark.parametrize(("variant", "convolutions"), [("c", 2), ("d", 1)])
def test_the_levels_behind_have_no_skip_connection(variant: str, convolutions: int) -> None:
    network = build(DrnConfig(variant=variant, layout="F", width=4), 10).eval()
    for level, rate in (("tail1", 2), ("tail2", 1)):
        tail = network.features.get_submodule(level)
        rates = [layer.dilation[0] for layer in tail.modules() if isinstance(layer, nn.Conv2d)]
        assert rates == [rate] * convolutions
        for layer in tail.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.zeros_(layer.weight)
    images = torch.randn(2, *IMAGE)
    # With silent convolutions nothing comes through, unless a shortcut leads around them.
    assert torch.count_nonzero(network.features(images)) == 0
    residual = build(DrnConfig(variant="b", layout="F", width=4), 10).eval()
    for name, weight in residual.features.named_parameters():
        if name.startswith("tail") and "conv" in name:
            nn.init.zeros_(weight)
    assert torch.count_nonzero(residual.features(images)) > 0


def test_the_levels_behind_layout_s_have_rate_1() -> None:
    network = build(DrnConfig(variant="c"), 10)
    rates = {
        name.split(".")[0]: layer.dilation[0]
        for name, layer in network.features.named_modules()
        if isinstance(layer, nn.Conv2d)
    }
    assert rates == {
        "stem": 1, "front1": 1, "front2": 1, "stage1": 1, "stage2": 1, "stage3": 2, "tail1": 1, "tail2": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        *(DrnConfig(variant=variant, layout=layout, width=4) for variant in "abcd" for layout in LAYOUTS),
        *(ResNetConfig(layout="S", width=width) for width in (1, 2, 3, 7, 8)),
    ],
    ids=str,
)
def test_every_layout_trains_in_channels_last(config: ModelConfig) -> None:
    torch.manual_seed(0)
    network = build(config, 10).to(memory_format=torch.channels_last)
    images = torch.randn(8, *IMAGE).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(8)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)

    def step() -> Tensor:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    assert network.features(images).is_contiguous(memory_format=torch.channels_last)
    losses = [step() for _ in range(4)]
    assert losses[-1] < losses[0]
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_dropout_and_blocks_are_keys() -> None:
    network = build(DrnConfig(blocks=[1, 2, 3], dropout=0.5, width=4), 10)
    assert [len(getattr(network.features, f"stage{number}")) for number in (1, 2, 3)] == [1, 2, 3]
    images = torch.randn(4, *IMAGE)
    assert not torch.equal(network.train()(images), network(images))
