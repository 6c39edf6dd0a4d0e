"""Verdicts on a list of dilation rates: whether a stack of dilated convolutions covers every pixel.

All of it concerns convolutions with stride 1 and square kernels, odd or even, of one size or of one size a
layer, in any order; nothing here imports torch. Rows and columns do not mix, so one dimension decides for
both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from dilated_cifar.dilation.alternatives import nearest_without_holes

Kernel = int | Sequence[int]
"""The side of every kernel in pixels, or a list with that of each layer."""


@dataclass(frozen=True)
class Ruling:
    """What one rule says: whether it holds (None where it does not apply), and why, in a sentence."""

    rule: str
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """All that the theory says about a list of rates.

    `kernel_sizes` has one number a layer. `receptive_field` is in pixels; `covered` the share of its square
    that enters the output; `nearest_hole` the distance in pixels from the centre to the first pixel that does
    not (with .5 where the field is even and its centre lies between two pixels), None where there is none.
    `distances` are the published M_1..M_n, `factor` the greatest common factor of the layers with kernels
    above 1, `alternatives` the nearest rates without holes (empty where there are none to mend).
    """

    rates: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    receptive_field: int
    covered: float
    nearest_hole: float | None
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


def judge(rates: Sequence[int], kernel_size: Kernel = 3) -> Verdict:
    """Judge a list of rates by the exact criterion and by the two published rules.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.

    Source: Wang et al. 2018, "Understanding convolution for semantic segmentation", section 3.2 and
    equation 2, for the published rules.
    """
    check_rates(rates, kernel_size)
    kernels = each_kernel(rates, kernel_size)
    reached = {0}
    for rate, kernel in zip(rates, kernels, strict=True):
        reached = {pixel + rate * tap for pixel in reached for tap in range(kernel)}
    field = receptive_field(rates, kernels)
    holes = [abs(pixel - (field - 1) / 2) for pixel in range(field) if pixel not in reached]
    distances = hdc_distances(rates)
    factor = gcd(*_spread(rates, kernels)) or 1
    return Verdict(
        rates=tuple(rates),
        kernel_sizes=kernels,
        receptive_field=field,
        covered=(len(reached) / field) ** 2,
        nearest_hole=min(holes, default=None),
        distances=distances,
        factor=factor,
        alternatives=nearest_without_holes(rates, kernels) if holes else (),
        exact=_rule_exactly(rates, kernels),
        published=_rule_by_distance(distances, kernels),
        common_factor=_rule_by_factor(_spread(rates, kernels), factor),
    )


def warning(rates: Sequence[int], kernel_size: Kernel = 3) -> str | None:
    """Say in one line what rates with holes miss and what to try instead; None for rates without holes.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.
    """
    verdict = judge(rates, kernel_size)
    if verdict.nearest_hole is None:
        return None
    alternatives = " or ".join(str(list(found)) for found in verdict.alternatives)
    return (
        f"dilations {list(rates)} leave holes: with kernel_size={kernel_size} an output sees "
        f"{verdict.covered:.1%} of its {verdict.receptive_field}x{verdict.receptive_field} receptive field, "
        f"and the nearest pixel it misses is {verdict.nearest_hole:g} from the centre; try {alternatives}"
    )


def check_rates(rates: Sequence[int], kernel_size: Kernel = 3) -> None:
    """Refuse what is no list of dilation rates with their kernels.

    Raises:
        ValueError: the list is empty, a rate or a kernel is not a whole number of at least 1, or there is not
            one kernel a rate.
    """
    if not rates:
        raise ValueError("the list of rates is empty, at least one was expected: write for example [1, 2, 5]")
    for rate in rates:
        if not _is_count(rate):
            raise ValueError(
                f"rate {rate!r} in {list(rates)} is no dilation, whole numbers of at least 1 were expected: "
                "write 1 for a convolution without dilation"
            )
    kernels = each_kernel(rates, kernel_size)
    if len(kernels) != len(rates):
        raise ValueError(
            f"kernel_size={list(kernels)} has {len(kernels)} numbers for {len(rates)} rates, one a rate was "
            "expected: write one number for all layers or one for each"
        )
    if not all(_is_count(kernel) for kernel in kernels):
        raise ValueError(f"kernel_size={kernel_size!r}: whole numbers of at least 1 were expected: write 3")


def each_kernel(rates: Sequence[int], kernel_size: Kernel) -> tuple[int, ...]:
    """The kernel size of each layer."""
    return tuple(kernel_size) if isinstance(kernel_size, Sequence) else (kernel_size,) * len(rates)


def receptive_field(rates: Sequence[int], kernel_size: Kernel = 3) -> int:
    """Compute the receptive field in pixels of a stack at stride 1: 1 + (K_1-1) r_1 + ... + (K_n-1) r_n."""
    kernels = each_kernel(rates, kernel_size)
    return 1 + sum((kernel - 1) * rate for rate, kernel in zip(rates, kernels, strict=True))


def line_counts(rates: Sequence[int], kernel_size: Kernel = 3) -> list[list[int]]:
    """Walk back from one output of a stack at stride 1 and count how often each pixel of a line enters it.

    First of what enters the last layer, then of what enters the layer before it, at the end of a line of the
    image. In two dimensions a kernel of ones is the product of two lines of ones, and so are the counts.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.
    """
    check_rates(rates, kernel_size)
    counts, found = [1], []
    for rate, kernel in zip(reversed(rates), reversed(each_kernel(rates, kernel_size)), strict=True):
        before, counts = counts, [0] * (len(counts) + (kernel - 1) * rate)
        for tap in range(kernel):
            for pixel, count in enumerate(before, start=tap * rate):
                counts[pixel] += count
        found.append(counts)
    return found


def has_holes(rates: Sequence[int], kernel_size: Kernel = 3) -> bool:
    """Decide exactly whether some pixel of the receptive field never enters the output.

    There is none if and only if, from the smallest rate up, every rate is at most the receptive field of the
    smaller ones, which starts at 1. (Count the pixels from one edge. If a rate is larger than that field of F
    pixels, so are all behind it: with all of these at their first tap the pixels below F are reached, with
    any of them further in only pixels from that rate on, and pixel F is missed.) Neither the order nor the
    parity of the kernels matters; layers with kernels of 1 pixel spread nothing and are left out.
    """
    return _first_gap(rates, each_kernel(rates, kernel_size)) is not None


def hdc_distances(rates: Sequence[int]) -> tuple[int, ...]:
    """Compute M_1..M_n, the published distance between two covered pixels, from the last layer back.

    M_n = r_n and M_i = max(M_{i+1} - 2 r_i, 2 r_i - M_{i+1}, r_i); the kernel size does not enter.

    Source: Wang et al. 2018, equation 2.
    """
    distances = [rates[-1]]
    for rate in reversed(rates[:-1]):
        distances.append(max(distances[-1] - 2 * rate, 2 * rate - distances[-1], rate))
    return tuple(reversed(distances))


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _spread(rates: Sequence[int], kernels: Sequence[int]) -> list[int]:
    """The rates of the layers that read more than one pixel."""
    return [rate for rate, kernel in zip(rates, kernels, strict=True) if kernel > 1]


def _first_gap(rates: Sequence[int], kernels: Sequence[int]) -> tuple[int, int] | None:
    """Smallest rate that exceeds the field of the smaller ones, with that field."""
    field = 1
    for rate, kernel in sorted(zip(rates, kernels, strict=True)):
        if rate > field and kernel > 1:
            return rate, field
        field += (kernel - 1) * rate
    return None


def _rule_exactly(rates: Sequence[int], kernels: Sequence[int]) -> Ruling:
    gap = _first_gap(rates, kernels)
    reason = "every rate is at most the receptive field of the smaller ones: no pixel is missed"
    if gap is not None:
        field = f"{gap[1]}, the receptive field of the smaller rates"
        reason = f"rate {gap[0]} is larger than {field}: pixels are missed"
    return Ruling("exact criterion", gap is None, reason)


def _rule_by_distance(distances: tuple[int, ...], kernels: Sequence[int]) -> Ruling:
    rule, kernel = "published distance", kernels[0]
    if len(distances) == 1:
        return Ruling(rule, None, "a single rate has no M_2: the published rule does not apply")
    if len(set(kernels)) > 1 or kernel % 2 == 0:
        return Ruling(
            rule, None, "its distances take taps on both sides of a centre: for odd kernels of one size only"
        )
    holds = distances[1] <= kernel
    compared = f"M_2 = {distances[1]} is {'at most' if holds else 'larger than'} K = {kernel}"
    outcome = f"the published rule is {'satisfied' if holds else 'violated'}"
    return Ruling(rule, holds, f"{compared}: {outcome}")


def _rule_by_factor(rates: Sequence[int], factor: int) -> Ruling:
    reason = f"{list(rates)} have no common factor: a published necessary condition is satisfied"
    if factor > 1:
        reason = f"all of {list(rates)} are multiples of {factor}: pixels between the multiples are missed"
    return Ruling("common factor", factor == 1, reason)
