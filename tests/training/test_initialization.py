"""Where convolutions begin: uncorrelated answers of variance 1 in two signs, or the input itself."""

import pytest
import torch
from torch import Tensor, nn

from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.errors import UserError
from dilated_cifar.training.initialization import pass_on, whiten

DATA = Cifar10Config()


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Smooth images, as real ones are: neighbouring pixels are alike."""
    noise = torch.randn(300, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.interpolate(noise, size=32, mode="bilinear")
    return (smooth * 60 + 120).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("form", [{}, {"dilation": 2}, {"stride": 2, "bias": False}])
def test_answers_are_uncorrelated_and_of_variance_one(images: Tensor, form: dict[str, int]) -> None:
    network = nn.Sequential(nn.Conv2d(3, 12, 3, **form), nn.ReLU(), nn.Conv2d(12, 2, 1))  # type: ignore[arg-type]
    if network[0].bias is not None:
        nn.init.zeros_(network[0].bias)
    second = network[2].weight.clone()
    whiten(network, images, DATA)
    answers = network[0](normalize(images, DATA.mean, DATA.std)).transpose(0, 1).flatten(1)
    assert torch.equal(answers[:6], -answers[6:])
    moments = answers[:6] @ answers[:6].T / answers.shape[1]
    assert torch.allclose(moments, torch.diag(moments.diag()), atol=2e-3)
    # The strong components; what is added to each variance hardly changes those.
    assert moments.diag()[:3].sub(1).abs().max() < 0.05
    assert moments.diag().max() < 1.01
    assert torch.equal(network[2].weight, second)


def test_filters_beyond_the_components_stay_random(images: Tensor) -> None:
    layer = nn.Conv2d(3, 80, 3)
    before = layer.weight.clone()
    whiten(layer, images, DATA)
    assert torch.equal(layer.weight[54:], before[54:])
    assert torch.equal(layer.weight[:27], -layer.weight[27:54])


@pytest.mark.parametrize("network", [nn.Linear(3, 2), nn.Conv2d(3, 6, 3, groups=3)])
def test_a_network_without_such_a_convolution_is_refused(images: Tensor, network: nn.Module) -> None:
    with pytest.raises(UserError, match=r"^whiten=true: expected a network that begins with a convolution"):
        whiten(network, images, DATA)


@pytest.mark.parametrize(("into", "out"), [(4, 6), (6, 6), (6, 4)])
def test_convolutions_behind_the_first_begin_by_passing_their_input_on(into: int, out: int) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, into, 3),
        nn.Conv2d(into, out, 3, dilation=2, padding=2, bias=False),
        nn.Conv2d(out, out, 1, groups=2),
    )
    before = [layer.weight.clone() for layer in network]
    pass_on(network)
    maps = torch.randn(2, into, 9, 9)
    channels = min(into, out)
    assert torch.equal(network[1](maps)[:, :channels], maps[:, :channels])
    assert torch.equal(network[1].weight[into:], before[1][into:])
    assert all(torch.equal(network[index].weight, before[index]) for index in (0, 2))
