"""Optimizers and schedules against torch's own, step by step."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import optim
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, OneCycleLR, StepLR

from dilated_cifar.config.optimization import (
    AdamConfig,
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    MultiStepConfig,
    OneCycleConfig,
    OptimizerConfig,
    ScheduleConfig,
    SgdConfig,
    StepConfig,
)
from dilated_cifar.training.optimizer import build_optimizer, learning_rate

PEAK, STEPS, EPOCHS = 0.3, 7, 10


def rates(config: ScheduleConfig) -> list[float]:
    return [
        learning_rate(config, PEAK, step, steps_per_epoch=STEPS, epochs=EPOCHS)
        for step in range(STEPS * EPOCHS)
    ]


def torch_rates(make: Callable[[SGD], LRScheduler], steps: int) -> list[float]:
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize(
    ("config", "make"),
    [
        (StepConfig(every=3, gamma=0.2), lambda o: StepLR(o, 3, 0.2)),
        (MultiStepConfig(milestones=[2, 7], gamma=0.1), lambda o: MultiStepLR(o, [2, 7], 0.1)),
    ],
)
def test_epoch_schedules_equal_torchs(config: ScheduleConfig, make: Callable[[SGD], LRScheduler]) -> None:
    expected = [rate for rate in torch_rates(make, EPOCHS) for _ in range(STEPS)]
    assert rates(config) == pytest.approx(expected)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_equals_torchs(final: float) -> None:
    total = STEPS * EPOCHS
    expected = torch_rates(lambda o: CosineAnnealingLR(o, total, eta_min=PEAK * final), total)
    assert rates(CosineConfig(final=final)) == pytest.approx(expected)


@pytest.mark.parametrize("rise", [0.3, 0.5])
def test_one_cycle_equals_torchs(rise: float) -> None:
    total = STEPS * EPOCHS
    expected = torch_rates(
        lambda o: OneCycleLR(o, PEAK, total_steps=total, pct_start=rise, cycle_momentum=False), total - 1
    )
    seen = rates(OneCycleConfig(rise=rise))
    assert seen[:-1] == pytest.approx(expected)
    assert seen[-1] == pytest.approx(PEAK / 25 / 1e4)


def test_a_constant_rate_stays() -> None:
    assert rates(ConstantConfig()) == [PEAK] * (STEPS * EPOCHS)


@pytest.mark.parametrize("config", [ConstantConfig(warmup_epochs=2.5), CosineConfig(warmup_epochs=2.5)])
def test_warm_up_rises_in_equal_parts_to_the_schedule(config: ScheduleConfig) -> None:
    seen = rates(config)
    plain = rates(type(config)())
    warm = round(2.5 * STEPS)
    shares = [rate / full for rate, full in zip(seen, plain, strict=True)]
    assert shares[:warm] == pytest.approx([(step + 1) / (warm + 1) for step in range(warm)])
    assert shares[warm:-1] == pytest.approx([1.0] * (len(seen) - warm - 1))


@pytest.mark.parametrize("epochs", [1, 2])
def test_one_cycle_is_defined_for_the_shortest_runs(epochs: int) -> None:
    seen = [
        learning_rate(OneCycleConfig(), PEAK, step, steps_per_epoch=1, epochs=epochs)
        for step in range(epochs)
    ]
    assert all(0 < rate <= PEAK for rate in seen)


@pytest.mark.parametrize(
    ("config", "make"),
    [
        (SgdConfig(), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)),
        (AdamConfig(lr=0.1), lambda p: optim.Adam(p, lr=0.1)),
        (AdamWConfig(lr=0.1, weight_decay=0.1), lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.1)),
    ],
)
def test_optimizers_take_torchs_steps_from_torchs_states(
    config: OptimizerConfig, make: Callable[[list[torch.nn.Parameter]], optim.Optimizer]
) -> None:
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 9)) for _ in range(2))
    optimizer, expected = build_optimizer(config, [ours]), make([theirs])
    for step in range(6):
        for weight, each in ((ours, optimizer), (theirs, expected)):
            each.zero_grad()
            (weight.sin() * (step + 1)).sum().backward()
            each.step()
        assert torch.equal(ours, theirs), step
        if step == 2:
            optimizer.load_state_dict(deepcopy(expected.state_dict()))
    (state,), (known,) = optimizer.state_dict()["state"].values(), expected.state_dict()["state"].values()
    assert state.keys() == known.keys()
    assert all(torch.equal(torch.as_tensor(state[key]), torch.as_tensor(known[key])) for key in state)
