"""A batch of images varied on its device, each image by its own choices, and turned into numbers."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.config.data import Colours
from dilated_cifar.data.batches import Batch
from dilated_cifar.data.mixing import mix
from dilated_cifar.data.randomness import Stream
from dilated_cifar.data.regions import cut_out, draw_erased, erase
from dilated_cifar.data.scenes import BACKGROUNDS, choose_others, paste
from dilated_cifar.device import onto


def augment(
    batch: Batch,
    config: AugmentConfig,
    *,
    seed: int,
    epoch: int,
    epochs: int,
    colours: Colours,
    classes: int,
    part: slice = slice(None),
) -> tuple[Tensor, Tensor]:
    """Vary the images of a batch, each by its own choices, as `config` says.

    The choices are a function of the seed, the epoch, the step, the place in the batch and the coin of the
    image alone. They are drawn on the CPU, so that every device makes the same ones. Only the background
    `blur` of a scene, mixup and CutMix are made of other images of the batch.

    Args:
        batch: of N images; of several processes the whole one.
        config: the choice `augment=`.
        seed: of the run.
        epoch: its number.
        epochs: of the run, over which crops grow.
        part: the images to give back; the others are made only where these are made of them.
        colours: of the data set, for the backgrounds of scenes; not what normalisation subtracts and divides
            by, which need not be the true ones.
        classes: how many there are.

    Returns:
        uint8 `[n, C, H, W]` of the n images in `part`, or `[n, C, side, side]` of crops and scenes; and their
        targets: int64 `[n]`, or of mixed images the share of each class, float32 `[n, classes]`.
    """
    place = (seed, epoch, batch.step)
    varied = slice(None) if config.canvas or config.mixes else part
    images, labels = _vary(batch, config, place, varied, config.side_in(epoch, epochs)), batch.labels
    if config.canvas:
        numbers = np.arange(len(images))
        kinds = Stream("augment backgrounds", *place).integers(len(BACKGROUNDS), len(images))
        others = onto(images.device, choose_others(numbers, numbers, "augment others", *place))
        images, _ = paste(
            images,
            kinds,
            images[others],
            "augment",
            *place,
            canvas=config.canvas,
            scales=config.scales,
            mean=colours[0],
            std=colours[1],
        )
    if config.mixes:
        return mix(images, labels, config, place, classes=classes, part=part)
    return (images[part] if config.canvas else images), labels[part]


def _vary(
    batch: Batch, config: AugmentConfig, place: tuple[int, int, int], part: slice, side: int | None
) -> Tensor:
    """Vary those in `part`, each by itself: uint8 `[n, C, H, W]`, or `[n, C, side, side]`."""
    count, channels, whole_height, whole_width = batch.images.shape
    height, width = (side, side) if side else (whole_height, whole_width)
    images = batch.images[part]
    padded_height, padded_width = whole_height + 2 * config.pad, whole_width + 2 * config.pad
    if config.pad or config.flip or config.cutout or side:
        places = [padded_height - height + 1, padded_width - width + 1]
        ranges = np.array([*places, 1 + config.flip, height, width])
        drawn = Stream("augment", *place).integers(ranges, count, len(ranges))
        if config.flip and config.alternate:
            drawn[:, 2] = (batch.coins + place[1]) % 2
        choices = onto(images.device, drawn[part])
    if config.pad or config.flip or side:
        # One gather makes crop and mirror together; a slice for each image takes three times as long.
        top, left, mirrored = choices.T[:3].unsqueeze(2)
        padded = F.pad(images, [config.pad] * 4).flatten(2)
        from_rows = top + torch.arange(height, device=images.device)
        columns = torch.arange(width, device=images.device)
        from_columns = left + torch.where(mirrored == 1, width - 1 - columns, columns)
        pixels = from_rows.unsqueeze(2) * padded_width + from_columns.unsqueeze(1)
        pixels = pixels.view(-1, 1, height * width).expand(-1, channels, -1)
        images = padded.gather(2, pixels).view(-1, channels, height, width)
    if config.randaugment:
        # torchvision's operations, which take a while to import, only where they are wanted.
        from dilated_cifar.data.randaugment import draw_operations, randaugment

        operations = draw_operations(count, config.randaugment, *place)[part]
        images = randaugment(images, operations, config.magnitude)
    if config.cutout:
        images = cut_out(images, choices[:, 3:], config.cutout)
    if config.erasing:
        drawn_boxes = draw_erased(config.erasing, (count, channels, height, width), *place)
        boxes, noise = (onto(images.device, each[part]) for each in drawn_boxes)
        images = erase(images, boxes, noise)
    return images


def normalize(
    images: Tensor, mean: Sequence[float], std: Sequence[float], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Scale images to [0, 1], subtract the mean and divide by the standard deviation of each colour.

    Args:
        images: uint8 `[N, C, H, W]`.
        mean: of each of the C colours, on the scale from 0 to 1.
        std: of each of the C colours, on the same scale.
        dtype: of the result; the arithmetic is float32.

    Returns:
        `[N, C, H, W]` in the memory format channels_last.
    """
    numbers = [[1 / (255 * s) for s in std], [-m / s for m, s in zip(mean, std, strict=True)]]
    scale, offset = onto(images.device, np.array(numbers, dtype=np.float32)).view(2, -1, 1, 1)
    # Changing the memory format last is several times as fast as computing in it.
    return torch.addcmul(offset, images.float(), scale).to(dtype, memory_format=torch.channels_last)
