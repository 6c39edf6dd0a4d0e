"""What the page's scripts draw: plain numbers, rounded to what an eye can see."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from dilated_cifar.comparison.classes import Classes
from dilated_cifar.comparison.comparison import SectionFigures
from dilated_cifar.comparison.measures import Band, GroupFigures
from dilated_cifar.comparison.networks import Network
from dilated_cifar.report.figures import most_accurate

MOST_DRAWN = 24
MOST_POINTS = 400
"""Points of one curve: more than a screen has room for."""

Payload = dict[str, Any]


def section_payload(figures: SectionFigures) -> Payload:
    """Curves, points, classes and confusion of the groups that are drawn."""
    drawn = most_accurate(figures, MOST_DRAWN)
    classes = {id(each.group): each for each in figures.classes}
    return {
        "baseline": figures.section.baseline.label,
        "groups": [group_payload(each, classes.get(id(each.group))) for each in drawn],
    }


def group_payload(figures: GroupFigures, classes: Classes | None) -> Payload:
    """One group: `curves` by name, its `point` in the scatter plots, its `classes`."""
    longest = max((len(band.mean) for band in figures.curves.values()), default=0)
    every = thinned(longest)
    return {
        "label": figures.group.label,
        "epochs": (every + 1).tolist(),
        "curves": {name: band_payload(band, every) for name, band in figures.curves.items()},
        "point": {
            "accuracy": rounded(figures.test.mean),
            "low": None if figures.test.low is None else rounded(figures.test.low),
            "high": None if figures.test.high is None else rounded(figures.test.high),
            "why": figures.test.why_none,
            "cost": None if figures.multiply_adds is None else figures.multiply_adds / 1e6,
            "field": figures.receptive_field,
        },
        "classes": None if classes is None else classes_payload(classes),
    }


def thinned(epochs: int) -> NDArray[np.int64]:
    """Indices of the epochs to draw: all, or evenly spread ones with the first and the last."""
    count = min(epochs, MOST_POINTS)
    return np.unique(np.linspace(0, epochs - 1, count).round().astype(np.int64)) if epochs else np.arange(0)


def band_payload(band: Band, every: NDArray[np.int64]) -> Payload:
    """A curve; without a band where there is one run."""
    payload: Payload = {"mean": rounded_all(band.mean[every]), "runs": band.runs}
    if band.runs > 1:
        payload |= {"low": rounded_all(band.low[every]), "high": rounded_all(band.high[every])}
    return payload


def classes_payload(classes: Classes) -> Payload:
    """Accuracy of each class, and the confusion in points of each true class."""
    return {
        "names": classes.names,
        "accuracies": [
            {
                "name": each.name,
                "mean": rounded(each.mean),
                "low": None if each.low is None else rounded(each.low),
                "high": None if each.high is None else rounded(each.high),
                "interval": each.interval,
            }
            for each in classes.accuracies
        ],
        "confusion": [rounded_all(100 * row) for row in classes.confusion],
    }


def rounded(value: float) -> float:
    """Five significant digits."""
    return float(f"{value:.5g}")


def rounded_all(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Five significant digits of each."""
    return [rounded(float(value)) for value in values]


def count_map_payload(network: Network) -> Payload:
    """A network's counts as a picture, one pixel a cell, and as numbers for whoever points at it."""
    assert network.counts is not None
    counts = network.counts
    return {
        "label": network.label,
        "verdict": network.verdict,
        "detail": network.detail,
        "size": f"{counts.shape[0]}x{counts.shape[1]}",
        "picture": picture(counts),
        "counts": [
            [int(count) if count == int(count) else rounded(count) for count in row] for row in counts
        ],
    }


def shortest(count: float) -> float:
    """A whole count as a whole number, which JSON writes without a point."""
    return int(count) if count.is_integer() else rounded(count)


def picture(counts: NDArray[np.float64]) -> str:
    """Counts [H, W] as a PNG in a data address: brighter is counted more often, nothing is transparent."""
    seen = counts > 0
    values = np.zeros_like(counts)
    if seen.any():
        least, most = counts[seen].min(), counts.max()
        # As in the count maps that explain draws: a logarithm where the largest would hide the others.
        values[seen] = counts[seen] / most
        if most > max(1000.0, least):
            values[seen] = np.log(counts[seen] / least) / np.log(most / least)
    colours = (255 * colormaps["viridis"](values)).round().astype(np.uint8)
    colours[..., 3] = np.where(seen, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(colours).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
