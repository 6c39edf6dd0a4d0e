"""Heat maps, masks and boxes over images."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

SIDE = 2.0
TRUE, FOUND = "white", "red"


@dataclass(frozen=True)
class Shown:
    """What one network sees in an image of H x W pixels.

    `named` is the class it names, `overlap` how much its box and the true one have in common, None where
    there is no true one. `heat` [H, W] is the class map of the class it names, interpolated to the pixels;
    `mask` [H, W] is where that class wins and passes the threshold; `box` is top, left, bottom, right, None
    where none passes.
    """

    named: str
    overlap: float | None
    heat: Tensor
    mask: Tensor
    box: Sequence[float] | None


def draw_localization(
    images: Sequence[Tensor],
    names: Sequence[str],
    boxes: Sequence[Sequence[float]] | None,
    networks: Sequence[tuple[str, Sequence[Shown]]],
) -> Figure:
    """Draw a row an image: the image, and of each network the heat map over it and the mask.

    Args:
        images: uint8, [3, H, W] each.
        names: Of the images.
        boxes: True boxes; None for pictures without.
        networks: Label of each network, and what it sees in each image.
    """
    columns = 1 + 2 * len(networks)
    height = (SIDE + 0.35) * len(images) + 0.7
    figure = Figure(figsize=(max(7.0, SIDE * columns + 0.2), height), layout="constrained")
    known = "" if boxes is None else f"{TRUE} box: true; "
    figure.suptitle(
        f"Class map of the class named, over the image, and the places that pass\n{known}{FOUND} box: found",
        fontsize=10,
    )
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, (line, image) in enumerate(zip(grid, images, strict=True)):
        pixels = image.permute(1, 2, 0).cpu().numpy()
        true = None if boxes is None else boxes[row]
        line[0].imshow(pixels)
        line[0].set_title(names[row], fontsize=8, parse_math=False)
        draw_box(line[0], true, TRUE)
        for number, (label, seen) in enumerate(networks):
            heat, mask = line[1 + 2 * number], line[2 + 2 * number]
            heat.imshow(pixels.mean(2), cmap="gray")
            heat.imshow(seen[row].heat.numpy(), cmap="viridis", alpha=0.65)
            mask.imshow(seen[row].mask.numpy(), cmap="gray", vmin=-0.5, vmax=1.3)
            title = seen[row].named
            if seen[row].overlap is not None:
                title += f", IoU {seen[row].overlap:.2f}"
            heat.set_title(f"{label}\n{title}" if row == 0 else title, fontsize=8)
            for axes in (heat, mask):
                draw_box(axes, true, TRUE)
                draw_box(axes, seen[row].box, FOUND)
    for axes in grid.ravel():
        axes.set_axis_off()
    return figure


def draw_box(axes: Axes, box: Sequence[float] | None, colour: str) -> None:
    """Draw a box in pixels from the border; nothing where there is none."""
    if box is None:
        return
    top, left, bottom, right = box
    corner = (left - 0.5, top - 0.5)  # matplotlib's pixels are centred on whole numbers
    for line, width in (("black", 2.6), (colour, 1.3)):
        axes.add_patch(
            Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=line, linewidth=width)
        )
