"""Images mixed with others of their batch, and their targets with theirs: mixup and CutMix."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.data.randomness import Stream
from dilated_cifar.data.regions import box_mask
from dilated_cifar.device import onto


def mix(
    images: Tensor,
    labels: Tensor,
    config: AugmentConfig,
    place: tuple[int, int, int],
    *,
    classes: int,
    part: slice,
) -> tuple[Tensor, Tensor]:
    """Mix every image with another of the batch, chosen by a permutation, each pair in its own proportion.

    mixup (Zhang, Cisse, Dauphin & Lopez-Paz 2018) adds the two, lambda times the one and 1 - lambda times the
    other; CutMix (Yun et al. 2019) puts a box of the other, a share 1 - lambda of its area, at the same place
    in the one, where the border may cut it. lambda is drawn from the beta distribution with both parameters
    `config.mixup` or `config.cutmix`.

    Args:
        images: uint8 `[N, C, H, W]`, the whole batch.
        labels: int64 `[N]`.
        config: the choice `augment=`.
        place: seed, epoch and step, of which the choices are a function.
        classes: how many there are.
        part: the images to give back.

    Returns:
        uint8 `[n, C, H, W]`, sums rounded to the nearest of the 256 levels; and the share of each class in
        the target, float32 `[n, classes]`.
    """
    count, _, height, width = images.shape
    partners = Stream("augment partners", *place).permutation(count)
    others = images[onto(images.device, partners[part])]
    kept = draw_shares(config.mixup or config.cutmix, count, *place)
    if config.cutmix:
        boxes = draw_boxes(kept, height, width, *place)
        kept = 1 - (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (height * width)
        mask = box_mask(onto(images.device, boxes[part]), height, width)
        mixed = torch.where(mask, others, images[part])
    share = onto(images.device, kept.astype(np.float32))[part]
    if config.mixup:
        mixed = (
            torch.lerp(others.float(), images[part].float(), share.view(-1, 1, 1, 1)).round().to(torch.uint8)
        )
    one_hot = F.one_hot(labels, classes).float()
    targets = torch.lerp(one_hot[onto(labels.device, partners)][part], one_hot[part], share[:, None])
    return mixed, targets


def draw_shares(parameter: float, count: int, *place: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw `[count]` shares from the beta distribution with both parameters the same."""
    # The inverse of the distribution function, since numpy does not promise that its own draws stay the same.
    from scipy.special import betaincinv

    return np.asarray(betaincinv(parameter, parameter, Stream("augment shares", *place).shares(count)))


def draw_boxes(
    kept: np.ndarray[tuple[int], np.dtype[np.float64]], height: int, width: int, *place: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Draw the box of each image that holds the other one: `[N, 4]`, within the image, as in `box_mask`.

    Its sides are sqrt(1 - lambda) of the image's, around a pixel that every place is as likely to be.

    Source: Yun et al. 2019, equation 2.
    """
    sides = np.array([height, width])
    extent = np.rint(np.sqrt(1 - kept)[:, None] * sides).astype(np.int64)
    corners = Stream("augment mixed boxes", *place).integers(sides, len(kept), 2) - extent // 2
    return np.concatenate([corners.clip(0, sides), (corners + extent).clip(0, sides)], axis=1)
