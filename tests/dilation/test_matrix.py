import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dilated_cifar.dilation.matrix import convolution_matrix, transposed_in_steps

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.tuples(st.integers(0, 3), st.integers(0, 3))
sizes = st.tuples(st.integers(1, 8), st.integers(1, 8))
channels = st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@settings(max_examples=100, deadline=None)
@given(sizes, pairs, pairs, paddings, pairs, channels)
def test_the_matrix_is_the_convolution_and_its_transpose_the_transposed_convolution(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    channels: tuple[int, int, int],
) -> None:
    assume(all(n + 2 * p > d * (k - 1) for n, p, d, k in zip(size, padding, dilation, kernel, strict=True)))
    outgoing, incoming, groups = channels[0] * channels[2], channels[1], channels[2]
    x = random(1, incoming * groups, *size).requires_grad_()
    weight = random(outgoing, incoming, *kernel)
    numbers = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    matrix = convolution_matrix(weight, size, **numbers)
    y = F.conv2d(x, weight, **numbers)
    assert matrix.shape == (y.numel(), x.numel())
    assert np.allclose(matrix @ x.detach().flatten().numpy(), y.detach().flatten().numpy())
    cotangent = random(*y.shape)
    (transposed,) = torch.autograd.grad(y, x, cotangent)
    assert np.allclose(matrix.T @ cotangent.flatten().numpy(), transposed.flatten().numpy())


def test_the_transpose_restores_the_shape_but_not_the_values() -> None:
    x, weight = random(1, 1, 4, 4), random(1, 1, 3, 3)
    matrix = convolution_matrix(weight, (4, 4))
    assert matrix.shape == (4, 16)
    y = torch.from_numpy(matrix @ x.flatten().numpy()).view(1, 1, 2, 2)
    back = matrix.T @ y.flatten().numpy()
    assert back.shape == (16,)
    assert np.allclose(back, F.conv_transpose2d(y, weight).flatten().numpy())
    assert not np.allclose(back, x.flatten().numpy(), atol=0.1)


def test_the_matrix_stores_only_the_taps_that_read_a_pixel() -> None:
    matrix = convolution_matrix(torch.ones(1, 1, 3, 3), (50, 50), padding=2, dilation=2)
    assert matrix.shape == (2500, 2500)
    assert matrix.nnz == (3 * 50 - 4) ** 2
    assert matrix.sum(axis=1).max() == 9


@settings(max_examples=100, deadline=None)
@given(sizes, pairs, pairs, paddings, pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_the_steps_end_in_the_transposed_convolution(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    output_padding: tuple[int, int],
) -> None:
    assume(all(o < max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True)))
    x, weight = random(2, 2, *size), random(2, 3, *kernel)
    numbers = {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": output_padding}
    spans = zip(size, kernel, stride, padding, dilation, output_padding, strict=True)
    assume(all((n - 1) * s - 2 * p + d * (k - 1) + o + 1 >= 1 for n, k, s, p, d, o in spans))
    steps = transposed_in_steps(x, weight, **numbers)
    assert torch.allclose(steps.result, F.conv_transpose2d(x, weight, **numbers))
    assert steps.zeros_between.shape[2:] == tuple((n - 1) * s + 1 for n, s in zip(size, stride, strict=True))
    assert steps.zeros_between.count_nonzero() == x.numel()


def test_the_worked_example_of_three_by_three_to_five_by_five() -> None:
    steps = transposed_in_steps(random(1, 1, 3, 3), random(1, 1, 3, 3), stride=2, padding=1)
    assert steps.zeros_between.shape == (1, 1, 5, 5)
    assert steps.zeros_around.shape == (1, 1, 7, 7)
    assert steps.result.shape == (1, 1, 5, 5)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 output was expected"):
        convolution_matrix(torch.ones(1, 1, 3, 3), (4, 4), dilation=2)
    with pytest.raises(ValueError, match="groups=2 does not divide the 3 output channels"):
        convolution_matrix(torch.ones(3, 1, 3, 3), (4, 4), groups=2)
    with pytest.raises(ValueError, match="output_padding=1"):
        transposed_in_steps(random(1, 1, 3, 3), random(1, 1, 3, 3), output_padding=1)
