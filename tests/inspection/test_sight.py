"""What a network sees: facts that hold for any weights, and figures of maps whose answer is known."""

from collections.abc import Callable
from math import hypot, inf, isinf, isnan, nan, sqrt

import pytest
import torch
from torch import Tensor, nn

from dilated_cifar.config.model import CnnConfig, DrnConfig, ModelConfig, ResNetConfig
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import choose_machine
from dilated_cifar.dilation.coverage import lattice_share, network_count_map
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.inspection.sight_compare import Seen, as_data, findings
from dilated_cifar.inspection.sight_features import shown_layers, strongest_maps
from dilated_cifar.inspection.sight_gradients import Plan, Stage, make_plan, mean_gradients
from dilated_cifar.inspection.sight_measures import overlap, radius, variogram, variogram_ratio
from dilated_cifar.inspection.sight_network import control, fresh_network, see
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier

MACHINE = choose_machine("cpu")


@pytest.fixture(scope="module")
def inputs() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (12, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return normalize(images, [0.5] * 3, [0.25] * 3).contiguous(memory_format=MACHINE.memory_format)


@pytest.fixture
def fresh(inputs: Tensor) -> Callable[..., Classifier]:
    def make(config: ModelConfig, seed: int = 0) -> Classifier:
        return fresh_network(config, 10, inputs, MACHINE, seed)

    return make


def stack(*rates: int, padding: str = "valid") -> CnnConfig:
    return CnnConfig(channels=[8] * len(rates), dilations=list(rates), padding=padding)


def test_the_radius_of_known_maps() -> None:
    spot = torch.zeros(9, 9)
    spot[4, 4] = 3.0
    assert radius(spot, (4.0, 4.0), 0.95) == 0.0
    assert radius(spot, (1.0, 0.0), 1.0) == pytest.approx(5.0)
    # A quarter in the centre and a quarter each at 1, 2 and 3: half is reached at 1, three quarters at 2.
    spot[4, 5] = spot[2, 4] = spot[4, 1] = 3.0
    assert radius(spot, (4.0, 4.0), 0.5) == pytest.approx(1.0)
    # The last distance before 2 at which a pixel lies is the diagonal neighbour.
    assert radius(spot, (4.0, 4.0), 0.625) == pytest.approx((sqrt(2) + 2) / 2)
    assert radius(spot, (4.0, 4.0), 0.75) == pytest.approx(2.0)
    assert radius(spot, (4.0, 4.0), 1.0) == pytest.approx(3.0)
    assert isnan(radius(torch.zeros(4, 4), (2.0, 2.0), 0.5))


def test_the_radius_of_an_even_disc_grows_with_the_root_of_the_share() -> None:
    rows, columns = torch.meshgrid(torch.arange(101), torch.arange(101), indexing="ij")
    disc = (torch.hypot(rows - 50.0, columns - 50.0) <= 40).float()
    for share in (0.25, 0.5, 0.95):
        assert radius(disc, (50.0, 50.0), share) == pytest.approx(40 * sqrt(share), abs=0.4)


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


def test_a_fresh_plain_network_sees_its_seven_pixels_and_no_more(
    fresh: Callable[..., Classifier], inputs: Tensor
) -> None:
    model = fresh(stack(1, 1, 1))
    plan = make_plan(model)
    gradient = mean_gradients(model, inputs, plan).image[0]
    assert plan.centre == (16.0, 16.0)
    inside = gradient[13:20, 13:20]
    assert bool((inside > 0).all())
    assert float(inside.sum()) == pytest.approx(float(gradient.sum()))
    assert radius(gradient, plan.centre, 0.95) < hypot(3, 3)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("rates", [(2, 2, 2), (1, 2, 2, 2), (1, 2, 4), (3, 3)])
def test_rates_that_keep_to_their_lattice_have_a_share_of_one(
    fresh: Callable[..., Classifier], inputs: Tensor, rates: tuple[int, ...], padding: str
) -> None:
    values = see(fresh(stack(*rates, padding=padding)), inputs).values
    assert values["lattice_share"] == pytest.approx(1.0, abs=1e-6)
    assert values["overlap_stage"] == 0.0


@pytest.mark.parametrize("rates", [(1, 2, 5), (1, 2, 3), (2, 1), (1, 2, 3, 1, 2, 3)])
def test_rates_that_mix_the_lattices_have_a_share_near_no_preference(
    fresh: Callable[..., Classifier], inputs: Tensor, rates: tuple[int, ...]
) -> None:
    model = fresh(stack(*rates))
    stage = make_plan(model).stage
    assert stage is not None
    share = see(model, inputs).values["lattice_share"]
    # What the paths alone would give: weights change it, but not beyond recognition.
    counts = network_count_map(model, (3, 32, 32), layer="features", source=stage.source)
    assert share == pytest.approx(lattice_share(counts, stage.own, stage.spacing), abs=0.12)
    assert share < 0.5


def test_neighbours_share_no_pixel_of_the_image_at_rates_222(
    fresh: Callable[..., Classifier], inputs: Tensor
) -> None:
    assert see(fresh(stack(2, 2, 2)), inputs).values["overlap_image"] == 0.0
    assert see(fresh(stack(1, 1, 1)), inputs).values["overlap_image"] > 0.5


def test_a_network_without_a_dilated_stage_has_no_lattice(
    fresh: Callable[..., Classifier], inputs: Tensor
) -> None:
    for config in (stack(1, 1, 1), stack(1, 1, 2), ResNetConfig(width=4, blocks=[1, 1, 1])):
        model = fresh(config)
        assert make_plan(model).stage is None
        values = see(model, inputs).values
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
    plan = make_plan(gridded)
    assert plan.stage == Stage("features.1.conv2", 2, (16, 16))
    assert see(gridded, inputs).values["lattice_share"] == pytest.approx(1.0, abs=1e-6)
    mended = residual((1, 2), (2, 2), tail=2)
    assert see(mended, inputs).values["lattice_share"] < 0.6


def test_class_maps_average_to_the_logits(fresh: Callable[..., Classifier], inputs: Tensor) -> None:
    model = fresh(stack(1, 2, 5))
    maps = class_maps(model, inputs, batch=5)
    assert maps.shape == (12, 10, 16, 16)
    torch.testing.assert_close(maps.mean((2, 3)), model(inputs).detach(), atol=1e-5, rtol=1e-4)


def test_measuring_leaves_the_network_as_it_was(inputs: Tensor) -> None:
    model = build(stack(1, 2, 5), 10).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    see(model, inputs)
    strongest_maps(model, inputs)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_control_repeats_and_depends_on_its_seed_alone(inputs: Tensor) -> None:
    config = stack(1, 2, 5)
    plan = make_plan(build(config, 10))

    def values(seed: int) -> list[dict[str, float]]:
        return [
            sight.values for sight in control(config, 10, inputs, MACHINE, plan, count=2, seed=seed).sights
        ]

    torch.manual_seed(1)
    first = values(0)
    state = torch.get_rng_state()
    assert values(0) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert values(1) != first
    assert first[0] != first[1]


def test_a_fresh_network_is_told_apart_from_fresh_ones_only_where_it_differs(inputs: Tensor) -> None:
    config = stack(2, 2, 2)
    plan: Plan = make_plan(build(config, 10))
    controls = control(config, 10, inputs, MACHINE, plan, count=4, seed=0)
    same = Seen("same", 12, plan, controls.sights[0], controls)
    assert same.differs_from_fresh("lattice_share") is False
    assert same.differs_from_fresh("radius_50") is False
    shifted = controls.sights[0].values | {"radius_50": 9.0, "variogram_ratio": nan}
    other = Seen("other", 12, plan, type(controls.sights[0])(controls.sights[0].gradients, shifted), controls)
    assert other.differs_from_fresh("radius_50") is True
    assert other.differs_from_fresh("variogram_ratio") is None
    told = findings([same, other])
    assert "lattice share: does not separate same or other from fresh weights." in told
    assert any(line.startswith("lattice share: does not separate same from other") for line in told)
    assert "50% radius (pixels): does not separate same from fresh weights." in told
    assert not any(line.startswith("50% radius") and "from other" in line for line in told)
    assert "variogram V(1)/V(r): does not apply to other." in told
    data = as_data(other)["measures"]
    assert isinstance(data, dict)
    assert data["variogram_ratio"]["trained"] is None
    assert inf not in data["radius_50"]["fresh_interval"]


def test_each_drn_reads_less_of_its_own_lattice_than_the_one_before(inputs: Tensor) -> None:
    shares = []
    for variant in "abcd":
        config = DrnConfig(variant=variant, layout="F", width=4)
        plan = make_plan(build(config, 10))
        fresh = control(config, 10, inputs, MACHINE, plan, count=3, seed=0)
        shares.append(sum(fresh.values("lattice_share")) / 3)
    # 1.00 by its structure, the others about as in an independent estimate: 0.44, 0.28, 0.17.
    assert shares == pytest.approx([1.0, 0.44, 0.28, 0.17], abs=0.08)
    assert shares == sorted(shares, reverse=True)


def test_the_strongest_channel_is_the_one_of_highest_mean() -> None:
    model = build(stack(1, 1), 10).eval()
    assert shown_layers(model.features) == {"conv1": "relu1", "conv2": "relu2"}
    with torch.no_grad():
        model.features.get_submodule("norm1").bias.copy_(torch.eye(8)[5] * 50)
    first, second = strongest_maps(model, torch.randn(2, 3, 32, 32))
    assert first.channels == [5, 5]
    assert first.maps.shape == (2, 30, 30)
    assert second.maps.shape == (2, 28, 28)
    assert bool((first.maps >= 0).all())


def test_blocks_are_shown_as_a_whole() -> None:
    model = build(ResNetConfig(width=4), 10)
    assert list(shown_layers(model.features)) == [
        "stem",
        *(f"stage{stage}.{block}" for stage in (1, 2, 3) for block in (0, 1)),
    ]
    pooled = build(CnnConfig(channels=[4, 4], dilations=[1, 1], pool=True), 10)
    assert shown_layers(pooled.features) == {"conv1": "pool1", "conv2": "relu2"}
