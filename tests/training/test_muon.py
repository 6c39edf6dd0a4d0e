"""Muon against torch's, which takes matrices alone, and against what orthogonal means."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, optim

from dilated_cifar.config.optimization import MuonConfig
from dilated_cifar.training.muon import orthogonal
from dilated_cifar.training.optimizer import build_optimizer


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 999), st.sampled_from([1e-4, 1.0, 1e4]))
def test_directions_that_count_are_stepped_along_alike(
    rows: int, columns: int, seed: int, scale: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    left, right = (
        torch.linalg.qr(torch.randn(size, size, generator=generator))[0] for size in (rows, columns)
    )
    values = torch.rand(min(rows, columns), generator=generator) * 0.9 + 0.1
    narrow = min(rows, columns)
    matrix = (left[:, :narrow] * values * scale) @ right[:narrow]
    found = orthogonal(matrix)
    seen = left[:, :narrow].T @ found @ right[:narrow].T
    assert torch.allclose(seen, torch.diag(seen.diag()), atol=2e-3)  # the same directions
    assert seen.diag().min() > 0.5
    assert seen.diag().max() < 1.3


@pytest.mark.parametrize("shape", [(8, 20), (20, 8)])
def test_matrices_step_as_with_torchs_muon(shape: tuple[int, int]) -> None:
    values = torch.linspace(-1, 1, 160).view(shape)
    slopes = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.Parameter(values.clone()), nn.Parameter(values.clone())
    config = MuonConfig(lr=0.05, momentum=0.9, weight_decay=0.1)
    optimizer = build_optimizer(config, [ours, nn.Parameter(torch.zeros(2, 2))])
    expected = optim.Muon([theirs], lr=0.05, momentum=0.9, weight_decay=0.1)
    for step in range(4):
        for weight, each in ((ours, optimizer), (theirs, expected)):
            each.zero_grad()
            (weight.sin() * slopes * (step + 1)).sum().backward()
            each.step()
    assert torch.allclose(ours, theirs, atol=0.01)  # torch computes in bfloat16
    assert (ours - values).abs().max() > 0.05


def test_a_kernel_steps_as_the_matrix_of_its_filters() -> None:
    values = torch.linspace(-1, 1, 6 * 4 * 9)
    kernel, matrix = nn.Parameter(values.view(6, 4, 3, 3).clone()), nn.Parameter(values.view(6, 36).clone())
    for weight in (kernel, matrix):
        optimizer = build_optimizer(MuonConfig(), [weight, nn.Parameter(torch.zeros(2, 2))])
        for _ in range(3):
            optimizer.zero_grad()
            weight.sin().mul(values.cos().view(weight.shape)).sum().backward()
            optimizer.step()
    assert torch.equal(kernel.flatten(1), matrix)


def test_biases_and_the_classifier_take_the_steps_of_sgd() -> None:
    start = [torch.linspace(-1, 1, 9), torch.linspace(-1, 1, 12).view(3, 4)]
    ours, theirs = ([nn.Parameter(each.clone()) for each in start] for _ in range(2))
    optimizer = build_optimizer(MuonConfig(lr=0.02, others=5, momentum=0.9), ours)
    expected = optim.SGD(theirs, lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(5):
        for weights, each in ((ours, optimizer), (theirs, expected)):
            each.zero_grad()
            sum(weight.sin().sum() for weight in weights).backward()  # type: ignore[union-attr]
            each.step()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
