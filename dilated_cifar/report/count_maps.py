"""Pictures of how often each pixel enters one output, for the page."""

import base64
import io
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from dilated_cifar.comparison.networks import Network
from dilated_cifar.report.sentences import coverage, coverage_details


def count_map(network: Network) -> dict[str, Any]:
    """A network's counts as a picture, one pixel a cell, and as numbers for whoever points at it."""
    assert network.counts is not None
    counts = network.counts
    return {
        "label": network.label,
        "full": network.covered == 1,
        "verdict": coverage(network),
        "details": coverage_details(network),
        "size": f"{counts.shape[0]}x{counts.shape[1]}",
        "picture": picture(counts),
        # JSON writes whole numbers without a point.
        "counts": [[int(n) if n.is_integer() else round(n, 3) for n in row] for row in counts.tolist()],
    }


def picture(counts: NDArray[np.float64]) -> str:
    """Counts [H, W] as a PNG in a data address: brighter is counted more often, never is transparent."""
    counted = counts > 0
    values = np.zeros_like(counts)
    if counted.any():
        least, most = counts[counted].min(), counts.max()
        # As in the count maps that explain draws: a logarithm where the largest would hide the others.
        values[counted] = counts[counted] / most
        if most > max(1000.0, least):
            values[counted] = np.log(counts[counted] / least) / np.log(most / least)
    colours = (255 * colormaps["viridis"](values)).round().astype(np.uint8)
    colours[..., 3] = np.where(counted, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(colours).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
