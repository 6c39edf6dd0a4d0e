"""The count maps of every unit of many layers at once, for images as small as CIFAR-10's."""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dilated_cifar.dilation.counting import Counting

MOST_PIXELS = 40 * 40
_TOGETHER = 256
"""Pixels that run through the network at once."""


def count_every_unit(
    module: nn.Module, input_size: tuple[int, int, int], layers: Sequence[str]
) -> dict[str, Tensor]:
    """Count how often each pixel of an image `[C, H, W]` enters each unit of the maps of some layers.

    Counting is linear in the image: what a single pixel of one adds to every unit is what `network_count_map`
    finds for that pixel from each unit back. One pass a pixel serves all units of all layers.

    Returns:
        Of each layer whose output is a map `[h, w]`, float32 `[h, w, H, W]`.

    Raises:
        ValueError: the image has more than `MOST_PIXELS` pixels, or an operation cannot be counted.
    """
    channels, height, width = input_size
    pixels = height * width
    if pixels > MOST_PIXELS:
        raise ValueError(
            f"an image of {height}x{width} has {pixels:,} pixels, at most {MOST_PIXELS:,} were expected: "
            "write a smaller image, or count single units with network_count_map"
        )
    network = copy.deepcopy(module).cpu().eval()
    latest: dict[str, Tensor] = {}
    found: dict[str, list[Tensor]] = {}
    for name in dict.fromkeys(layers):
        network.get_submodule(name).register_forward_hook(partial(_note, latest, name))
    for first in range(0, pixels, _TOGETHER):
        count = min(_TOGETHER, pixels - first)
        images = torch.zeros(count, pixels, dtype=torch.float64)
        images[torch.arange(count), torch.arange(first, first + count)] = 1
        with torch.no_grad(), _CountingOneChannel():
            network(_spread(images.view(count, 1, height, width), channels))
        for name, counts in latest.items():
            found.setdefault(name, []).append(counts)
    return {
        name: torch.cat(parts).movedim(0, -1).unflatten(-1, (height, width)) for name, parts in found.items()
    }


class _CountingOneChannel(Counting):
    """Computes one channel of the maps whose channels are all alike, which is most of the work saved.

    Such a map is a single channel that is expanded, so that torch shows all of them and holds one.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name == "conv2d" and len(args) > 1:
            source, weight, *numbers = args
            counts = super().__torch_function__(func, types, (_one(source), weight[:1], *numbers), kwargs)
            return _spread(counts, weight.shape[0])
        if name.strip("_") in ("add", "iadd") and all(map(_is_spread, args)):
            return _spread(torch.add(*map(_one, args)), max(counts.shape[1] for counts in args))
        if name.endswith("_") and args and _is_spread(args[0]):
            # In place, on channels that are one and the same: on a copy, which is then the result.
            args = (args[0].contiguous(), *args[1:])
        return super().__torch_function__(func, types, args, kwargs)


def _is_spread(counts: Any) -> bool:
    return isinstance(counts, Tensor) and counts.dim() == 4 and counts.stride(1) == 0


def _one(counts: Tensor) -> Tensor:
    return counts[:, :1] if _is_spread(counts) else counts


def _spread(counts: Tensor, channels: int) -> Tensor:
    return counts.expand(-1, channels, -1, -1)


def _note(latest: dict[str, Tensor], name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
    """Keep the map that a layer put out last, the mean of its channels."""
    if isinstance(output, Tensor) and output.dim() == 4:
        latest[name] = _one(output).mean(1).float()
