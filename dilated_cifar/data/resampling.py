"""Images resampled as products of weights: every image of a batch by weights of its own, without a loop."""

import torch
from torch import Tensor


def centres(count: int, device: torch.device) -> Tensor:
    """The middle of each of `count` pixels in a row."""
    return torch.arange(count, device=device) + 0.5


def stretch(starts: Tensor, ends: Tensor, canvas: int, side: int) -> Tensor:
    """Weigh the pixels of an image's side for each pixel of the canvas: float `[N, canvas, side]`.

    Linear interpolation, widened where the image shrinks: what `F.interpolate` computes with
    `mode="bilinear", antialias=True`. It is for one size; as weights every image has its own in one product.

    Args:
        starts: `[N, 1]`, where on the canvas the image begins.
        ends: `[N, 1]`, where it ends; outside, the nearest pixel counts.
        canvas: its side in pixels.
        side: of the image in pixels.
    """
    step = side / (ends - starts)
    middles = ((centres(canvas, starts.device) - starts) * step).clamp(0, side).unsqueeze(2)
    distances = (middles - centres(side, starts.device)).abs()
    weights = (1 - distances / step.clamp(min=1).unsqueeze(2)).clamp(min=0)
    return weights / weights.sum(2, keepdim=True)


def resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Weigh uint8 `[N, C, h, w]` by rows `[N, H, h]` and columns `[N, W, w]`: uint8 `[N, C, H, W]`."""
    resampled = torch.einsum("nyr,ncrs,nxs->ncyx", rows, images.float(), columns)
    return resampled.round().to(torch.uint8)
