"""What one unit of a real network sees, drawn."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from dilated_cifar.inspection.count_map_pictures import draw_count_maps
from dilated_cifar.inspection.layer_tables import where
from dilated_cifar.inspection.view import View


def draw_view(seen: View, name: str) -> Figure:
    """Draw how often each pixel of the image enters one unit of the layer `name`; axes in pixels."""
    field = "x".join(str(side) for side in seen.layer.receptive_field)
    title = f"{where(seen, name)}\nfield {field} pixels, {seen.covered:.1%} of it on the image seen"
    return draw_count_maps([(title, seen.counts)], "How often each pixel enters one unit", centred=False)


def draw_view_parts(seen: View, name: str, maps: Sequence[tuple[str, Tensor]]) -> Figure:
    """Draw the row of count maps of one unit, from the last part's input back to the image.

    Every map is drawn as large as the image: behind strides and pools one place covers several pixels.
    """
    panels = []
    for part, counts in maps:
        place = "the image" if part == maps[-1][0] else f"what enters {part}"
        times = seen.counts.shape[0] // counts.shape[0]
        cell = f", each place drawn as {times}x{times} pixels" if times > 1 else ""
        drawn = counts.repeat_interleave(times, 0).repeat_interleave(times, 1)
        panels.append((f"{place}\n{counts.shape[0]}x{counts.shape[1]}{cell}", drawn))
    return draw_count_maps(panels, f"What {where(seen, name)} counts, part by part", centred=False)
