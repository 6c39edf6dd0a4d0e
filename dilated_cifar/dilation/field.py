"""How receptive field, jump and start grow from one operation to the next, without torch.

Source: Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor


@dataclass(frozen=True)
class Field:
    """What the units of a map see of the input, along one dimension.

    The first unit sees the input positions `low` to `high`, both included; every further unit sees them
    shifted by `jump`. Position 0 is the first input pixel; padding lies below it, so `low` may be negative.
    Fractions arise behind transposed convolutions only.
    """

    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    jump: Fraction = Fraction(1)

    @property
    def size(self) -> int:
        """Receptive field in pixels; behind a transposed convolution, the most that a unit may see."""
        return ceil(self.high - self.low) + 1

    @property
    def start(self) -> float:
        """Centre of the first unit's receptive field, in input pixels."""
        return float((self.low + self.high) / 2)

    def slid(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "Field":
        """Field behind a window that slides over the map: a convolution or a pooling."""
        reach = dilation * (kernel_size - 1)
        return Field(
            self.low - padding * self.jump,
            self.high + (reach - padding) * self.jump,
            self.jump * stride,
        )

    def transposed(self, kernel_size: int, stride: int, padding: int, dilation: int) -> "Field":
        """Field behind a transposed convolution.

        Output o reads the inputs i with o = i s - p + d t, for taps t = 0..k-1: around the middle of that
        range there are at most floor(d(k-1) / s) + 1 of them.
        """
        reach = dilation * (kernel_size - 1)
        middle = Fraction(2 * padding - reach, 2 * stride)
        half = Fraction(floor(Fraction(reach, stride)), 2)
        return Field(
            self.low + (middle - half) * self.jump,
            self.high + (middle + half) * self.jump,
            self.jump / stride,
        )

    def sliced(self, start: int, step: int) -> "Field":
        """Field of every `step`-th unit from unit `start` on; a negative start means padding in front."""
        return Field(self.low + start * self.jump, self.high + start * self.jump, self.jump * step)

    def collapsed(self, units: int) -> "Field":
        """Field of one value made from all `units` of the map."""
        return Field(self.low, self.high + (units - 1) * self.jump, self.jump * units)


def merge(fields: Iterable[Field], units: Sequence[int]) -> Field:
    """Field where several paths meet, as in an addition or a concatenation: the largest path counts.

    `units` says how many units each path has along this dimension; a path with a single one is broadcast
    and says nothing about the jump.
    """
    paths = list(fields)
    widest = max(range(len(paths)), key=lambda path: units[path])
    return Field(
        min(path.low for path in paths),
        max(path.high for path in paths),
        paths[widest].jump,
    )
