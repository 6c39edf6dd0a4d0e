"""What layers does a network have? Their table, for a narrow terminal and as Markdown."""

from rich.table import Table

from dilated_cifar.dilation.trace import Layer, Trace

HEADINGS = ("layer", "operation", "rate", "output", "RF", "jump", "params", "MACs")
LEGEND = (
    "rate: dilation rate; RF: receptive field in pixels; jump: distance in pixels between the receptive "
    "fields of neighbouring units; MACs: multiply-adds for one image; a norm's parameters count with the "
    "layer before it."
)
_NAMES = {"convolution": "conv", "average pool": "mean pool"}
_LEFT = 2  # the first columns are text, the others numbers
_FEW = 10_000


def layer_rows(traced: Trace) -> list[tuple[str, ...]]:
    """List the layers that change size or receptive field, under HEADINGS, with the totals last.

    Norms and activations change neither: their parameters count with the layer before.
    """
    kept: list[tuple[Layer, int]] = []
    for layer in traced.layers:
        if kept and layer.kernel is None and layer.output_shape == kept[-1][0].output_shape:
            kept[-1] = (kept[-1][0], kept[-1][1] + layer.parameters)
        else:
            kept.append((layer, layer.parameters))
    rows = [_row(layer, parameters) for layer, parameters in kept]
    totals = (f"{traced.receptive_field}", "", f"{traced.parameters:,}", _millions(traced.multiply_adds))
    return [*rows, ("total", "", "", "", *totals)]


def layer_table(traced: Trace, title: str) -> Table:
    """Lay the layers of a network out for a terminal."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in HEADINGS[:_LEFT]:
        table.add_column(heading, overflow="fold")
    for heading in HEADINGS[_LEFT:]:
        table.add_column(heading, justify="right", no_wrap=True, overflow="crop")
    *rows, totals = layer_rows(traced)
    for row in rows:
        table.add_row(*row)
    table.add_row(*totals, style="bold")
    return table


def layer_markdown(traced: Trace) -> str:
    """Lay the layers of a network out as a Markdown table, with the legend below."""
    rule = [":--" if number < _LEFT else "--:" for number in range(len(HEADINGS))]
    lines = [HEADINGS, rule, *layer_rows(traced)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{LEGEND}"


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
