"""What does localization look like? Heat maps, masks and boxes over images."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from torch import Tensor

from dilated_cifar.data.pictures import as_shown
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.lettering import fitted
from dilated_cifar.inspection.localization.boxes import boxes_around, overlaps, winning_responses
from dilated_cifar.inspection.localization.grid import Grid, maps_of, to_pixels, upsample

ROWS = 20
"""Rows of a picture; more go to further ones."""
TRUE, FOUND = "white", "red"
_SIDE_INCHES = 2.0
_LINE_INCHES = 0.15


@dataclass(frozen=True)
class Shown:
    """The localization of one network in an image of H x W pixels.

    `predicted` is the class, `overlap` the IoU of its box with the true one, None where there is no true one.
    `heat` [H, W] is the class map of the predicted class, interpolated to the pixels; `mask` [H, W] is where
    that class wins and is above the threshold; `box` is top, left, bottom, right, None where there is none.
    """

    predicted: str
    overlap: float | None
    heat: Tensor
    mask: Tensor
    box: Sequence[float] | None


def localize(trained: Trained, grid: Grid, image: Tensor, true: Tensor | None, threshold: float) -> Shown:
    """Localize the predicted class in one image, uint8 [C, H, W], whose true box [4] may be known."""
    maps = maps_of(trained, image[None])
    predicted = maps.mean((2, 3)).argmax(1)
    responses = winning_responses(maps, predicted)
    box = boxes_around(responses, threshold, grid)
    return Shown(
        trained.class_names[int(predicted)],
        None if true is None else overlaps(box, true[None]).item(),
        upsample(maps, grid)[0, int(predicted)],
        to_pixels(responses[0] > threshold, grid),
        None if box.isnan().any() else box[0].tolist(),
    )


def draw_pages(
    output: Output,
    name: str,
    images: Sequence[Tensor],
    names: Sequence[str],
    boxes: Sequence[Sequence[float]] | None,
    networks: Sequence[tuple[str, Sequence[Shown]]],
) -> None:
    """Draw images and their localization by each network, on as many pages as they need."""
    for page, first in enumerate(range(0, len(images), ROWS), start=1):
        rows = slice(first, first + ROWS)
        true = None if boxes is None else boxes[rows]
        figure = draw_localization(
            images[rows], names[rows], true, [(label, shown[rows]) for label, shown in networks]
        )
        output.draw(name if page == 1 else f"{name}-{page}", figure)


def draw_localization(
    images: Sequence[Tensor],
    names: Sequence[str],
    boxes: Sequence[Sequence[float]] | None,
    networks: Sequence[tuple[str, Sequence[Shown]]],
) -> Figure:
    """Draw a row an image: the image, and of each network the heat map over it and the mask.

    Args:
        images: uint8, [C, H, W] each.
        names: Of the images.
        boxes: True boxes; None for pictures without.
        networks: Label of each network, and its localization in each image.
    """
    columns = 1 + 2 * len(networks)
    labels = [fitted(label, _SIDE_INCHES, 8) for label, _ in networks]
    most = max((label.count("\n") for label in labels), default=0)
    height = (_SIDE_INCHES + 0.35) * len(images) + _LINE_INCHES * most + 0.7
    width = _SIDE_INCHES * columns + 0.2
    # A little wider than by default, where titles of several lines would touch.
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.08))
    known = "" if boxes is None else f"{TRUE} box: true; "
    title = (
        "Class map of the predicted class over the image, and its cells above the threshold\n"
        f"{known}{FOUND} box: found"
    )
    figure.suptitle(fitted(title, width, 10), fontsize=10)
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, (line, image) in enumerate(zip(grid, images, strict=True)):
        pixels = as_shown(image).numpy()
        true = None if boxes is None else boxes[row]
        line[0].imshow(pixels)
        line[0].set_title(fitted(names[row], _SIDE_INCHES, 8), fontsize=8)
        draw_box(line[0], true, TRUE)
        for number, (label, (_, shown)) in enumerate(zip(labels, networks, strict=True)):
            heat, mask = line[1 + 2 * number], line[2 + 2 * number]
            heat.imshow(pixels.mean(2), cmap="gray")
            heat.imshow(shown[row].heat.numpy(), cmap="viridis", alpha=0.65)
            mask.imshow(shown[row].mask.numpy(), cmap="gray", vmin=-0.5, vmax=1.3)
            title = shown[row].predicted
            if shown[row].overlap is not None:
                title += f", IoU {shown[row].overlap:.2f}"
            above = fitted(title, _SIDE_INCHES, 8)
            heat.set_title(f"{label}\n{above}" if row == 0 else above, fontsize=8)
            for axes in (heat, mask):
                draw_box(axes, true, TRUE)
                draw_box(axes, shown[row].box, FOUND)
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
