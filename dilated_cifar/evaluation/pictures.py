"""Pictures of predictions, as matplotlib figures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.data.pictures import as_shown
from dilated_cifar.evaluation.output import MOST_NUMBERED
from dilated_cifar.percentages import percent


def confusion_figure(matrix: NDArray[np.int64], class_names: Sequence[str], *, title: str) -> Figure:
    """A confusion matrix [classes, classes] of counts, rows the true class, as shares of each row."""
    count = len(class_names)
    numbered = count <= MOST_NUMBERED
    # Small, so that the type can be read on a thumbnail; of many classes it is read on the whole picture.
    side = 1.8 + (0.31 if numbered else 0.11) * count
    figure = Figure(figsize=(side, side), dpi=200, layout="constrained")
    axes = figure.subplots()
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    turned = {"rotation": 45, "ha": "right"} if numbered else {"rotation": 90}
    axes.set_xticks(range(count), class_names, parse_math=False, **turned)
    axes.set_yticks(range(count), class_names, parse_math=False)
    axes.tick_params(labelsize=8 if numbered else 5)
    axes.set_xlabel("predicted", fontsize=8)
    axes.set_ylabel("true", fontsize=8)
    figure.suptitle(title, fontsize=9)
    for row in range(count if numbered else 0):
        for column in range(count):
            colour = "black" if shares[row, column] > 0.6 else "white"
            text = str(matrix[row, column])
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, fraction=0.05, pad=0.02)
    bar.set_label("share of the true class", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def mistakes_figure(
    images: Tensor, labels: Tensor, probabilities: Tensor, class_names: Sequence[str], *, most: int = 16
) -> Figure | None:
    """The wrong predictions of highest confidence, with both classes; None where there is no mistake.

    Args:
        images: uint8 [N, C, H, W].
        labels: int64 [N].
        probabilities: [N, classes], rows sum to 1.
        class_names: One for each class.
        most: How many pictures at the most.
    """
    confidence, predicted = probabilities.max(1)
    wrong = (predicted != labels).nonzero().flatten()
    if len(wrong) == 0:
        return None
    shown = wrong[confidence[wrong].argsort(descending=True, stable=True)][:most]
    columns = 4  # so that the type can be read on a thumbnail
    rows = -(-len(shown) // columns)
    cell = 1.28  # height of an image with its two lines of text, in widths of a column
    side, title = 1.15, 0.3
    figure = Figure(figsize=(side * columns, side * cell * rows + title), dpi=200)
    figure.suptitle("Most confident mistakes", fontsize=9, y=1 - 0.1 / figure.get_figheight(), va="top")
    # One system of coordinates for all images: axes for each of them take four times as long.
    axes = figure.add_axes((0, 0, 1, 1 - title / figure.get_figheight()))
    for number, index in enumerate(shown.tolist()):
        row, column = divmod(number, columns)
        left, bottom = column + 0.04, (row + 1) * cell - 0.04
        pixels = as_shown(images[index]).numpy()
        axes.imshow(pixels, extent=(left, left + 0.92, bottom, bottom - 0.92))
        found, true = class_names[int(predicted[index])], class_names[int(labels[index])]
        text = f"{found} {percent(confidence[index].item(), 0)}\ntrue: {true}"
        axes.text(column + 0.5, bottom - 0.94, text, ha="center", va="bottom", fontsize=7.5, parse_math=False)
    axes.set(xlim=(0, columns), ylim=(rows * cell, 0))
    axes.set_axis_off()
    return figure
