"""Do these dilation rates leave holes? The verdicts on a list of rates, and its count maps side by side."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.table import Table

from dilated_cifar.dilation.coverage import count_map, count_maps
from dilated_cifar.dilation.rates import Ruling, Verdict, judge
from dilated_cifar.inspection.coverage import draw_count_maps
from dilated_cifar.percentages import percent


def verdict_heading(verdict: Verdict) -> str:
    """Say in one line how much of its receptive field a list of rates covers."""
    field, kernel = verdict.receptive_field, verdict.kernel_size
    holes = "no holes"
    if verdict.nearest_hole is not None:
        pixels = f"{verdict.nearest_hole} pixel{'' if verdict.nearest_hole == 1 else 's'}"
        holes = f"nearest hole {pixels} from the centre"
    return (
        f"rates {_listed(verdict.rates)}, {kernel}x{kernel} kernels: receptive field {field}x{field}, "
        f"{percent(verdict.covered, 1)} covered, {holes}"
    )


def verdict_rows(verdict: Verdict) -> list[tuple[str, str, str]]:
    """List rule, outcome and reason of the three verdicts, and the nearest rates without holes."""
    numbers = f"M_1 to M_{len(verdict.distances)}: {_listed(verdict.distances)}; "
    rows = [
        (ruling.rule, _outcome(ruling), (numbers if ruling is verdict.published else "") + ruling.sentence)
        for ruling in verdict.rulings
    ]
    if verdict.alternatives:
        found = " or ".join(f"[{_listed(rates)}]" for rates in verdict.alternatives)
        rows.append(("nearest without holes", "", found))
    return rows


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


def draw_comparison(lists: Sequence[Sequence[int]], kernel_size: int = 3) -> Figure:
    """Draw the count maps of lists of rates side by side, at one scale in pixels from the centre.

    Raises:
        ValueError: there is no list, a list is empty, a rate is below 1, or the kernel is even.
    """
    panels = []
    for rates in lists:
        verdict = judge(rates, kernel_size)
        side, covered = verdict.receptive_field, percent(verdict.covered, 1)
        title = f"rates {_listed(rates)}\nreceptive field {side}x{side}, {covered} covered"
        panels.append((title, count_map(rates, kernel_size)))
    kernels = f"{kernel_size}x{kernel_size} kernels"
    return draw_count_maps(panels, f"How often each pixel enters one output ({kernels})")


def draw_layers(rates: Sequence[int], kernel_size: int = 3) -> Figure:
    """Draw the row of count maps from the last layer's input back to the image, in pixels from the centre.

    Raises:
        ValueError: the list is empty, a rate is below 1, or the kernel is even.
    """
    panels = []
    for number, counts in zip(range(len(rates), 0, -1), count_maps(rates, kernel_size), strict=True):
        source = "the image" if number == 1 else f"input of layer {number}"
        panels.append((f"{source}\n(through rate {rates[number - 1]})", counts))
    return draw_count_maps(panels, f"How often each position enters one output, rates {_listed(rates)}")


def _outcome(ruling: Ruling) -> str:
    return "n/a" if ruling.holds is None else "pass" if ruling.holds else "fail"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)
