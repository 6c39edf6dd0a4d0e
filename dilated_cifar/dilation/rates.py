"""Verdicts on a list of dilation rates: whether a stack of dilated convolutions sees every pixel.

All of it concerns convolutions with an odd kernel of one size and stride 1, in any order; nothing here
imports torch. Rows and columns do not mix, so one dimension decides for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from dilated_cifar.dilation.arithmetic import check_odd
from dilated_cifar.dilation.repair import nearest_without_holes


@dataclass(frozen=True)
class Ruling:
    """What one rule says: whether it holds (None where it says nothing), and why, in a sentence."""

    rule: str
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """All that the theory says about a list of rates.

    `receptive_field` is in pixels; `covered` the share of its square that enters the output; `nearest_hole`
    the distance in pixels from the centre to the first pixel that does not, None where there is none.
    `distances` are the published M_1..M_n, `factor` the greatest common factor, `alternatives` the nearest
    rates without holes (empty where there are none to mend).
    """

    rates: tuple[int, ...]
    kernel_size: int
    receptive_field: int
    covered: float
    nearest_hole: int | None
    distances: tuple[int, ...]
    factor: int
    alternatives: tuple[tuple[int, ...], ...]
    exact: Ruling
    published: Ruling
    common_factor: Ruling

    @property
    def rulings(self) -> tuple[Ruling, Ruling, Ruling]:
        """The exact criterion, the published distance and the common-factor rule."""
        return (self.exact, self.published, self.common_factor)


def judge(rates: Sequence[int], kernel_size: int = 3) -> Verdict:
    """Judge a list of rates by the exact criterion and by the two published rules.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.

    Source: Wang et al. 2018, "Understanding convolution for semantic segmentation", section 3.2 and
    equation 2, for the published rules.
    """
    check_rates(rates, kernel_size)
    offsets = _covered_offsets(rates, kernel_size)
    radius = receptive_field(rates, kernel_size) // 2
    holes = [offset for offset in range(radius + 1) if offset not in offsets]
    distances = hdc_distances(rates)
    factor = gcd(*rates)
    alternatives = nearest_without_holes(rates, kernel_size) if holes else ()
    return Verdict(
        rates=tuple(rates),
        kernel_size=kernel_size,
        receptive_field=2 * radius + 1,
        covered=(len(offsets) / (2 * radius + 1)) ** 2,
        nearest_hole=holes[0] if holes else None,
        distances=distances,
        factor=factor,
        alternatives=alternatives,
        exact=_rule_exactly(rates, kernel_size),
        published=_rule_by_distance(distances, kernel_size),
        common_factor=_rule_by_factor(rates, factor),
    )


def warning(rates: Sequence[int], kernel_size: int = 3) -> str | None:
    """Say in one line what rates with holes miss and what to try instead; None for rates without holes.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.
    """
    verdict = judge(rates, kernel_size)
    if verdict.nearest_hole is None:
        return None
    alternatives = " or ".join(str(list(found)) for found in verdict.alternatives)
    return (
        f"dilations {list(rates)} leave holes: with kernel_size={kernel_size} an output sees "
        f"{verdict.covered:.1%} of its {verdict.receptive_field}x{verdict.receptive_field} receptive field, "
        f"and the nearest pixel it misses is {verdict.nearest_hole} from the centre; try {alternatives}"
    )


def check_rates(rates: Sequence[int], kernel_size: int = 3) -> None:
    """Refuse what is no list of dilation rates.

    Raises:
        ValueError: the list is empty, a rate is not a whole number of at least 1, or the kernel is even.
    """
    check_odd(kernel_size)
    if not rates:
        raise ValueError("the list of rates is empty, at least one was expected: write for example [1, 2, 5]")
    for rate in rates:
        if not isinstance(rate, int) or isinstance(rate, bool) or rate < 1:
            raise ValueError(
                f"rate {rate!r} in {list(rates)} is no dilation, whole numbers of at least 1 were expected: "
                "write 1 for a convolution without dilation"
            )


def receptive_field(rates: Sequence[int], kernel_size: int = 3) -> int:
    """Compute the receptive field in pixels of a stack at stride 1: 1 + (K-1) (r_1 + ... + r_n)."""
    return 1 + (kernel_size - 1) * sum(rates)


def has_holes(rates: Sequence[int], kernel_size: int = 3) -> bool:
    """Decide exactly whether some pixel of the receptive field never enters the output.

    There is none if and only if, from the smallest rate up, every rate is at most the receptive field of the
    smaller ones, which starts at 1. (If one is larger than that field of F pixels, so are all behind it, and
    the pixel F steps inside the edge of the whole field is missed.) The order does not matter.
    """
    return _first_gap(rates, kernel_size) is not None


def hdc_distances(rates: Sequence[int]) -> tuple[int, ...]:
    """Compute M_1..M_n, the published distance between two pixels that are seen, from the last layer back.

    M_n = r_n and M_i = max(M_{i+1} - 2 r_i, 2 r_i - M_{i+1}, r_i); the kernel size does not enter.

    Source: Wang et al. 2018, equation 2.
    """
    distances = [rates[-1]]
    for rate in reversed(rates[:-1]):
        distances.append(max(distances[-1] - 2 * rate, 2 * rate - distances[-1], rate))
    return tuple(reversed(distances))


def _first_gap(rates: Sequence[int], kernel_size: int) -> tuple[int, int] | None:
    """Smallest rate that exceeds the field of the smaller ones, with that field."""
    field = 1
    for rate in sorted(rates):
        if rate > field and kernel_size > 1:
            return rate, field
        field += (kernel_size - 1) * rate
    return None


def _covered_offsets(rates: Sequence[int], kernel_size: int) -> set[int]:
    half = kernel_size // 2
    offsets = {0}
    for rate in rates:
        offsets = {offset + rate * tap for offset in offsets for tap in range(-half, half + 1)}
    return offsets


def _rule_exactly(rates: Sequence[int], kernel_size: int) -> Ruling:
    gap = _first_gap(rates, kernel_size)
    if gap is None:
        sentence = "every rate is at most the receptive field of the smaller ones: no pixel is missed"
    else:
        rate, field = gap
        sentence = (
            f"rate {rate} is larger than {field}, the receptive field of the smaller rates: pixels are missed"
        )
    return Ruling("exact criterion", gap is None, sentence)


def _rule_by_distance(distances: tuple[int, ...], kernel_size: int) -> Ruling:
    if len(distances) == 1:
        return Ruling("published distance", None, "a single rate has no M_2: the published rule says nothing")
    second = distances[1]
    compared = f"M_2 = {second} is {'at most' if second <= kernel_size else 'larger than'} K = {kernel_size}"
    outcome = "the published rule is content" if second <= kernel_size else "the published rule expects holes"
    return Ruling("published distance", second <= kernel_size, f"{compared}: {outcome}")


def _rule_by_factor(rates: Sequence[int], factor: int) -> Ruling:
    if factor == 1:
        sentence = f"{list(rates)} have no common factor: a published necessary condition holds"
    else:
        sentence = f"all of {list(rates)} are multiples of {factor}: what lies between is never seen"
    return Ruling("common factor", factor == 1, sentence)
