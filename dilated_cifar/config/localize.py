"""What `localize` may be told."""

import math
from dataclasses import dataclass, field, replace
from typing import Self

from dilated_cifar.config.base import require, require_seed
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.evaluate import RunPlace
from dilated_cifar.config.scenes import LARGEST_CANVAS, SMALLEST_IMAGE, require_scenes

MOST_SHOWN = 100
MOST_SCENES = 100_000


@dataclass
class LocalizeConfig(RunPlace):
    """Which networks localize what; several are measured on the same scenes."""

    images: list[str] = field(default_factory=list)
    """Pictures, folders or patterns to draw heat maps and boxes for, instead of scenes."""
    canvas: int = 0
    """Side of a scene in pixels, 0 for twice that of the images; a picture is scaled so that its longer side
    is as long."""
    scales: list[float] = field(default_factory=lambda: [0.5, 1.5])
    """Smallest and largest size of the image on the canvas; 1 is its own."""
    scenes: int = 1000
    """Scenes of test images on which localization is measured."""
    tuning: int = 500
    """Scenes of training images on which the threshold, and the side of the centre box, are chosen."""
    threshold: float | None = None
    """Response that a position of a class map must exceed to be in the box; null to choose it."""
    shown: int = 6
    """Scenes that are drawn, of every background in turn."""
    seed: int = 0
    """Seed of the scenes."""
    details: bool = False
    """Print figures of each background and definitions as well; localization.txt always holds them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, value in (("scenes", self.scenes), ("tuning", self.tuning), ("shown", self.shown)):
            require(1 <= value <= MOST_SCENES, key, value, f"a whole number from 1 to {MOST_SCENES:,}")
        self._require(self.shown <= MOST_SHOWN, "shown", f"at most {MOST_SHOWN}")
        # More is known when the images are: see `fitted`.
        self._require(
            self.canvas == 0 or SMALLEST_IMAGE <= self.canvas <= LARGEST_CANVAS,
            "canvas",
            f"{SMALLEST_IMAGE} to {LARGEST_CANVAS} pixels, or 0 for twice the side of the images",
        )
        self._require(
            self.threshold is None or math.isfinite(self.threshold),
            "threshold",
            "a number, or null to choose it",
        )
        require_seed(self.seed, "seed")

    def fitted(self, data: DataConfig) -> Self:
        """The same for the images of a data set, with a canvas of their size.

        Raises:
            UserError: there can be no such scenes of them.
        """
        side = min(data.input_size[1:])
        found = replace(self, canvas=self.canvas or 2 * side)
        require_scenes(found.canvas, found.scales, side)
        return found
