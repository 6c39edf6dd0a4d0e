"""A network inspected before training: its layers, its verdict and its coverage, found once and handed on."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from torch import nn

from dilated_cifar.dilation.coverage import Unit, count_unit
from dilated_cifar.dilation.rates import Verdict, judge, warning
from dilated_cifar.dilation.trace import Trace, trace
from dilated_cifar.inspection.coverage import draw_unit, unit_sentence
from dilated_cifar.inspection.layers import layer_markdown
from dilated_cifar.inspection.verdicts import draw_comparison, verdict_markdown

LAST_MAP = "features"
"""The module of every network that puts out the last feature map."""


@dataclass(frozen=True)
class Inspection:
    """What the layers of a network allow it to see, whatever its weights.

    `verdict` is that on the list of dilation rates, None where strides, pools or shortcuts lie between the
    layers and no rule on lists applies. `unit` is the centre unit of the last feature map, with its coverage.
    """

    model: nn.Module
    trace: Trace
    verdict: Verdict | None
    unit: Unit


def inspect_network(
    model: nn.Module, input_size: tuple[int, int, int], *, stack: tuple[Sequence[int], int] | None = None
) -> Inspection:
    """Trace a network on images `[C, H, W]`, judge its rates and count what its centre unit covers.

    Args:
        model: With a module `features` whose output is the last feature map.
        input_size: Channels, height and width.
        stack: Dilation rates and kernel size where the layers are one stack at stride 1, as in
            `ModelConfig.stack`.

    Raises:
        ValueError: the network cannot take such an input, or runs an operation that no rule describes.
    """
    traced = trace(model, input_size)
    verdict = None if stack is None else judge(*stack)
    return Inspection(model, traced, verdict, count_unit(model, traced, LAST_MAP))


def hole_warning(inspection: Inspection) -> str | None:
    """Say in one line which pixels the centre unit misses; None for a network without holes.

    Where no rule on lists of rates applies, the network itself is counted.
    """
    if inspection.verdict is not None:
        return warning(inspection.verdict.rates, inspection.verdict.kernel_size)
    if inspection.unit.nearest_hole is None:
        return None
    return f"the network leaves holes: {unit_sentence(inspection.unit)}"


def describe(inspection: Inspection) -> str:
    """Write layers, coverage and verdicts as Markdown."""
    texts = [layer_markdown(inspection.trace), unit_sentence(inspection.unit)]
    if inspection.verdict is not None:
        texts.append(verdict_markdown(inspection.verdict))
    return "\n\n".join(texts)


def draw_coverage(inspection: Inspection) -> Figure:
    """Draw the count map of the rates, or where no rule on lists applies that of the centre unit."""
    if inspection.verdict is None:
        return draw_unit(inspection.unit)
    # A list of rates is drawn around its centre, larger than on the image and with its numbers.
    return draw_comparison([inspection.verdict.rates], inspection.verdict.kernel_size)
