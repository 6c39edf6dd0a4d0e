from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.residual import ResNetConfig
from dilated_cifar.dilation.trace import trace
from dilated_cifar.models import build


class Applied(nn.Module):
    """A function behind a convolution."""

    def __init__(self, function: Callable[[torch.Tensor], object], *, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, kernel_size, padding=kernel_size // 2)
        self.function = function

    def forward(self, x: torch.Tensor) -> object:
        return self.function(self.conv(x))


def plain(dilations: list[int]) -> nn.Module:
    return build(CnnConfig(dilations=dilations), classes=10)


class Functional(nn.Module):
    """A body that pools, pads, slices and concatenates between its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 5, padding=2)
        self.second = nn.Conv2d(8, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        x = torch.cat([F.max_pool2d(x, 2), x[:, :, ::2, 1::2]], dim=1)
        return self.second(F.pad(x, (1, 1, 1, 1)))


@pytest.mark.parametrize(
    ("dilations", "field", "size"), [([1, 1, 1], 7, 26), ([1, 2, 5], 17, 16), ([2, 2, 2], 13, 20)]
)
def test_the_published_networks(dilations: list[int], field: int, size: int) -> None:
    found = trace(plain(dilations), (3, 32, 32))
    assert found.receptive_field == field
    assert found.parameters == 94_762
    last = found.layer("features.conv3")
    assert last.output_shape == (128, size, size)
    assert (last.dilation, last.receptive_field, last.jump) == ((dilations[2],) * 2, (field,) * 2, (1.0, 1.0))
    assert last.start == ((field - 1) / 2,) * 2


def test_multiply_adds_count_weights_times_positions() -> None:
    found = trace(plain([1, 2, 5]), (3, 32, 32))
    convolutions = [9 * 3 * 32 * 30**2, 9 * 32 * 64 * 26**2, 9 * 64 * 128 * 16**2]
    assert [layer.multiply_adds for layer in found.layers if layer.kind == "convolution"] == convolutions
    assert found.multiply_adds == sum(convolutions) + 1280


def test_the_published_resnet() -> None:
    found = trace(build(ResNetConfig(), classes=10), (3, 32, 32))
    assert found.parameters == 195_738 == sum(layer.parameters for layer in found.layers)
    assert found.receptive_field == 53
    assert found.layer("features.stage3.1.conv2").jump == (4.0, 4.0)
    # The shortcut of a strided block sees less than the block's two convolutions; the sum sees the most.
    assert found.layer("features.stage2.0.shortcut.0").receptive_field == (13, 13)
    assert found.layer("features.stage2.1.conv1").receptive_field == (21, 21)


def test_functions_between_layers_count_too() -> None:
    found = trace(Functional(), (3, 16, 16))
    assert [layer.name for layer in found.layers] == ["first", "max_pool2d_with_indices", "second"]
    assert found.layer("max_pool2d_with_indices").receptive_field == (6, 6)
    # Of two 5-pixel fields one pixel apart the union is 6, a kernel of 3 at jump 2 adds 4, padding shifts.
    second = found.layer("second")
    assert second.receptive_field == (10, 10)
    assert second.jump == (2.0, 2.0)
    assert second.start == (0.5, 0.5)


geometries = st.tuples(st.integers(1, 5), st.integers(1, 2), st.integers(0, 3), st.integers(1, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(geometries, min_size=1, max_size=3), st.booleans(), st.booleans())
def test_field_jump_and_start_are_what_the_gradient_says(
    numbers: list[tuple[int, int, int, int]], branch: bool, pool: bool
) -> None:
    layers: list[nn.Module] = []
    for kernel, stride, padding, dilation in numbers:
        layers.append(nn.Conv2d(1, 1, kernel, stride, padding, dilation, bias=False))
    if branch:
        layers.append(Widening())
    if pool:
        layers.append(nn.AvgPool2d(3, 2))
    network = nn.Sequential(*layers).double()
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    image = torch.zeros(1, 1, 150, 150, dtype=torch.float64, requires_grad=True)
    output = network(image)
    last = trace(network, (1, 150, 150)).layers[-1]
    field, jump, start = last.receptive_field[0], last.jump[0], last.start[0]
    unit = output.shape[-1] // 2
    centre = start + unit * jump
    assume(centre - field / 2 >= 0)
    assume(centre + field / 2 <= 150)
    (gradient,) = torch.autograd.grad(output[0, 0, unit, unit], image)
    seen = gradient[0, 0].nonzero()[:, 0]
    assert seen.min() == centre - (field - 1) / 2
    assert seen.max() == centre + (field - 1) / 2


class Widening(nn.Module):
    """A residual branch that is wider, and off centre, beside the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(1, 1, 4, dilation=2, bias=False)
        self.out = nn.Conv2d(1, 1, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide: torch.Tensor = self.wide(x)
        total: torch.Tensor = self.out(wide + x[:, :, 5 : 5 + wide.shape[2], : wide.shape[3]])
        return total


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3))
def test_a_transposed_convolution_sees_at_most_its_field(
    kernel: int, stride: int, padding: int, dilation: int
) -> None:
    network = nn.Sequential(nn.ConvTranspose2d(1, 1, kernel, stride, padding, 0, 1, False, dilation)).double()
    nn.init.ones_(network[0].weight)
    image = torch.zeros(1, 1, 30, 30, dtype=torch.float64, requires_grad=True)
    output = network(image)
    layer = trace(network, (1, 30, 30)).layers[0]
    middle = output.shape[-1] // 2
    spans = []
    for unit in range(middle, middle + stride):
        (gradient,) = torch.autograd.grad(output[0, 0, :, unit].sum(), image, retain_graph=True)
        seen = gradient[0, 0].nonzero()[:, 1]
        if len(seen):
            spans.append(int(seen.max() - seen.min()) + 1)
            centre = layer.start[1] + unit * layer.jump[1]
            # With dilation the taps that meet a position are not in its middle.
            assert (seen - centre).abs().max() <= layer.receptive_field[1] / 2 + (dilation > 1)
    assert max(spans) <= layer.receptive_field[1]
    assert dilation > 1 or max(spans) == layer.receptive_field[1]
    assert layer.jump == (1 / stride, 1 / stride)
    assert layer.kind == "transposed convolution"
    assert layer.multiply_adds == kernel**2 * 30**2


def test_the_module_is_left_untouched() -> None:
    network = plain([1, 2, 5]).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trace(network, (3, 32, 32))
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_identities_and_dropout_are_no_layers_and_shared_weights_count_once() -> None:
    shared = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    found = trace(nn.Sequential(shared, nn.Identity(), nn.Dropout(), shared), (3, 8, 8))
    assert [layer.parameters for layer in found.layers] == [81, 0]
    assert found.parameters == 81
    assert found.receptive_field == 5


def test_attention_by_global_pooling_does_not_end_the_map() -> None:
    class Squeeze(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)
            self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 10, 1), nn.Flatten())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            y: torch.Tensor = self.head(x * self.gate(x))
            return y

    found = trace(Squeeze(), (3, 12, 12))
    assert found.receptive_field == 3
    assert [(path.module, path.kind) for path in found.global_paths] == [("gate.0", "global pooling")]


def test_what_cannot_be_followed_is_refused_in_one_line() -> None:
    with pytest.raises(
        ValueError, match=r"no layer is called 'conv9': write one of features.conv1"
    ) as refusal:
        trace(plain([1, 1, 1]), (3, 32, 32)).layer("conv9")
    assert "\n" not in str(refusal.value)
    with pytest.raises(ValueError, match=r"cannot run on an image of size \[3, 12, 12\]"):
        trace(plain([1, 2, 5]), (3, 12, 12))
    with pytest.raises(ValueError, match="padding_mode"):
        trace(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular")), (3, 8, 8))
    with pytest.raises(ValueError, match="no rule follows the receptive field through cumsum in cumsum"):
        trace(Applied(lambda x: x.cumsum(-1)), (3, 8, 8))


@pytest.mark.parametrize(
    ("function", "field"),
    [
        (lambda x: x.permute(0, 2, 3, 1).flip(1).permute(0, 3, 1, 2), 3),
        (lambda x: x.roll((2, 3), (2, 3)), 3),
        (lambda x: x.transpose(2, 3), 3),
        (lambda x: F.interpolate(x, scale_factor=2.0), 3),
        (lambda x: F.interpolate(x, size=(32, 32), mode="bilinear"), 4),
        (lambda x: F.interpolate(x, size=(32, 32), mode="bicubic"), 6),
        (lambda x: F.pixel_unshuffle(x, 2), 4),
        (lambda x: F.adaptive_avg_pool2d(x, 5), 6),
        (lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), 5),
        # Windows of 4x4: their units see the window, and a pixel more on each side.
        (lambda x: x.view(1, 4, 4, 4, 4, 4).amax((3, 5)), 6),
    ],
)
def test_every_layout_and_resize_sees_what_its_gradient_says(
    function: Callable[[torch.Tensor], torch.Tensor], field: int
) -> None:
    network = Applied(function).double()
    nn.init.ones_(network.conv.weight)
    found = trace(network, (3, 16, 16))
    assert found.receptive_field == field
    assert not found.global_paths
    image = torch.rand(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    output = network(image)
    middle = output[0, :, output.shape[2] // 2, output.shape[3] // 2]
    (gradient,) = torch.autograd.grad(middle.sum(), image)
    for axis in (1, 2):
        seen = gradient[0].abs().sum([dim for dim in (0, 1, 2) if dim != axis]).nonzero()
        assert int(seen.max() - seen.min()) + 1 <= field


def test_attention_is_the_whole_input_and_windows_of_it_are_not() -> None:
    def attend(x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        seen = F.scaled_dot_product_attention(tokens, tokens, tokens)
        return x + seen.transpose(1, 2).reshape(x.shape)

    def attend_in_windows(x: torch.Tensor) -> torch.Tensor:
        windows = x.view(1, 4, 2, 8, 2, 8).permute(0, 2, 4, 3, 5, 1).reshape(4, 64, 4)
        seen = F.scaled_dot_product_attention(windows, windows, windows)
        return x + seen.view(1, 2, 2, 8, 8, 4).permute(0, 5, 1, 3, 2, 4).reshape(x.shape)

    whole, windowed = trace(Applied(attend), (3, 16, 16)), trace(Applied(attend_in_windows), (3, 16, 16))
    assert whole.receptive_field == 3
    assert [path.kind for path in whole.global_paths] == ["attention"]
    assert windowed.receptive_field == 10
    assert not windowed.global_paths
    # Both products of attention: 256 x 256 x 4 each, and a quarter of it in four windows.
    convolution = 9 * 3 * 4 * 256
    assert whole.multiply_adds == convolution + 2 * 256**2 * 4
    assert windowed.multiply_adds == convolution + 2 * 4 * 64**2 * 4


def test_statistics_over_the_map_are_a_global_path() -> None:
    for norm in (nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LayerNorm([4, 8, 8])):
        found = trace(Applied(norm), (3, 8, 8))
        assert found.receptive_field == 3
        assert [path.kind for path in found.global_paths] == ["the statistics of a normalisation"]
    assert not trace(Applied(nn.BatchNorm2d(4)), (3, 8, 8)).global_paths


def test_outputs_may_be_dicts_and_tuples_and_out_counts() -> None:
    named = trace(Applied(lambda x: {"aux": x.mean((2, 3)), "out": x, "deep": (x, x)}), (3, 8, 8))
    assert list(named.outputs) == ["aux", "out", "deep.0", "deep.1"]
    assert named.last_map.module == "conv"
    with pytest.raises(ValueError, match="puts out no tensor that depends on the image, but str"):
        trace(Applied(lambda _: "a word"), (3, 8, 8))
    with pytest.raises(ValueError, match=r"writes into a part|write the layer with torch.cat"):
        trace(Applied(lambda x: torch.zeros(1, 4, 8, 16)[..., :8].copy_(x)), (3, 8, 8))


def test_a_network_that_asks_for_values_runs_with_values() -> None:
    class Sorted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Linear(2400, 2400)
            self.conv = nn.Conv2d(3, 4, 3)
            self.register_buffer("order", torch.tensor([3, 1, 0, 2]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.conv(x)[:, self.order]
            return y if int(self.order[0]) else -y

    assert trace(Sorted(), (3, 12, 12)).receptive_field == 3
