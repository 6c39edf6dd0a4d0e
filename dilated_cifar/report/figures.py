"""The charts of a section as PNG and SVG, for papers and slides: the engine of the files, matplotlib."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.evaluation.output import MOST_NUMBERED, save_figure
from dilated_cifar.report.charts import MARKS, Chart, ConfusionChart, SectionCharts

MAX_DRAWN = 10
MAX_SECTIONS = 4
LITERAL = rc_context({"text.parse_math": False})
"""Labels hold what files say, in which a dollar sign is no mathematics."""
MARKERS = {"circle": "o", "square": "s", "diamond": "D"}
MARKED = 8
"""About how many points of a curve are marked."""
LETTERS_ACROSS, HANDLE = 150, 8
"""How many letters a legend under the curves has room for, and of how many its lines take the place."""


def write_figures(comparison: Comparison, charts: Sequence[SectionCharts], folder: Path) -> None:
    """Draw the charts of the first sections into `folder`, as PNG and SVG."""
    folder.mkdir(exist_ok=True)
    pairs = list(zip(comparison.sections, charts, strict=False))
    for number, (figures, each) in enumerate(pairs[:MAX_SECTIONS], start=1):
        prefix = "" if len(comparison.sections) == 1 else f"{number}-"
        for name, figure in draw(figures, each):
            for suffix in ("png", "svg"):
                save_figure(figure, folder / f"{prefix}{name}.{suffix}", dpi=150)
                figure.set_layout_engine("none")  # laid out once: the second file has the same layout


def draw(figures: SectionFigures, charts: SectionCharts) -> Iterator[tuple[str, Figure]]:
    """Every figure of a section by its name."""
    count = len(figures.groups)
    some = f"the {MAX_DRAWN} most accurate of {count} groups; " if count > MAX_DRAWN else ""
    start = (f"{figures.section.title}: " if figures.section.setting else "") + some
    unit = figures.section.replicate
    runs = f"one {unit}" if figures.one_seed else f"mean over {unit}s; band: lowest to highest"
    yield "curves", draw_curves(charts, f"{start}{runs}")
    for chart in charts.costs:
        bars = f"one {unit}: no interval" if figures.one_seed else f"bar: 95% interval over {unit}s"
        yield (
            f"accuracy-{chart.name.replace('-', '_').replace(' ', '_')}",
            draw_costs(chart, charts, f"{start}{bars}"),
        )
    if charts.confusion:
        yield "confusion-difference", draw_confusion(charts.confusion[0], charts.labels)


@LITERAL
def draw_costs(chart: Chart, charts: SectionCharts, title: str) -> Figure:
    """Accuracy against a cost."""
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    axes = figure.subplots()
    draw_chart(axes, chart, charts)
    axes.legend(fontsize="small")
    axes.set_title(title, fontsize="medium")
    return figure


@LITERAL
def draw_curves(charts: SectionCharts, title: str) -> Figure:
    """The curves side by side, under one legend."""
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    panels = figure.subplots(1, len(charts.curves))
    for axes, chart in zip(panels, charts.curves, strict=True):
        draw_chart(axes, chart, charts)
        dashed = any(series.dashed for series in chart.series)
        axes.set_title(f"{chart.name}: held out solid, train dashed" if dashed else chart.name)
    handles, labels = panels[-1].get_legend_handles_labels()
    columns = LETTERS_ACROSS // max((len(label) + HANDLE for label in labels), default=1)
    figure.legend(handles, labels, loc="outside lower center", ncols=min(max(columns, 1), 3))
    figure.suptitle(title)
    return figure


def draw_chart(axes: Axes, chart: Chart, charts: SectionCharts) -> None:
    """A chart of the first groups; of a dashed and a solid curve, only the solid one is in the legend."""
    for series in chart.series:
        if series.group >= MAX_DRAWN:
            continue
        colour, label = charts.colours[series.group], charts.labels[series.group]
        mark = charts.marks[series.group]
        low, high = (np.array(ends, dtype=np.float64) for ends in (series.low, series.high))
        if chart.bands:
            style, label_or_none = ("--", None) if series.dashed else ("-", label)
            # Where colours come again, marks tell the curves apart.
            marked = len(series.x) == 1 or mark != MARKS[0]
            axes.plot(
                series.x, series.y, style, color=colour, label=label_or_none,
                marker=MARKERS[mark] if marked else None, markevery=max(1, len(series.x) // MARKED),
            )  # fmt: skip
            if low.size:
                axes.fill_between(series.x, low, high, color=colour, alpha=0.15, linewidth=0)
        else:
            axes.plot(series.x, series.y, MARKERS[mark], color=colour, label=label)
            axes.vlines(series.x, low, high, color=colour)
    if chart.bands:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.grid(alpha=0.3)


@LITERAL
def draw_confusion(chart: ConfusionChart, labels: Sequence[str]) -> Figure:
    """The difference of two confusion matrices."""
    points, count = np.array(chart.points), len(chart.names)
    numbered = count <= MOST_NUMBERED
    side = 3.4 + (0.55 if numbered else 0.14) * count
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    limit = max(1.0, float(np.abs(points).max()))
    image = axes.imshow(points, cmap="RdBu", vmin=-limit, vmax=limit)
    turned = {"rotation": 45, "ha": "right"} if numbered else {"rotation": 90}
    axes.set_xticks(range(count), chart.names, parse_math=False, **turned)
    axes.set_yticks(range(count), chart.names, parse_math=False)
    if not numbered:
        axes.tick_params(labelsize=6)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    for (row, column), value in np.ndenumerate(points):
        colour = "white" if abs(value) > 0.6 * limit else "black"
        if numbered and round(value):
            axes.text(column, row, f"{value:+.0f}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.7, label="percentage points of the true class")
    axes.set_title(f"{labels[chart.group]} minus {labels[0]}", fontsize="medium")
    return figure
