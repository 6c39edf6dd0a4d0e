"""Convolutions that do not begin at random: with principal components, or passing their input on."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dilated_cifar.config.data import DataConfig
from dilated_cifar.data.augment import normalize
from dilated_cifar.errors import UserError

MOST_PATCHES, AT_ONCE = 1_800_000, 100_000
SMALLEST_VARIANCE = 1e-3
"""Is added to each variance, so that directions that hardly occur are not blown up."""


@torch.no_grad()
def whiten(network: nn.Module, images: Tensor, data: DataConfig) -> None:
    """Let the first convolution of `network` turn patches of the images into uncorrelated numbers.

    Its filters become the principal components of the patches, the strongest first, each divided by its
    standard deviation, and once more with the sign changed, for behind a ReLU two signs are two features
    (Jordan 2024 has such a first layer fixed; here it goes on learning). Filters beyond twice the numbers of
    a patch stay as they are.

    Args:
        network: changed in place.
        images: of the training split, uint8 `[N, C, H, W]`; the first ones are used, of 1.8 million patches.
        data: with mean and standard deviation of the colours.

    Raises:
        UserError: the network has no convolution over all channels of its input.
    """
    first = next((each for each in network.modules() if isinstance(each, nn.Conv2d)), None)
    if first is None or first.groups != 1 or first.in_channels != images.shape[1]:
        raise UserError(
            "whiten=true: expected a network that begins with a convolution over all channels of the images; "
            "write whiten=false"
        )
    components = principal_components(first, images, data)
    pairs = min(first.out_channels // 2, len(components))
    shape = (pairs, *first.weight.shape[1:])
    filters = components[:pairs].reshape(shape).to(first.weight)
    first.weight[: 2 * pairs] = torch.cat([filters, -filters])


@torch.no_grad()
def pass_on(network: nn.Module) -> None:
    """Let every convolution but the first of `network` begin by passing its input on.

    Its first filters become the identity of the channels, as many as it has inputs, and the others stay as
    they are (Jordan 2024, after the Dirac kernels of Zagoruyko and Komodakis 2017). Convolutions in groups
    stay as they are.
    """
    convolutions = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
    for each in convolutions[1:]:
        if each.groups == 1:
            nn.init.dirac_(each.weight[: each.in_channels])


def principal_components(convolution: nn.Conv2d, images: Tensor, data: DataConfig) -> Tensor:
    """Filters, `[n, n]` with one a row, that make a convolution's patches uncorrelated, of variance 1."""
    of_an_image = len(patches(convolution, images[:1], data))
    images = images[: max(1, MOST_PATCHES // of_an_image)]
    products = torch.zeros((), dtype=torch.float64)
    for part in images.split(max(1, AT_ONCE // of_an_image)):
        seen = patches(convolution, part, data).cpu().double()  # no double on MPS
        products = products + seen.T @ seen
    covariance = products / (len(images) * of_an_image)
    variances, directions = torch.linalg.eigh(covariance)
    rows: Tensor = (directions / (variances.clamp(min=0) + SMALLEST_VARIANCE).sqrt()).T.flip(0)
    # A component is one only up to its sign: take that with a positive sum.
    return rows * torch.where(rows.sum(1, keepdim=True) < 0, -1.0, 1.0)


def patches(convolution: nn.Conv2d, images: Tensor, data: DataConfig) -> Tensor:
    """What a convolution sees of images, `[patches, n]`, normalised as in training."""
    seen = F.unfold(
        normalize(images, data.mean, data.std),
        convolution.kernel_size,
        dilation=convolution.dilation,
        padding=0 if isinstance(convolution.padding, str) else convolution.padding,
        stride=convolution.stride,
    )
    return seen.transpose(1, 2).flatten(0, 1)
