import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dilated_cifar.dilation.coverage import count_map, network_count_map
from dilated_cifar.dilation.matrix import convolution_matrix, transposed_in_steps
from dilated_cifar.dilation.stack import Window, convolution_sizes, rates_at_stride_one, transposed_sizes


def random_window(source: random.Random) -> Window:
    return Window(source.randint(1, 4), source.randint(1, 3), source.randint(1, 3), source.randint(0, 2))


def test_sizes_and_matrices_of_convolutions_are_the_operators() -> None:
    source = random.Random(0)
    for _ in range(60):
        window, size = random_window(source), source.randint(9, 12)
        (sizes,) = convolution_sizes(size, [window])
        weight = torch.ones(1, 1, window.kernel_size, window.kernel_size)
        numbers = {"stride": window.stride, "padding": window.padding, "dilation": window.rate}
        output = F.conv2d(torch.ones(1, 1, size, size), weight, **numbers)
        assert output.shape[2:] == (sizes.after, sizes.after)
        matrix = convolution_matrix(weight, (size, size), **numbers)
        assert (matrix.shape, matrix.nnz) == (sizes.matrix, sizes.weights)
        back = F.conv_transpose2d(output, weight, output_padding=0, **numbers)
        assert back.shape[2] == sizes.transposed
        if sizes.restoring < max(window.stride, window.rate):
            restored = F.conv_transpose2d(output, weight, output_padding=sizes.restoring, **numbers)
            assert restored.shape[2] == sizes.before


def test_the_steps_of_transposed_convolutions_are_the_operators() -> None:
    source = random.Random(1)
    for _ in range(60):
        window, size = random_window(source), source.randint(3, 6)
        if window.rate * (window.kernel_size - 1) - 2 * window.padding + (size - 1) * window.stride < 0:
            continue
        (sizes,) = transposed_sizes(size, [window])
        weight = torch.ones(1, 1, window.kernel_size, window.kernel_size)
        numbers = {"stride": window.stride, "padding": window.padding, "dilation": window.rate}
        steps = transposed_in_steps(torch.ones(1, 1, size, size), weight, **numbers)
        shown = (steps.zeros_between, steps.zeros_around, steps.result)
        assert [each.shape[2] for each in shown] == [sizes.zeros_between, sizes.zeros_around, sizes.after]
        matrix = convolution_matrix(weight, (sizes.after, sizes.after), **numbers)
        assert (matrix.T.shape, matrix.nnz) == (sizes.matrix, sizes.weights)


def test_a_layer_that_leaves_nothing_is_named() -> None:
    with pytest.raises(ValueError, match="layer 2: a map of size 2"):
        convolution_sizes(4, [Window(3), Window(3, 2)])
    with pytest.raises(ValueError, match="layer 1: padding=4 cuts away all"):
        transposed_sizes(2, [Window(3, padding=4)])


def test_a_stack_with_strides_reads_what_one_at_stride_one_reads() -> None:
    source = random.Random(2)
    for _ in range(20):
        windows = [Window(source.randint(1, 3), source.randint(1, 3), source.randint(1, 2)) for _ in "abc"]
        rates = rates_at_stride_one([each.rate for each in windows], [each.stride for each in windows])
        expected = count_map(rates, [each.kernel_size for each in windows])
        layers = [nn.Conv2d(1, 1, each.kernel_size, each.stride, dilation=each.rate) for each in windows]
        size = len(expected)
        network = nn.Sequential(*layers)
        assert torch.equal(network_count_map(network, (1, size, size), position=(0, 0)), expected)
