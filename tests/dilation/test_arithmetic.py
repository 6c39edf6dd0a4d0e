import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dilated_cifar.dilation.arithmetic import convolution_output_size, same_padding, transposed_output_size

sizes = st.integers(1, 20)
kernels = st.integers(1, 6)
strides = st.integers(1, 4)
paddings = st.integers(0, 4)
dilations = st.integers(1, 4)


def test_importing_the_arithmetic_does_not_import_torch() -> None:
    code = "import sys, dilated_cifar.dilation.arithmetic; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_worked_examples() -> None:
    assert convolution_output_size(8, 3, padding=1) == 8
    assert convolution_output_size(8, 3, stride=2, padding=1) == 4
    assert convolution_output_size((8, 8), (3, 5), stride=(3, 4), padding=(0, 1)) == (2, 2)
    assert transposed_output_size(3, 3, stride=2, padding=1) == 5
    assert transposed_output_size((3, 4), (3, 2), stride=(2, 1), padding=(1, 0)) == (5, 5)


@settings(max_examples=200, deadline=None)
@given(sizes, kernels, strides, paddings, dilations)
def test_a_convolution_has_the_size_of_the_operator(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    image, weight = torch.zeros(1, 1, size, size), torch.zeros(1, 1, kernel, kernel)
    if size + 2 * padding < dilation * (kernel - 1) + 1:
        with pytest.raises(ValueError, match="at least 1 output was expected"):
            convolution_output_size(size, kernel, stride, padding, dilation)
    else:
        out = F.conv2d(image, weight, stride=stride, padding=padding, dilation=dilation)
        assert convolution_output_size(size, kernel, stride, padding, dilation) == out.shape[-1]


@settings(max_examples=200, deadline=None)
@given(sizes, kernels, strides, paddings, dilations, st.integers(0, 3))
def test_a_transposed_convolution_has_the_size_of_the_operator(
    size: int, kernel: int, stride: int, padding: int, dilation: int, output_padding: int
) -> None:
    image, weight = torch.zeros(1, 1, size, size), torch.zeros(1, 1, kernel, kernel)
    try:
        expected = F.conv_transpose2d(
            image,
            weight,
            stride=stride,
            padding=padding,
            dilation=dilation,
            output_padding=output_padding,
        ).shape[-1]
    except RuntimeError:
        expected = 0
    if expected < 1:
        with pytest.raises(ValueError, match="was expected: write"):
            transposed_output_size(size, kernel, stride, padding, dilation, output_padding)
    else:
        found = transposed_output_size(size, kernel, stride, padding, dilation, output_padding)
        assert found == expected


@given(st.integers(1, 50), st.integers(0, 4).map(lambda half: 2 * half + 1), st.integers(1, 9))
def test_same_padding_keeps_every_size(size: int, kernel: int, dilation: int) -> None:
    padding = same_padding(kernel, dilation)
    assert convolution_output_size(size, kernel, padding=padding, dilation=dilation) == size


def test_the_padding_that_a_refusal_names_is_the_smallest_that_works() -> None:
    with pytest.raises(ValueError, match=r"a map of size 4 .* padding of at least 4$"):
        convolution_output_size(4, 3, dilation=5)
    assert convolution_output_size(4, 3, padding=4, dilation=5) == 2
    with pytest.raises(ValueError, match="at least 4"):
        convolution_output_size(4, 3, padding=3, dilation=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"kernel_size": 3, "stride": 0}, "stride=0"),
        ({"kernel_size": 3, "padding": -1}, "padding=-1"),
        ({"kernel_size": 3, "dilation": 0}, "dilation=0"),
        ({"kernel_size": (3, 3)}, "write size as"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convolution_output_size(8, **arguments)


def test_an_even_kernel_has_no_same_padding() -> None:
    with pytest.raises(ValueError, match=r"kernel_size=4 is even .* write 3 or 5"):
        same_padding(4, 1)
