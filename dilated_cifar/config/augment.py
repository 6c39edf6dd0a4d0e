"""The choice `augment=`: how a batch of training images is varied."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import Frozen, require
from dilated_cifar.config.limits import LARGEST_NUMBER
from dilated_cifar.config.scenes import require_scenes

MOST_MAGNITUDE = 30
"""Of RandAugment, as in the paper and in torchvision."""
MOST_OPERATIONS = 14


@dataclass
class AugmentConfig(Frozen):
    """How the images of a training batch are varied, each image by its own choices."""

    pad: int = 4
    """Move the image by up to this many pixels each way: pad it with black, crop it back; 0 = off."""

    crop: list[int] = field(default_factory=list)
    """Train on a random square of this side in pixels, [24], or of one that grows from the first epoch to the
    last, [20,28] (Tan & Le 2021 grow the images' size); evaluation sees whole images; [] = whole images."""

    flip: bool = True
    """Mirror left and right with probability one half."""

    alternate: bool = False
    """Mirror each image in every other epoch instead, so that two epochs show both (Jordan 2024); without
    `flip` of no effect."""

    randaugment: int = 0
    """Operations an image, each drawn from the 14 of RandAugment (Cubuk et al. 2020); 0 = off."""

    magnitude: int = 9
    """How strong these are, 0 to 30; without `randaugment` of no effect."""

    cutout: int = 0
    """Blacken a square of this side around a random pixel (DeVries & Taylor 2017); 0 = off."""

    erasing: float = 0.0
    """Probability with which a box of the image is filled with random pixels (Zhong et al. 2020); 0 = off."""

    canvas: int = 0
    """Then paste the image at a random size and place on a background of this side in pixels: the mean
    colour, noise, or another image blurred; 0 = off."""

    scales: list[float] = field(default_factory=lambda: [0.5, 1.5])
    """Smallest and largest size of the image on the canvas, 1 is its own; without a canvas of no effect."""

    mixup: float = 0.0
    """Mix each image and its target with another of the batch, in a proportion drawn from the beta
    distribution with this parameter (Zhang et al. 2018 take 1 on CIFAR-10); 0 = off."""

    cutmix: float = 0.0
    """Put a box of another image of the batch into each image, and mix the targets by its area, which is
    drawn with this parameter (Yun et al. 2019 take 1); 0 = off."""

    def side_in(self, epoch: int, epochs: int) -> int | None:
        """Side in pixels of the crops in an epoch (from 0) of so many; None where the images stay whole."""
        if not self.crop:
            return None
        first, last = self.crop[0], self.crop[-1]
        return first + (last - first) * epoch // max(epochs - 1, 1)

    @property
    def follows_length(self) -> bool:
        """Whether the images of an epoch depend on how many epochs the run has."""
        return len(set(self.crop)) > 1

    @property
    def mixes(self) -> bool:
        """Whether an image of a batch may be made of several, and so its target."""
        return bool(self.mixup or self.cutmix)

    def require_fit(self, channels: int, side: int) -> None:
        """Refuse what would leave nothing of an image of `side` pixels, or no room for it, or is not for it.

        Raises:
            UserError: names the key as it is typed, its value, what was expected and what to write.
        """
        rising = len(self.crop) <= 2 and self.crop == sorted(self.crop)
        expected = f"a side from 1 to {side} pixels, or a smaller and a larger one; "
        expected += f"write augment.crop=[{max(1, side * 3 // 4)}]"
        possible = rising and all(1 <= each <= side for each in self.crop)
        require(possible, "augment.crop", self.crop, expected)
        whole = f"[] beside augment.canvas={self.canvas}; write augment.crop=[] or augment.canvas=0"
        require(not (self.crop and self.canvas), "augment.crop", self.crop, whole)
        smallest = min(self.crop, default=side)
        for key, value, below, usual in (
            ("augment.pad", self.pad, side, 4),
            ("augment.cutout", self.cutout, smallest, 16),
        ):
            expected = f"0 to {below - 1} pixels; write {key}={min(usual, below - 1)}, or {key}=0 for none"
            require(0 <= value < below, key, value, expected)
        expected = f"0 to {MOST_OPERATIONS} operations on images of 1 or 3 colours"
        possible = 0 <= self.randaugment <= (MOST_OPERATIONS if channels in (1, 3) else 0)
        require(possible, "augment.randaugment", self.randaugment, f"{expected}; write augment.randaugment=2")
        expected = f"0 to {MOST_MAGNITUDE}; write augment.magnitude=9"
        require(0 <= self.magnitude <= MOST_MAGNITUDE, "augment.magnitude", self.magnitude, expected)
        expected = "a probability; write augment.erasing=0.5, or augment.erasing=0 for none"
        require(0 <= self.erasing <= 1, "augment.erasing", self.erasing, expected)
        for key, parameter in (("augment.mixup", self.mixup), ("augment.cutmix", self.cutmix)):
            expected = f"0 to {LARGEST_NUMBER:,.0f}; write {key}=1, or {key}=0 for none"
            require(0 <= parameter <= LARGEST_NUMBER, key, parameter, expected)  # also refuses nan
        expected = f"0 beside augment.mixup={self.mixup}; write augment.cutmix=0 or augment.mixup=0"
        require(not (self.mixup and self.cutmix), "augment.cutmix", self.cutmix, expected)
        if self.canvas:
            require_scenes(self.canvas, self.scales, side, prefix="augment.")
