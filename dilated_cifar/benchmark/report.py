"""What a benchmark measured, as tables, sentences and one picture."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from dilated_cifar.benchmark.figures import PARTS, PROJECT, USUAL, Figures, Spread
from dilated_cifar.percentages import percent


def spread(value: Spread, form: str = ",.0f") -> str:
    """The median, and from where to where the rounds went."""
    if value.low == value.high:
        return format(value.median, form)
    return f"{value.median:{form}} ({value.low:{form}}–{value.high:{form}})"


def tables(figures: Figures) -> list[Table]:
    """Speed, then cost, then the start and growth."""
    found = [speed_table(figures), cost_table(figures)]
    if figures.start:
        start = numbers("start", "seconds")
        for name, took in figures.start.items():
            start.add_row(name, spread(took, ".2f"))
        found.append(start)
    if figures.growth:
        growth = numbers("resnet", "value", "images/s")
        for what, values in figures.growth.items():
            for value, images in values.items():
                growth.add_row(what, str(value), spread(images))
        found.append(growth)
    return found


def numbers(first: str, *others: str) -> Table:
    """A table of numbers with names in front."""
    table = Table(first, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in others:
        table.add_column(name, justify="right")
    return table


def speed_table(figures: Figures) -> Table:
    """Images a second of each network in each way, and evaluated."""
    ways = list(figures.networks[0].training)
    table = numbers("training, images/s", *ways, "ratio", "evaluation")
    for each in figures.networks:
        ratio = each.training[PROJECT].median / each.training[USUAL].median
        rates = (spread(each.training[way]) for way in ways)
        table.add_row(each.name, *rates, f"{ratio:.2f}x", spread(each.evaluation))
    return table


def cost_table(figures: Figures) -> Table:
    """Where the time of a step goes, and what it takes."""
    table = numbers("of a step", *PARTS, "of peak", "MB", "save ms")
    for each in figures.networks:
        parts = (percent(each.shares[part], 0) for part in PARTS)
        memory = "-" if each.memory is None else f"{each.memory:,.0f}"
        saving = f"{1000 * each.checkpoint_seconds.median:.0f}"
        table.add_row(each.name, *parts, percent(figures.peak_share(each), 0), memory, saving)
    return table


def sentences(figures: Figures) -> list[str]:
    """What the numbers mean."""
    versions = ", ".join(f"{name} {version}" for name, version in figures.versions.items())
    return [
        f"{figures.computer}; {figures.device}; {versions}; {figures.data}",
        f"Medians of {figures.rounds} rounds in turn (lowest to highest; of growth one fewer), batches of "
        f"{figures.batch_size}. "
        f"ratio: {PROJECT} to the {USUAL}, which loads with {figures.workers} workers.",
        f"peak: {spread(scaled(figures.peak, 1e-9))} G operations/s of square matrix products in this run; "
        "a step counts six for each multiply-add of the network: a product and a sum, in the forward pass "
        "and for the gradients of weights and of maps.",
        "data: batch, augmentation, normalisation; backward: with the loss and the norm of the gradients; "
        "MB: by how much training and evaluation raise the memory of the process, or of the GPU.",
    ]


def scaled(value: Spread, factor: float) -> Spread:
    """The same in another unit."""
    return Spread(value.median * factor, value.low * factor, value.high * factor)


def draw(figures: Figures) -> Figure:
    """Draw images a second of every network in every way, the parts of a step, and growth."""
    panels: list[Callable[[Axes], None]] = [
        lambda axes: draw_speed(axes, figures),
        lambda axes: draw_parts(axes, figures),
    ]
    panels += [partial(draw_growth, what=what, values=values) for what, values in figures.growth.items()]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    drawn = Figure(figsize=(4.6 * columns, 3.4 * rows), layout="constrained")
    grid = drawn.subplots(rows, columns, squeeze=False).flat
    for axes, panel in zip(grid, panels, strict=False):
        panel(axes)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    drawn.suptitle(f"{figures.computer}; {figures.device}", fontsize=10, parse_math=False)
    return drawn


def draw_speed(axes: Axes, figures: Figures) -> None:
    """Bars of images a second, with the spread of the rounds."""
    ways = list(figures.networks[0].training)
    places, width = np.arange(len(figures.networks)), 0.8 / len(ways)
    for number, way in enumerate(ways):
        rates = [each.training[way] for each in figures.networks]
        medians = [each.median for each in rates]
        ends = [[each.median - each.low for each in rates], [each.high - each.median for each in rates]]
        axes.bar(places + number * width, medians, width, yerr=ends, label=way)
    axes.set_xticks(places + 0.4 - width / 2, names(figures), rotation=30, ha="right", parse_math=False)
    axes.set_ylabel("images/s, training")
    axes.legend(fontsize=8)


def draw_parts(axes: Axes, figures: Figures) -> None:
    """Stacked bars of the parts of a step."""
    below = np.zeros(len(figures.networks))
    for part in PARTS:
        values = np.array([each.shares[part] for each in figures.networks])
        axes.bar(names(figures), values, bottom=below, label=part)
        below += values
    axes.tick_params(axis="x", rotation=30)
    axes.set_ylabel("share of the time of a step")
    axes.legend(fontsize=7, ncols=len(PARTS), loc="lower center", bbox_to_anchor=(0.5, 1), columnspacing=1)


def draw_growth(axes: Axes, what: str, values: dict[int, Spread]) -> None:
    """A curve of images a second."""
    found: Iterable[Spread] = values.values()
    axes.plot(list(values), [each.median for each in found], "o-")
    axes.vlines(list(values), [each.low for each in found], [each.high for each in found])
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(values), [str(value) for value in values])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"resnet: {what}")
    axes.set_ylabel("images/s, training")


def names(figures: Figures) -> list[str]:
    """Of the networks."""
    return [each.name for each in figures.networks]
