"""The layers of a network and the verdicts on rates as tables, for a narrow terminal and as Markdown."""

from collections.abc import Sequence

from rich.table import Table
from torch import Tensor

from dilated_cifar.dilation.rates import Ruling, Verdict
from dilated_cifar.dilation.trace import Layer, Trace
from dilated_cifar.inspection.view import View

HEADINGS = ("layer", "operation", "rate", "output", "field", "jump", "weights", "MACs")
LEGEND = (
    "field: receptive field in pixels; jump: pixels between the fields of neighbouring units; MACs: "
    "multiply-adds for one image; a norm's weights count with the layer before it."
)
_NAMES = {"convolution": "conv", "average pool": "mean pool"}
_LEFT = 2  # the first columns are words, the others numbers
_FEW, _MANY = 10_000, 1e7


def layer_rows(traced: Trace) -> list[tuple[str, ...]]:
    """List the layers that change what is seen, under HEADINGS, with the totals last.

    Norms and activations change neither size nor field: their weights count with the layer before.
    """
    kept: list[tuple[Layer, int]] = []
    for layer in traced.layers:
        if kept and layer.kernel is None and layer.output_shape == kept[-1][0].output_shape:
            kept[-1] = (kept[-1][0], kept[-1][1] + layer.parameters)
        else:
            kept.append((layer, layer.parameters))
    rows = [_row(layer, parameters) for layer, parameters in kept]
    total = f"{traced.receptive_field}"
    return [
        *rows,
        ("total", "", "", "", total, "", f"{traced.parameters:,}", _millions(traced.multiply_adds)),
    ]


def layer_table(traced: Trace, title: str) -> Table:
    """Lay the layers of a network out for a terminal."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for number, heading in enumerate(HEADINGS):
        left = number < _LEFT
        table.add_column(
            heading,
            justify="left" if left else "right",
            no_wrap=not left,
            overflow="fold" if left else "crop",
        )
    rows = layer_rows(traced)
    for row in rows:
        table.add_row(*row, style="bold" if row is rows[-1] else None)
    return table


def layer_markdown(traced: Trace) -> str:
    """Lay the layers of a network out as a Markdown table, with the legend below."""
    rule = [":--" if number < _LEFT else "--:" for number in range(len(HEADINGS))]
    lines = [HEADINGS, rule, *layer_rows(traced)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{LEGEND}"


def verdict_heading(verdict: Verdict) -> str:
    """Say in one line what a list of rates sees."""
    field, kernel = verdict.receptive_field, verdict.kernel_size
    holes = "no holes"
    if verdict.nearest_hole is not None:
        holes = f"nearest hole {_pixels(verdict.nearest_hole)} from the centre"
    return (
        f"rates {listed(verdict.rates)}, {kernel}x{kernel} kernels: field {field}x{field}, "
        f"{verdict.covered:.1%} covered, {holes}"
    )


def verdict_rows(verdict: Verdict) -> list[tuple[str, str, str]]:
    """List rule, outcome and reason of the three verdicts, and the nearest rates without holes."""
    numbers = f"M_1 to M_{len(verdict.distances)}: {listed(verdict.distances)}; "
    rows = [
        (ruling.rule, _outcome(ruling), (numbers if ruling is verdict.published else "") + ruling.sentence)
        for ruling in verdict.rulings
    ]
    if verdict.alternatives:
        found = " or ".join(f"[{listed(rates)}]" for rates in verdict.alternatives)
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


def view_sentence(seen: View, name: str) -> str:
    """Say what one unit of a network sees of the image."""
    top, left, bottom, right = seen.box
    field = "x".join(str(side) for side in seen.layer.receptive_field)
    hole = ""
    if seen.nearest_hole is not None:
        hole = f", the nearest hole {seen.nearest_hole:g} from the centre"
    return (
        f"{where(seen, name)}: field {field}; of its {(bottom - top) * (right - left)} pixels on the image "
        f"(rows {top} to {bottom - 1}, columns {left} to {right - 1}) {seen.covered:.1%} enter it{hole}; the "
        f"most counted pixel {_count(seen.counts.max())} times, all together {_count(seen.counts.sum())}"
    )


def where(seen: View, name: str) -> str:
    """Name the unit that looks."""
    if seen.position is None:
        return name
    size = "x".join(str(side) for side in seen.layer.output_shape[1:])
    return f"unit {seen.position} of {name} ({size})"


def listed(numbers: Sequence[int]) -> str:
    """Write numbers with commas between them."""
    return ", ".join(str(number) for number in numbers)


def _row(layer: Layer, parameters: int) -> tuple[str, ...]:
    return (
        layer.name,
        _operation(layer),
        "" if layer.dilation is None or "pool" in layer.kind else f"{layer.dilation[0]}",
        "x".join(str(side) for side in layer.output_shape),
        f"{max(layer.receptive_field)}",
        f"{layer.jump[0]:g}",
        f"{parameters:,}",
        _millions(layer.multiply_adds),
    )


def _operation(layer: Layer) -> str:
    words = [_NAMES.get(layer.kind, layer.kind)]
    if layer.kernel is not None:
        words.append(f"{layer.kernel[0]}x{layer.kernel[1]}")
    if layer.stride is not None and layer.stride[0] > 1 and layer.stride != layer.kernel:
        words.append(f"/{layer.stride[0]}")
    return " ".join(words)


def _millions(number: int) -> str:
    if number < _FEW:
        return f"{number:,}" if number else ""
    return f"{number / 1e6:.2f}M"


def _count(number: Tensor) -> str:
    return f"{number:,.0f}" if number < _MANY else f"{number:.2g}"


def _outcome(ruling: Ruling) -> str:
    return "silent" if ruling.holds is None else "holds" if ruling.holds else "broken"


def _pixels(number: int) -> str:
    return f"{number} pixel{'' if number == 1 else 's'}"
