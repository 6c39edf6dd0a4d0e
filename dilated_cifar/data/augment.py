"""A batch of images varied on its device, each image by its own choices, and turned into numbers."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.config.data import Colours
from dilated_cifar.data.randomness import Stream
from dilated_cifar.data.scenes import BACKGROUNDS, choose_others, paste


def augment(
    images: Tensor,
    config: AugmentConfig,
    *,
    seed: int,
    epoch: int,
    step: int,
    colours: Colours,
    part: slice = slice(None),
) -> Tensor:
    """Move, mirror and blacken parts of images, and paste them into scenes, as `config` says.

    The choices are a function of the seed, the epoch, the step and the place in the batch alone. They are
    drawn on the CPU, so that every device makes the same ones. Only the background `blur` of a scene is made
    of another image of the batch.

    Args:
        images: uint8 `[N, C, H, W]`.
        config: the choice `augment=`.
        seed: of the run.
        epoch: its number.
        step: in the epoch.
        part: the images to give back; the others are made only where scenes need them.
        colours: of the data set, for the backgrounds of scenes; not what normalisation subtracts and divides
            by, which need not be the true ones.

    Returns:
        uint8 `[n, C, H, W]` of the n images in `part`, of scenes `[n, C, canvas, canvas]`.
    """
    place = (seed, epoch, step)
    # A background of a scene may be made of any other image of the batch.
    varied = slice(None) if config.canvas else part
    if config.pad or config.flip or config.cutout:
        images = _vary(images, config, Stream("augment", *place), varied)
    else:
        images = images[varied]
    if config.canvas:
        numbers = np.arange(len(images))
        kinds = Stream("augment backgrounds", *place).integers(len(BACKGROUNDS), len(images))
        others = torch.from_numpy(choose_others(numbers, numbers, "augment others", *place))
        images, _ = paste(
            images,
            kinds,
            images[others.to(images.device)],
            "augment",
            *place,
            canvas=config.canvas,
            scales=config.scales,
            mean=colours[0],
            std=colours[1],
        )
        images = images[part]
    return images


def _vary(images: Tensor, config: AugmentConfig, stream: Stream, part: slice) -> Tensor:
    """Move, mirror and blacken those in `part`: uint8 `[n, C, H, W]`."""
    count, channels, height, width = images.shape
    ranges = np.array([2 * config.pad + 1, 2 * config.pad + 1, 1 + config.flip, height, width])
    choices = torch.from_numpy(stream.integers(ranges, count, len(ranges))[part]).to(images.device)
    images = images[part]
    count = len(images)
    top, left, mirrored, centre_row, centre_column = choices.T.unsqueeze(2)

    rows = torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    if config.pad or config.flip:
        # One gather makes crop and mirror together; a slice for each image takes three times as long.
        padded = F.pad(images, [config.pad] * 4).flatten(2)
        from_rows = top + rows
        from_columns = left + torch.where(mirrored == 1, width - 1 - columns, columns)
        pixels = from_rows.unsqueeze(2) * (width + 2 * config.pad) + from_columns.unsqueeze(1)
        pixels = pixels.view(count, 1, -1).expand(-1, channels, -1)
        images = padded.gather(2, pixels).view(count, channels, height, width)
    if config.cutout:
        # For an even side the square reaches one pixel further up and left; the border may cut it.
        half = config.cutout // 2
        hidden_rows = (rows >= centre_row - half) & (rows < centre_row - half + config.cutout)
        hidden_columns = (columns >= centre_column - half) & (columns < centre_column - half + config.cutout)
        hidden = hidden_rows.unsqueeze(2) & hidden_columns.unsqueeze(1)
        images = images.masked_fill(hidden.unsqueeze(1), 0)
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
    scale = torch.tensor([1 / (255 * value) for value in std], device=images.device).view(-1, 1, 1)
    offset = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=images.device).view(
        -1, 1, 1
    )
    # Changing the memory format last is several times as fast as computing in it.
    return torch.addcmul(offset, images.float(), scale).to(dtype, memory_format=torch.channels_last)
