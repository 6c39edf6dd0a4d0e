"""What does a network consist of, and what can it see? Its layers, verdict and coverage, found once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from torch import nn

from dilated_cifar.dilation.coverage import Unit, count_unit
from dilated_cifar.dilation.layers import Layer, Trace
from dilated_cifar.dilation.rates import Verdict, judge, warning
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.coverage import field_text, unit_sentence
from dilated_cifar.inspection.verdicts import verdict_markdown
from dilated_cifar.models.classifier import last_map_of

logger = logging.getLogger(__name__)

HEADINGS = ("layer", "operation", "rate", "output", "RF", "jump", "params", "MACs")
LEGEND = (
    "rate: dilation rate; RF: receptive field in pixels; jump: distance in pixels between the receptive "
    "fields of neighbouring units; MACs: multiply-adds for one image; a norm's parameters count with the "
    "layer before it."
)
_NAMES = {"convolution": "conv", "average pool": "mean pool"}
_LEFT = 2  # the first columns are text, the others numbers
_FEW = 10_000


@dataclass(frozen=True)
class Inspection:
    """What the layers of a network allow it to see, whatever its weights.

    `verdict` is that on the list of dilation rates, None where strides, pools or shortcuts lie between the
    layers and no rule on lists applies. `unit` is the centre unit of the last feature map, with its coverage;
    None where there is no such map or its paths cannot be counted, as `uncounted` says.
    """

    model: nn.Module
    trace: Trace
    verdict: Verdict | None
    unit: Unit | None
    uncounted: str = ""

    @property
    def last(self) -> str | None:
        """The module that puts out the last feature map; None where no module does."""
        return last_map_of(self.model, self.trace)

    @property
    def last_size(self) -> str:
        """Rows and columns of the last feature map, as `16x16`; a dash where there is none."""
        if self.last is None:
            return "-"
        return "x".join(str(side) for side in self.trace.layer(self.last).output_shape[1:])

    @property
    def field(self) -> str:
        """The receptive field in pixels along convolutions, as `17x17`; a dash where there is no map."""
        if self.unit is not None:
            return field_text(self.unit)
        if self.last is None:
            return "-"
        return "x".join(str(side) for side in self.trace.layer(self.last).receptive_field)

    @property
    def is_centre(self) -> bool:
        """Whether the unit is the centre unit of the last feature map, not another that a user chose."""
        if self.unit is None or self.last is None:
            return False
        centre = self.trace.layer(self.last).centre_position
        return (self.unit.name, self.unit.position) == (self.last, centre)

    @property
    def ruling(self) -> Verdict | None:
        """The verdict on the rates where it holds for the unit."""
        return self.verdict if self.is_centre else None


def inspect_network(
    model: nn.Module, input_size: tuple[int, int, int], *, stack: tuple[Sequence[int], int] | None = None
) -> Inspection:
    """Trace a network on images `[C, H, W]`, judge its rates and count what its centre unit covers.

    Args:
        model: Any network.
        input_size: Channels, height and width.
        stack: Dilation rates and kernel size where the layers are one stack at stride 1, as in
            `ModelConfig.stack`.

    Raises:
        ValueError: the network cannot take such an input, or runs an operation that no rule describes.
    """
    traced = trace(model, input_size)
    verdict = None if stack is None else judge(*stack)
    last = last_map_of(model, traced)
    if last is None:
        return Inspection(model, traced, verdict, None, "no module puts out a map [C, h, w]")
    try:
        return Inspection(model, traced, verdict, count_unit(model, traced, last))
    except (ValueError, RuntimeError) as error:
        return Inspection(model, traced, verdict, None, " ".join(str(error).split()))


def inspect_if_traceable(
    model: nn.Module, input_size: tuple[int, int, int], *, stack: tuple[Sequence[int], int] | None
) -> Inspection | None:
    """As `inspect_network`; None for a network that cannot be traced, of which a warning says so."""
    try:
        return inspect_network(model, input_size, stack=stack)
    except ValueError as error:
        logger.warning("%s; without that no receptive field, multiply-adds and count map are told", error)
        return None


def hole_warning(inspection: Inspection) -> str | None:
    """Say in one line which pixels the centre unit misses; None for a network without holes.

    Where no rule on lists of rates applies, the network itself is counted.
    """
    if inspection.verdict is not None:
        return warning(inspection.verdict.rates, inspection.verdict.kernel_sizes[0])
    if inspection.unit is None or inspection.unit.nearest_hole is None:
        return None
    return f"the network leaves holes: {unit_sentence(inspection.unit)}"


def describe(inspection: Inspection) -> str:
    """Write layers, coverage and verdicts as Markdown."""
    texts = [layer_markdown(inspection.trace), coverage_sentence(inspection)]
    if inspection.verdict is not None:
        texts.append(verdict_markdown(inspection.verdict))
    return "\n\n".join(texts)


def global_path_text(traced: Trace) -> str | None:
    """Through what, and where first, the whole input is seen beside the field; None where it is not."""
    if not traced.global_paths:
        return None
    first, *others = traced.global_paths
    more = f" and {len(others)} more" if others else ""
    return f"{first.kind} in {first.module or 'the network'}{more}"


def coverage_sentence(inspection: Inspection) -> str:
    """Say what the unit covers, or why that was not counted."""
    if inspection.unit is None:
        return f"no coverage and no count map: {inspection.uncounted}"
    return unit_sentence(inspection.unit)


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
    totals = (f"{traced.receptive_field}", "", f"{traced.parameters:,}", millions(traced.multiply_adds))
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
        operation(layer),
        "" if layer.dilation is None or "pool" in layer.kind else f"{layer.dilation[0]}",
        "x".join(str(side) for side in layer.output_shape),
        f"{max(layer.receptive_field)}",
        f"{layer.jump[0]:g}",
        f"{parameters:,}",
        millions(layer.multiply_adds),
    )


def operation(layer: Layer) -> str:
    """Name what a layer does, with its window: `conv 3x3 /2`."""
    parts = [_NAMES.get(layer.kind, layer.kind)]
    if layer.kernel is not None:
        parts.append(f"{layer.kernel[0]}x{layer.kernel[1]}")
    if layer.stride is not None and layer.stride[0] > 1 and layer.stride != layer.kernel:
        parts.append(f"/{layer.stride[0]}")
    return " ".join(parts)


def millions(number: int) -> str:
    """A number of multiply-adds as text, nothing for none."""
    if number < _FEW:
        return f"{number:,}" if number else ""
    return f"{number / 1e6:.2f}M"
