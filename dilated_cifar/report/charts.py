"""Every chart of a section, described once: plain numbers for the page's engine and for that of the files."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.comparison import SectionFigures
from dilated_cifar.comparison.measures import Band, GroupFigures
from dilated_cifar.comparison.statistics import Estimate
from dilated_cifar.report.formats import interval_source, percent_interval

MAX_DRAWN = 24
MAX_POINTS = 400
"""Points of one curve: more than a screen has room for."""
COLOURS = ("#3f83e0", "#e07b00", "#2ca05a", "#d9534f", "#9467d6", "#9a6b4f", "#d664b0", "#00a3b5")
MARKS = ("circle", "square", "diamond")
"""Of the groups that have the first, second and third turn of the colours."""
CURVES = (
    ("loss", "loss", "", 1, {"train": "loss/train_subset", "held out": "loss/held_out"}),
    (
        "accuracy",
        "accuracy (%)",
        "%",
        100,
        {"train": "accuracy/train_subset", "held out": "accuracy/held_out"},
    ),
    ("gap", "train minus held-out accuracy (points)", " points", 100, {"gap": "gap/accuracy"}),
)
"""Name, axis, unit and scale of each chart of curves, and its curves."""


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
    """Axes and what is drawn between them: curves in bands, or points with bars."""

    name: str
    x: str
    """Title of the axis, with its unit; empty where it has names. The same for `y`."""
    y: str
    unit: str
    """Of a value on the y axis, written behind it."""
    bands: bool
    series: list[Series]


@dataclass(frozen=True)
class ConfusionChart:
    """The confusion matrix of a group minus the baseline's."""

    group: int
    names: list[str]
    points: list[list[float]]
    """[true class, predicted class], percentage points of the true class."""


@dataclass(frozen=True)
class SectionCharts:
    """All charts of a section."""

    labels: list[str]
    """Of the groups that are drawn: the baseline, then the highest accuracy first."""
    colours: list[str]
    marks: list[str]
    """Of MARKS: no two groups have both colour and mark in common."""
    curves: list[Chart]
    costs: list[Chart]
    classes: Chart
    confusion: list[ConfusionChart]


def section_charts(figures: SectionFigures) -> SectionCharts:
    """Describe the charts of the baseline and the groups of the highest accuracy."""
    drawn = figures.most_accurate(MAX_DRAWN)
    return SectionCharts(
        labels=[each.group.label for each in drawn],
        colours=[COLOURS[index % len(COLOURS)] for index in range(len(drawn))],
        marks=[MARKS[index // len(COLOURS)] for index in range(len(drawn))],
        curves=[curve_chart(drawn, *each) for each in CURVES],
        costs=[
            cost_chart(figures, "multiply-adds", "millions", [each.multiply_adds for each in drawn], 1e6),
            cost_chart(figures, "receptive field", "pixels", [each.receptive_field for each in drawn], 1),
        ],
        classes=class_chart(figures, drawn),
        confusion=confusion_charts(figures, drawn),
    )


def curve_chart(
    drawn: Sequence[GroupFigures], name: str, axis: str, unit: str, scale: float, curves: dict[str, str]
) -> Chart:
    """Figures by epoch: mean over runs, in a band from the lowest to the highest if there are several."""

    def series(index: int, label: str, band: Band) -> Series:
        every = thinned(len(band.mean))
        y, low, high = (rounded(scale * values[every]) for values in (band.mean, band.low, band.high))
        if band.runs == 1:
            low = high = []
        return Series(index, label, (every + 1).tolist(), y, low, high, dashed=label == "train")

    found = [
        series(index, label, each.curves[key])
        for index, each in enumerate(drawn)
        for label, key in curves.items()
        if key in each.curves
    ]
    return Chart(name, "epoch", axis, unit, bands=True, series=found)


def thinned(epochs: int) -> NDArray[np.int64]:
    """Indices of the epochs to draw: all, or evenly spread ones with the first and the last."""
    return np.unique(np.linspace(0, epochs - 1, min(epochs, MAX_POINTS)).round().astype(np.int64))


def cost_chart(
    figures: SectionFigures, name: str, unit: str, costs: Sequence[int | None], scale: float
) -> Chart:
    """Accuracy against the cost of each drawn network, or against its receptive field."""
    drawn = figures.most_accurate(MAX_DRAWN)
    known = [(index, cost / scale) for index, cost in enumerate(costs) if cost is not None]
    series = [estimates(index, [x], [drawn[index].accuracy]) for index, x in known]
    return Chart(name, f"{name} ({unit})", f"{figures.measure} (%)", "%", bands=False, series=series)


def class_chart(figures: SectionFigures, drawn: Sequence[GroupFigures]) -> Chart:
    """Accuracy of each class."""
    found = [(index, figures.classes.get(each.group)) for index, each in enumerate(drawn)]
    series = [
        estimates(index, list(classes.accuracies), list(classes.accuracies.values()))
        for index, classes in found
        if classes is not None
    ]
    return Chart("classes", "", "accuracy (%)", "%", bands=False, series=series)


def estimates(group: int, x: Sequence[float | str], found: Sequence[Estimate]) -> Series:
    """Accuracies at `x` with their intervals, in percent."""
    return Series(
        group,
        "",
        x,
        y=rounded([100 * each.mean for each in found]),
        low=[each.low and rounded([100 * each.low])[0] for each in found],
        high=[each.high and rounded([100 * each.high])[0] for each in found],
        notes=[each.why_none or f"{percent_interval(each)} {interval_source(each)}" for each in found],
    )


def confusion_charts(figures: SectionFigures, drawn: Sequence[GroupFigures]) -> list[ConfusionChart]:
    """The confusion matrix of each group minus the baseline's, where both have the same classes."""
    base, *others = (figures.classes.get(each.group) for each in drawn)
    return [
        ConfusionChart(index, one.names, [rounded(row) for row in 100 * (one.confusion - base.confusion)])
        for index, one in enumerate(others, start=1)
        if one is not None and base is not None and one.names == base.names
    ]


def rounded(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Five significant digits of each: more than an eye can see."""
    return [float(f"{value:.5g}") for value in values]
