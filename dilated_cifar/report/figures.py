"""The charts of a section as PNG and SVG, for papers and slides: the engine of the files, matplotlib."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.report.charts import Chart, ConfusionChart, DrawnGroup, SectionCharts, Series

MAX_DRAWN = 10
MAX_SECTIONS = 4


def write_figures(comparison: Comparison, charts: Sequence[SectionCharts], folder: Path) -> list[Path]:
    """Draw every chart of the first sections into `folder`, as PNG and SVG; returns the files."""
    folder.mkdir(exist_ok=True)
    written = []
    pairs = list(zip(comparison.sections, charts, strict=False))
    for number, (figures, each) in enumerate(pairs[:MAX_SECTIONS], start=1):
        prefix = "" if len(comparison.sections) == 1 else f"{number}-"
        for name, figure in draw(figures, each):
            for suffix in ("png", "svg"):
                path = folder / f"{prefix}{name}.{suffix}"
                figure.savefig(path, dpi=150)
                written.append(path)
    return written


def draw(figures: SectionFigures, charts: SectionCharts) -> Iterator[tuple[str, Figure]]:
    """Every figure of a section by its name."""
    count = len(figures.groups)
    some = f"the {MAX_DRAWN} most accurate of {count} groups; " if count > MAX_DRAWN else ""
    start = (f"{figures.section.title}: " if figures.section.setting else "") + some
    yield "curves", draw_curves(charts, f"{start}band: lowest to highest seed")
    for chart in charts.costs:
        figure = Figure(figsize=(8, 5.2), layout="constrained")
        axes = figure.subplots()
        draw_chart(axes, chart, charts.groups)
        axes.legend(fontsize="small")
        axes.set_title(start + chart.title, fontsize="medium")
        yield chart.name, figure
    if charts.confusion:
        yield "confusion-difference", draw_confusion(charts.confusion[0])


def draw_curves(charts: SectionCharts, title: str) -> Figure:
    """The curves side by side, under one legend."""
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    panels = figure.subplots(1, len(charts.curves))
    for axes, chart in zip(panels, charts.curves, strict=True):
        draw_chart(axes, chart, charts.groups)
        axes.set_title(chart.title)
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(title)
    return figure


def draw_chart(axes: Axes, chart: Chart, groups: Sequence[DrawnGroup]) -> None:
    """A chart of the groups of the highest test accuracy."""
    for series in chart.series:
        group = groups[series.group]
        if group.rank < MAX_DRAWN:
            (draw_curve if chart.band else draw_points)(axes, series, group)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.grid(alpha=0.3)


def draw_curve(axes: Axes, series: Series, group: DrawnGroup) -> None:
    """A curve with its band; the dashed one of two is not in the legend."""
    label, style = (None, "--") if series.dashed else (group.label, "-")
    marker = "o" if len(series.x) == 1 else None
    axes.plot(series.x, series.y, style, color=group.colour, label=label, marker=marker)
    if series.low:
        axes.fill_between(series.x, *ends(series), color=group.colour, alpha=0.15, linewidth=0)


def draw_points(axes: Axes, series: Series, group: DrawnGroup) -> None:
    """Points with bars."""
    axes.vlines(series.x, *ends(series), color=group.colour)
    axes.plot(series.x, series.y, "o", color=group.colour, label=group.label)


def ends(series: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of a band or of bars; where there is none, they are not numbers."""
    return np.array(series.low, dtype=np.float64), np.array(series.high, dtype=np.float64)


def draw_confusion(chart: ConfusionChart) -> Figure:
    """The difference of two confusion matrices."""
    points, count = np.array(chart.points), len(chart.names)
    side = 3.4 + 0.55 * count
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    limit = max(1.0, float(np.abs(points).max()))
    image = axes.imshow(points, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_xticks(range(count), chart.names, rotation=45, ha="right")
    axes.set_yticks(range(count), chart.names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    for (row, column), value in np.ndenumerate(points):
        colour = "white" if abs(value) > 0.6 * limit else "black"
        if round(value):
            axes.text(column, row, f"{value:+.0f}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.7, label="percentage points of the true class")
    axes.set_title(chart.title, fontsize="medium")
    return figure
