"""The choice `augment=`: how a batch of training images is varied."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import Frozen, require
from dilated_cifar.config.scenes import require_scenes


@dataclass
class AugmentConfig(Frozen):
    """How the images of a training batch are varied, each image by its own choices."""

    pad: int = 4
    """Move the image by up to this many pixels each way: pad it with black, crop it back; 0 = off."""

    flip: bool = True
    """Mirror left and right with probability one half."""

    cutout: int = 0
    """Blacken a square of this side around a random pixel (DeVries & Taylor 2017); 0 = off."""

    canvas: int = 0
    """Then paste the image at a random size and place on a background of this side in pixels: the mean
    colour, noise, or another image blurred; 0 = off."""

    scales: list[float] = field(default_factory=lambda: [0.5, 1.5])
    """Smallest and largest size of the image on the canvas, 1 is 32 pixels; without a canvas of no effect."""

    def require_fit(self, side: int) -> None:
        """Refuse what would leave nothing of an image of `side` pixels, or no room for it.

        Raises:
            UserError: names the key as it is typed, its value, what was expected and what to write.
        """
        for key, value, usual in (("augment.pad", self.pad, 4), ("augment.cutout", self.cutout, 16)):
            expected = f"0 to {side - 1} pixels; write {key}={usual}, or {key}=0 for none"
            require(0 <= value < side, key, value, expected)
        if self.canvas:
            require_scenes(self.canvas, self.scales, side, prefix="augment.")
