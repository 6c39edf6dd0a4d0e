"""What tells a trained network from randomly initialised ones, and two trained ones from each other."""

from collections.abc import Callable
from math import inf, nan

import torch
from torch import Tensor

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.device import Machine
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.control import (
    Comparison,
    Measured,
    as_data,
    findings,
    measure,
    measure_control,
)
from dilated_cifar.inspection.features import strongest_maps
from dilated_cifar.inspection.observation import choose_target
from dilated_cifar.models import build

Stack = Callable[..., CnnConfig]


def test_measuring_leaves_the_network_as_it_was(stack: Stack, inputs: Tensor) -> None:
    model = build(stack(1, 2, 5), 10).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    measure(model, inputs)
    strongest_maps(model, inputs)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_control_repeats_and_depends_on_its_seed_alone(
    stack: Stack, inputs: Tensor, machine: Machine
) -> None:
    config = stack(1, 2, 5)
    target = choose_target(trace(build(config, 10), (3, 32, 32)))

    def values(seed: int) -> list[dict[str, float]]:
        control = measure_control(config, 10, inputs, machine, target, count=2, seed=seed)
        return [network.values for network in control.networks]

    torch.manual_seed(1)
    first = values(0)
    state = torch.get_rng_state()
    assert values(0) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert values(1) != first
    assert first[0] != first[1]


def test_an_untrained_network_differs_from_its_control_only_where_it_was_changed(
    stack: Stack, inputs: Tensor, machine: Machine
) -> None:
    config = stack(2, 2, 2)
    target = choose_target(trace(build(config, 10), (3, 32, 32)))
    control = measure_control(config, 10, inputs, machine, target, count=4, seed=0)
    untrained = control.networks[0]
    same = Comparison("same", 12, target, untrained, control)
    assert same.differs("lattice_share") is False
    assert same.differs("radius_50") is False
    changed = Measured(untrained.gradients, untrained.values | {"radius_50": 9.0, "variogram_ratio": nan})
    other = Comparison("other", 12, target, changed, control)
    assert other.differs("radius_50") is True
    assert other.differs("variogram_ratio") is None
    sentences = findings([same, other])
    assert "lattice share: does not separate same or other from random initialisation." in sentences
    assert any(line.startswith("lattice share: does not separate same from other") for line in sentences)
    assert "50% radius (pixels): does not separate same from random initialisation." in sentences
    assert not any(line.startswith("50% radius") and "from other" in line for line in sentences)
    assert "variogram V(1)/V(r): does not apply to other." in sentences
    data = as_data(other)["measures"]
    assert data["variogram_ratio"]["trained"] is None
    assert inf not in data["radius_50"]["prediction_interval"]
