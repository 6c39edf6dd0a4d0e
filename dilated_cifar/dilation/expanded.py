"""Tensors that hold one number along the dimensions in which nothing changes, whatever their shape."""

from torch import Tensor


def slim(part: Tensor) -> Tensor:
    """A tensor with one number along its expanded dimensions."""
    for dim, stride in enumerate(part.stride()):
        if stride == 0 and part.shape[dim] > 1:
            part = part.narrow(dim, 0, 1)
    return part


def compressed(part: Tensor) -> Tensor:
    """The same tensor with the dimensions expanded along which nothing changes."""
    shape, part = part.shape, slim(part)
    for dim, side in enumerate(part.shape):
        if side > 1 and bool((part == part.narrow(dim, 0, 1)).all()):
            part = part.narrow(dim, 0, 1)
    return part.clone().expand(shape)
