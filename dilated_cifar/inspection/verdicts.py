"""Do these dilation rates leave holes? The verdicts on a list of rates."""

from collections.abc import Sequence

from rich.table import Table

from dilated_cifar.dilation.rates import Ruling, Verdict, receptive_field
from dilated_cifar.inspection.coverage import hole_text
from dilated_cifar.percentages import percent

DEFINITIONS = (
    "exact criterion: sort the rates; each must be at most the receptive field of the smaller ones, which "
    "starts at 1 and grows by (K-1) r. It is never wrong, for kernels K of every size, odd or even.",
    "published distance (Wang et al. 2018): M_n = r_n, M_i = max(M_i+1 - 2 r_i, 2 r_i - M_i+1, r_i), from "
    "the last layer back, and M_2 is to be at most K. For odd kernels of one size; not exact.",
    "common factor (Wang et al. 2018): the rates are to have none. Needed, but not enough.",
)


def kernels_text(kernel_sizes: Sequence[int]) -> str:
    """Name the kernels of a stack: `3x3 kernels`, or `kernels 3x3, 2x2`."""
    if len(set(kernel_sizes)) == 1:
        return f"{kernel_sizes[0]}x{kernel_sizes[0]} kernels"
    return f"kernels {', '.join(f'{size}x{size}' for size in kernel_sizes)}"


def rates_text(verdict: Verdict) -> str:
    """Name the rates with their kernels."""
    return f"rates {listed(verdict.rates)} with {kernels_text(verdict.kernel_sizes)}"


def verdict_heading(verdict: Verdict) -> str:
    """Say in one line how much of its receptive field a list of rates covers."""
    field = verdict.receptive_field
    return (
        f"{rates_text(verdict)}: receptive field {field}x{field}, {percent(verdict.covered, 1)} covered, "
        f"{hole_text(verdict.nearest_hole)}"
    )


def verdict_rows(verdict: Verdict) -> list[tuple[str, str, str]]:
    """List rule, outcome and reason of the three verdicts, and the nearest rates without holes."""
    numbers = f"M_1 to M_{len(verdict.distances)}: {listed(verdict.distances)}; "
    with_numbers = verdict.published if verdict.published.holds is not None else None
    rows = [
        (ruling.rule, _outcome(ruling), (numbers if ruling is with_numbers else "") + ruling.sentence)
        for ruling in verdict.rulings
    ]
    if verdict.alternatives:
        rows.append(("nearest without holes", "", alternatives_text(verdict)))
    return rows


def outcomes_text(verdict: Verdict) -> str:
    """What each rule says, in a line."""
    return ", ".join(f"{ruling.rule} {_outcome(ruling)}" for ruling in verdict.rulings)


def alternatives_text(verdict: Verdict) -> str:
    """The nearest rates without holes, each with its receptive field; nothing where none are missing."""
    fields = [receptive_field(rates, verdict.kernel_sizes) for rates in verdict.alternatives]
    named = zip(verdict.alternatives, fields, strict=True)
    return " or ".join(f"[{listed(rates)}] (field {side}x{side})" for rates, side in named)


def verdict_table(verdict: Verdict) -> Table:
    """Lay the three verdicts on a list of rates out for a terminal."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in verdict_rows(verdict):
        table.add_row(*row)
    return table


def verdict_markdown(verdict: Verdict) -> str:
    """Lay the three verdicts on a list of rates out as Markdown."""
    lines = [f"- {rule}: **{outcome}** {reason}" for rule, outcome, reason in verdict_rows(verdict)]
    return "\n".join([f"{verdict_heading(verdict)}\n", *lines])


def _outcome(ruling: Ruling) -> str:
    return "n/a" if ruling.holds is None else "pass" if ruling.holds else "fail"


def listed(numbers: Sequence[int]) -> str:
    """Numbers as text."""
    return ", ".join(str(number) for number in numbers)
