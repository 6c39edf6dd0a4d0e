"""Remake the pictures of the pages: `python docs/make_pictures.py`; all but those of localization.

Those of trained networks are drawn from what these networks responded, `docs/results/NAME.npz`: maps in the
256 steps of a colour scale, from their smallest value (the strongest channels: from 0) to their largest.
`python docs/make_pictures.py record published:NAME ...` records anew what networks respond to the images of
drn_class_maps.npz.

Each PNG carries a hash of what is drawn in it, by which a test sees that code and picture belong together:
the bytes of a PNG differ between versions of the drawing library, the drawn data do not.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from draw_lesson import draw as draw_lesson
from draw_lesson import measure as measure_lesson
from make_tables import RESULTS
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from study_tables import STUDIES_KEPT, compared
from torch import Tensor, nn
from torchvision.models import resnet50

from dilated_cifar.dilation.coverage import lattice_share, network_count_map
from dilated_cifar.dilation.matrix import convolution_matrix, transposed_in_steps
from dilated_cifar.evaluation.trained import open_all
from dilated_cifar.inspection.class_maps import LastMaps, draw_class_maps, last_maps
from dilated_cifar.inspection.count_maps import draw_comparison, draw_count_maps, draw_layers
from dilated_cifar.inspection.features import Strongest, draw_strongest
from dilated_cifar.inspection.grids import with_varied_rates
from dilated_cifar.report.charts import section_charts
from dilated_cifar.report.figures import draw

WIDEST = 10
"""Inches."""
HASH = "Drawn-Data-SHA256"
"""The text chunk of a PNG that holds the hash of its drawn data."""


def pictures() -> dict[str, Figure]:
    """Every picture, by its name in docs/pictures."""
    return {
        "lesson": draw_lesson(measure_lesson(STUDIES_KEPT / "dots")),
        "kernels": draw_kernels(),
        "layers": draw_layers([1, 2, 5]),
        "matrix": draw_matrices(),
        "transposed": draw_transposed_steps(),
        "gridding": draw_comparison([[2, 2, 2], [1, 2, 3]]),
        "published_rule": draw_comparison([[2, 2, 2], [1, 4, 3], [1, 2, 9]]),
        "degridding": draw_degridding(),
        "dilated_resnet": draw_dilated_resnet(),
        "drn_class_maps": draw_recorded_class_maps(),
        "strongest_channels": draw_recorded_channels(),
        "overfitting": draw_study("overfitting", "augment=none"),
        "published": draw_study("published", None),
    }


def main(folder: Path) -> None:
    """Write every picture into `folder` as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures().items():
        # A page shows them some 8 inches wide: letters of wider ones would shrink with the picture.
        scale = min(1, WIDEST / figure.get_figwidth())
        figure.set_size_inches(scale * figure.get_figwidth(), scale * figure.get_figheight())
        figure.savefig(folder / f"{name}.png", dpi=140, metadata={"Software": None, HASH: drawn_hash(figure)})


def drawn_hash(figure: Figure) -> str:
    """SHA-256 of all numbers and words in a figure; not of fonts, sizes and colours."""
    titles = [part.get_suptitle() for part in (figure, *figure.subfigs)]
    content = json.dumps([*titles, *(drawn(axes) for axes in figure.axes)])
    return hashlib.sha256(content.encode()).hexdigest()


def drawn(axes: Axes) -> dict[str, Any]:
    """Words, lines, images, bars and numbers in cells of one panel as plain data, rounded to 6 decimals."""
    images: list[np.ndarray] = [
        np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan) for image in axes.images
    ]
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return {
        "words": [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()],
        "lines": [np.round(np.asarray(line.get_xydata()), 6).tolist() for line in axes.lines],
        "images": [np.round(image, 6).tolist() for image in images],
        "bars": [[round(float(value), 6) for value in (bar.get_x(), bar.get_height())] for bar in bars],
        "cells": [[*map(float, text.get_position()), text.get_text()] for text in axes.texts],
    }


def record_class_maps(networks: Sequence[str]) -> None:
    """Write drn_class_maps.npz anew, of the same images, for trained networks as commands name them."""
    path = RESULTS / "drn_class_maps.npz"
    kept = np.load(path)
    found = {
        each.label: last_maps(each, torch.from_numpy(kept["images"]))
        for each in open_all(networks, device="cpu")
    }
    recorded = {
        "images": kept["images"],
        "names": kept["names"],
        "networks": np.array(list(found)),
        "predicted": np.array([[each.predicted for each in maps] for maps in found.values()]),
        "channels": np.array([[each.channel for each in maps] for maps in found.values()]),
    }
    for label, maps in found.items():
        recorded[f"class_maps_{label}"] = np.stack([in_steps(each.class_map, None) for each in maps])
        recorded[f"strongest_{label}"] = np.stack([in_steps(each.strongest, 0.0) for each in maps])
    np.savez_compressed(path, **recorded)


def in_steps(values: Tensor, start: float | None) -> np.ndarray:
    """A map in 256 steps from `start`, or its smallest value, to its largest."""
    low, high = float(values.min()) if start is None else start, float(values.max())
    return np.asarray(((values - low) * 255 / (high - low)).round().clamp(0, 255).to(torch.uint8))


def draw_recorded_class_maps() -> Figure:
    """Draw what the strided ResNet and DRN-A to D responded to two test images."""
    data = np.load(RESULTS / "drn_class_maps.npz")
    networks = []
    for number, network in enumerate(data["networks"]):
        found = zip(
            data["predicted"][number],
            torch.from_numpy(data[f"class_maps_{network}"]),
            data["channels"][number].tolist(),
            torch.from_numpy(data[f"strongest_{network}"]),
            strict=True,
        )
        networks.append((str(network), [LastMaps(*each) for each in found]))
    return draw_class_maps(networks, torch.from_numpy(data["images"]), data["names"].tolist())


def draw_recorded_channels() -> Figure:
    """Draw what networks without and with gridding responded to three test images of dots."""
    data = np.load(RESULTS / "strongest_channels.npz")
    networks = []
    for network in data["networks"]:
        layers = [
            Strongest(name, channels.tolist(), torch.from_numpy(data[f"strongest_{network}_{name}"]))
            for name, channels in zip(("conv1", "conv2", "conv3"), data[f"channels_{network}"], strict=True)
        ]
        networks.append((str(network), layers))
    return draw_strongest(networks, torch.from_numpy(data["images"]), data["names"].tolist())


def draw_study(name: str, baseline: str | None) -> Figure:
    """Draw the curves of a kept study as `compare` does."""
    figures = compared(STUDIES_KEPT / name, baseline, {})
    with rc_context({"font.size": 7, "lines.markersize": 4}):  # it is drawn wider than a page
        return dict(draw(figures, section_charts(figures)))["curves"]


def draw_kernels() -> Figure:
    """Draw the nine taps of a 3x3 kernel at rates 1, 2 and 3, each with the pixels it spans."""
    panels = []
    for rate in (1, 2, 3):
        taps = torch.zeros(2 * rate + 1, 2 * rate + 1)
        taps[::rate, ::rate] = 1
        panels.append((f"rate {rate}: spans {2 * rate + 1} pixels", taps))
    return draw_count_maps(panels, "The pixels that one output of a 3x3 convolution reads")


def draw_matrices() -> Figure:
    """Draw C for a 3x3 kernel with weights 1 to 9, plain and dilated, on small images."""
    weight = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    for axes, (size, dilation) in zip(figure.subplots(2, 1), ((4, 1), (6, 2)), strict=True):
        matrix = convolution_matrix(weight, (size, size), dilation=dilation).toarray()
        _draw_numbers(axes, matrix)
        axes.set_title(f"rate {dilation}: {size}x{size} image, C is {matrix.shape[0]}x{matrix.shape[1]}")
        axes.set_xlabel("input pixel, row by row")
        axes.set_ylabel("output pixel")
    figure.suptitle("A 3x3 convolution as a matrix: the colour is the weight 1 to 9, grey is 0")
    return figure


def draw_transposed_steps() -> Figure:
    """Draw the steps of a transposed convolution from 3x3 to 5x5: stride 2, padding 1, kernel of ones."""
    source = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    steps = transposed_in_steps(source, torch.ones(1, 1, 3, 3), stride=2, padding=1)
    stages = {
        "input": source,
        "zeros between (stride - 1 = 1)": steps.zeros_between,
        "zeros around (k - 1 - p = 1)": steps.zeros_around,
        "convolved (kernel of ones)": steps.result,
    }
    figure = Figure(figsize=(15, 4.7), layout="constrained")
    for axes, (title, stage) in zip(figure.subplots(1, 4), stages.items(), strict=True):
        image = stage[0, 0].numpy()
        _draw_numbers(axes, image, write=True)
        axes.set_title(f"{title}\n{image.shape[0]}x{image.shape[1]}", fontsize=10)
        axes.set_xlabel("pixel column")
        axes.set_ylabel("pixel row")
    figure.suptitle("A transposed convolution in steps; grey is 0")
    return figure


def draw_degridding() -> Figure:
    """Draw what one unit of a dilated stage behind dense layers counts, and what its neighbour does."""
    dense = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1))
    stage = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=2, dilation=2) for _ in range(3)))
    tail = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(2)))
    network = nn.Sequential(dense, stage, tail)
    size = (3, 25, 25)
    image = network_count_map(network, size, layer="1", position=(12, 12))
    unit = network_count_map(network, size, layer="1", position=(12, 12), source="1")
    neighbour = network_count_map(network, size, layer="1", position=(12, 13), source="1")
    mended = network_count_map(network, size, position=(12, 12), source="1")
    panels = [
        ("the image\nno holes", image),
        (f"stage input, unit (12, 12)\nlattice share {lattice_share(unit, (12, 12), 2):.2f}", unit),
        (
            f"its neighbour (12, 13)\nlattice share {lattice_share(neighbour, (12, 13), 2):.2f}",
            neighbour,
        ),
        (f"after two dense layers\nlattice share {lattice_share(mended, (12, 12), 2):.2f}", mended),
    ]
    return draw_count_maps(
        panels, "Two dense layers, then rates 2, 2, 2: covered, and gridded", centred=False
    )


def draw_dilated_resnet() -> Figure:
    """Draw what a unit of a dilated ResNet-50 counts where rate 2 begins, and with other rates."""
    network = resnet50(replace_stride_with_dilation=[False, True, True])
    mended, _ = with_varied_rates(network, 2)
    panels = []
    for title, module, position in (
        ("unit (7, 7)", network, (7, 7)),
        ("its neighbour (7, 8)", network, (7, 8)),
        ("rates 1, 2, 3 in turn", mended, (7, 7)),
    ):
        counts = network_count_map(
            module, (3, 112, 112), layer="layer4", position=position, source="layer3.1.conv2"
        )
        panels.append((f"{title}\nlattice share {lattice_share(counts, position, 2):.2f}", counts))
    title = "ResNet-50 with dilation: what one unit of layer4 reads where rate 2 begins"
    return draw_count_maps(panels, title, centred=False)


def _draw_numbers(axes: Axes, numbers: np.ndarray, *, write: bool = False) -> None:
    shown = np.ma.masked_equal(numbers, 0)
    axes.set_facecolor("0.85")
    axes.imshow(shown, cmap="viridis", vmin=0, interpolation="nearest")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    if write:
        for (row, column), number in np.ndenumerate(numbers):
            colour = "white" if 0 < number < 0.55 * numbers.max() else "black"
            axes.text(column, row, f"{number:.0f}", ha="center", va="center", color=colour)


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_class_maps(sys.argv[2:])
    main(Path(__file__).parent / "pictures")
