"""Every chart of a section, described once: plain numbers for the page's engine and for that of the files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.classes import Classes
from dilated_cifar.comparison.comparison import SectionFigures
from dilated_cifar.comparison.intervals import Estimate
from dilated_cifar.comparison.measures import Band, GroupFigures
from dilated_cifar.report.formats import interval_source, percent_interval

MAX_DRAWN = 24
MAX_POINTS = 400
"""Points of one curve: more than a screen has room for."""
COLOURS = ("#3f83e0", "#e07b00", "#2ca05a", "#d9534f", "#9467d6", "#9a6b4f", "#d664b0", "#7a8794", "#a3a300",
           "#00a3b5")  # fmt: skip


@dataclass(frozen=True)
class DrawnGroup:
    """A group as every chart of its section draws it."""

    label: str
    colour: str
    rank: int
    """0 for the baseline, then by test accuracy."""


@dataclass(frozen=True)
class Series:
    """What a chart draws of one group."""

    group: int
    """Among the groups of the section's charts."""
    name: str
    """What it is, where a group has several."""
    x: Sequence[float | str]
    y: list[float]
    low: Sequence[float | None] = ()
    """Lower end of the band or of the interval at each point; empty where there is none."""
    high: Sequence[float | None] = ()
    notes: Sequence[str] = ()
    """What more is said of each point."""
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """Axes and what is drawn between them."""

    name: str
    """Of its file."""
    choice: str
    """Of the button that shows it on the page."""
    title: str
    x: str
    """Title of the axis, with its unit; the same for `y`."""
    y: str
    unit: str
    """Of a value on the y axis, written behind it."""
    band: bool
    """Curves in a band; otherwise points with bars."""
    series: list[Series]


@dataclass(frozen=True)
class ConfusionChart:
    """The confusion matrix of a group minus the baseline's."""

    group: int
    title: str
    names: list[str]
    points: list[list[float]]
    """[true class, predicted class], percentage points of the true class."""


@dataclass(frozen=True)
class SectionCharts:
    """All charts of a section."""

    groups: list[DrawnGroup]
    """In the order of the table."""
    curves: list[Chart]
    costs: list[Chart]
    classes: Chart
    confusion: list[ConfusionChart]
    """The most accurate group first."""


def section_charts(figures: SectionFigures) -> SectionCharts:
    """Describe the charts of the baseline and the groups of the highest test accuracy."""
    ranked = figures.most_accurate(MAX_DRAWN)
    rank = {id(each): number for number, each in enumerate(ranked)}
    drawn = [each for each in figures.groups if id(each) in rank]
    groups = [
        DrawnGroup(each.group.label, COLOURS[rank[id(each)] % len(COLOURS)], rank[id(each)]) for each in drawn
    ]
    classes = [figures.classes.get(each.group) for each in drawn]
    return SectionCharts(
        groups=groups,
        curves=curve_charts(drawn),
        costs=cost_charts(drawn),
        classes=class_chart(classes),
        confusion=confusion_charts(groups, classes),
    )


def curve_charts(drawn: Sequence[GroupFigures]) -> list[Chart]:
    """Loss, accuracy and gap by epoch: mean over seeds, and a band from the lowest to the highest."""

    def chart(
        name: str, title: str, axis: str, unit: str, scale: float, curves: Sequence[tuple[str, str]]
    ) -> Chart:
        series = [
            curve(index, label, each.curves[key], scale)
            for index, each in enumerate(drawn)
            for key, label in curves
            if key in each.curves
        ]
        return Chart(name, name, title, "epoch", axis, unit, band=True, series=series)

    def both(name: str, axis: str, unit: str, scale: float) -> Chart:
        curves = [(f"{name}/train_subset", "train"), (f"{name}/held_out", "held out")]
        return chart(name, f"{name}: held out solid, train dashed", axis, unit, scale, curves)

    gap = "train minus held-out accuracy (points)"
    return [
        both("loss", "loss", "", 1),
        both("accuracy", "accuracy (%)", "%", 100),
        chart("gap", "generalization gap", gap, " points", 100, [("gap/accuracy", "gap")]),
    ]


def curve(group: int, name: str, band: Band, scale: float) -> Series:
    """A curve; without a band where there is one run."""
    every = thinned(len(band.mean))
    several = band.runs > 1
    return Series(
        group,
        name,
        x=(every + 1).tolist(),
        y=rounded(scale * band.mean[every]),
        low=rounded(scale * band.low[every]) if several else [],
        high=rounded(scale * band.high[every]) if several else [],
        dashed=name == "train",
    )


def thinned(epochs: int) -> NDArray[np.int64]:
    """Indices of the epochs to draw: all, or evenly spread ones with the first and the last."""
    return np.unique(np.linspace(0, epochs - 1, min(epochs, MAX_POINTS)).round().astype(np.int64))


def cost_charts(drawn: Sequence[GroupFigures]) -> list[Chart]:
    """Test accuracy against what a network costs, and against its receptive field."""

    def chart(name: str, choice: str, axis: str, cost: Callable[[GroupFigures], float | None]) -> Chart:
        known = [(index, each, x) for index, each in enumerate(drawn) if (x := cost(each)) is not None]
        series = [estimates(index, [x], [each.test]) for index, each, x in known]
        title = "bar: 95% interval over seeds"
        return Chart(name, choice, title, axis, "test accuracy (%)", "%", band=False, series=series)

    return [
        chart("accuracy-multiply_adds", "multiply-adds", "multiply-adds (millions)",
              lambda each: None if each.multiply_adds is None else each.multiply_adds / 1e6),
        chart("accuracy-receptive_field", "receptive field", "receptive field (pixels)",
              lambda each: each.receptive_field),
    ]  # fmt: skip


def class_chart(classes: Sequence[Classes | None]) -> Chart:
    """Accuracy of each class of each group."""
    series = [
        estimates(index, list(each.accuracies), list(each.accuracies.values()))
        for index, each in enumerate(classes)
        if each is not None
    ]
    return Chart("classes", "", "", "", "accuracy (%)", "%", band=False, series=series)


def estimates(group: int, x: Sequence[float | str], found: Sequence[Estimate]) -> Series:
    """Accuracies at `x` with their intervals, in percent."""
    return Series(
        group,
        "",
        x,
        y=rounded([100 * each.mean for each in found]),
        low=[None if each.low is None else rounded([100 * each.low])[0] for each in found],
        high=[None if each.high is None else rounded([100 * each.high])[0] for each in found],
        notes=[
            each.why_none or f"95% interval {percent_interval(each)} {interval_source(each)}"
            for each in found
        ],
    )


def confusion_charts(groups: Sequence[DrawnGroup], classes: Sequence[Classes | None]) -> list[ConfusionChart]:
    """The confusion matrix of each group minus the baseline's, where both know the same classes."""
    order = sorted(range(len(groups)), key=lambda index: groups[index].rank)
    base, charts = classes[order[0]], []
    for index in order[1:]:
        one = classes[index]
        if one is None or base is None or one.names != base.names:
            continue
        difference = 100 * (one.confusion - base.confusion)
        title = f"{groups[index].label} minus {groups[order[0]].label}"
        charts.append(ConfusionChart(index, title, one.names, [rounded(row) for row in difference]))
    return charts


def rounded(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Five significant digits of each: more than an eye can see."""
    return [float(f"{value:.5g}") for value in values]
