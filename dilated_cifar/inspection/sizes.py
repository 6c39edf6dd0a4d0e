"""How large is the map behind each layer? The arithmetic of convolutions and transposed ones, as tables."""

from collections.abc import Sequence

from rich.table import Table

from dilated_cifar.dilation.arithmetic import Pair
from dilated_cifar.dilation.stack import ConvolutionSizes, TransposedSizes, Window

CONVOLUTION_LEGEND = (
    "output: floor((n + 2p - d(k-1) - 1) / s) + 1. back: the size to which the transposed convolution leads, "
    "(n-1)s - 2p + d(k-1) + 1, and the output padding that restores the input's. C: the matrix of the "
    "convolution on flattened maps of one channel, and its weights; the transposed convolution is C^T "
    "(Dumoulin & Visin 2016)."
)
TRANSPOSED_LEGEND = (
    "between: the map with s-1 zeros between its pixels. around: that with d(k-1) - p zeros on every side, "
    "and the output padding below and to the right; a negative number cuts away. output: its convolution at "
    "stride 1 with the flipped kernel, (n-1)s - 2p + d(k-1) + output_padding + 1. C^T: the transpose of the "
    "matrix of the convolution with these numbers, on flattened maps of one channel (Dumoulin & Visin 2016)."
)


def convolution_table(sizes: Sequence[ConvolutionSizes]) -> Table:
    """The maps through a stack of convolutions, a line a layer."""
    table = _table("layer", "kernel", "rate", "stride", "pad", "input", "output", "back", "C", "weights")
    for number, each in enumerate(sizes, start=1):
        back = "none" if each.transposed is None else f"{each.transposed}"
        restored = f" (+{each.restoring})" if each.restoring else ""
        sides = f"{each.before}", f"{each.after}", back + restored
        table.add_row(*_start(number, each.window), *sides, shape(each.matrix), f"{each.weights:,}")
    return table


def transposed_table(sizes: Sequence[TransposedSizes]) -> Table:
    """The maps through a stack of transposed convolutions, a line a layer."""
    headings = ("layer", "kernel", "rate", "stride", "pad", "input", "between", "around", "output", "C^T")
    table = _table(*headings)
    for number, each in enumerate(sizes, start=1):
        sides = f"{each.before}", f"{each.zeros_between}", f"{each.zeros_around}", f"{each.after}"
        table.add_row(*_start(number, each.window), *sides, shape(each.matrix))
    return table


def transposed_steps(sizes: Sequence[TransposedSizes]) -> list[str]:
    """A sentence a layer: what is put between and around, and what the convolution makes of it."""
    lines = []
    for number, each in enumerate(sizes, start=1):
        extra = each.window.output_padding
        around = _zeros(each.around) if each.around >= 0 else f"{-each.around} cut away"
        below = f", {extra} more below and to the right" if extra else ""
        lines.append(
            f"layer {number}: {side(each.before)}; {_zeros(each.window.stride - 1)} between the pixels: "
            f"{side(each.zeros_between)}; {around} on every side{below}: {side(each.zeros_around)}; "
            f"convolved with the flipped kernel at stride 1, rate {each.window.rate}: {side(each.after)}; "
            f"C^T {shape(each.matrix)} with {each.weights:,} weights"
        )
    return lines


def side(pixels: int) -> str:
    """A square map: `32x32`."""
    return f"{pixels}x{pixels}"


def shape(matrix: Pair) -> str:
    """The shape of a matrix: `900x1024`."""
    return f"{matrix[0]}x{matrix[1]}"


def _zeros(count: int) -> str:
    return f"{count} zero{'' if count == 1 else 's'}"


def _start(number: int, window: Window) -> tuple[str, ...]:
    kernel = f"{window.kernel_size}x{window.kernel_size}"
    return f"{number}", kernel, f"{window.rate}", f"{window.stride}", f"{window.padding}"


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
