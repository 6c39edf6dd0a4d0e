"""What is drawn, by the description of the charts and by what matplotlib was told to draw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import SectionFigures, compare
from dilated_cifar.report import figures as engine
from dilated_cifar.report.charts import MAX_POINTS, SectionCharts, section_charts, thinned
from dilated_cifar.report.figures import draw, write_figures


def section(folder: Path, **choices) -> SectionFigures:
    return compare(collect([folder], progress=False), **choices).sections[0]


@pytest.fixture
def three(runs) -> SectionFigures:
    """[1,1,1] (the baseline), [2,2,2] and [1,2,5], from the least to the most accurate, with two seeds."""
    for rates, test in (([1, 1, 1], 0.5), ([2, 2, 2], 0.6), ([1, 2, 5], 0.8)):
        for seed in (0, 1):
            figures = {"test": test + 0.02 * seed, "train": 0.9, "receptive_field": 1 + 2 * sum(rates)}
            runs.write(f"{rates}-{seed}", seed=seed, model__dilations=rates, **figures)
    return section(runs.parent)


def test_groups_are_drawn_from_the_baseline_and_the_most_accurate_on(three) -> None:
    charts = section_charts(three)
    assert charts.labels == ["dilations=[1,1,1]", "dilations=[1,2,5]", "dilations=[2,2,2]"]
    assert len(set(charts.colours)) == 3


def test_curves_are_means_over_seeds_in_a_band_in_the_unit_of_their_axis(three) -> None:
    loss, accuracy, gap = section_charts(three).curves
    assert [(series.group, series.name, series.dashed) for series in loss.series[:3]] == [
        (0, "train", True), (0, "held out", False), (1, "train", True)
    ]  # fmt: skip
    held_out = accuracy.series[1]
    assert held_out.x == [1, 2, 3, 4, 5]
    assert (held_out.low[-1], held_out.y[-1], held_out.high[-1]) == pytest.approx((50, 51, 52))
    assert gap.series[0].y[-1] == pytest.approx(39)
    assert gap.unit == " points"


def test_accuracy_is_drawn_against_cost_and_receptive_field_with_its_interval(three) -> None:
    costs, fields = section_charts(three).costs
    assert [series.x for series in fields.series] == [[7], [17], [13]]
    assert [series.x[0] for series in costs.series] == pytest.approx([39.11328, 49.11328, 45.11328])
    test = three.groups[0].test
    (series, *_) = fields.series
    assert (series.low[0], series.y[0], series.high[0]) == pytest.approx(
        (100 * test.low, 100 * test.mean, 100 * test.high), rel=1e-4
    )


def test_confusion_is_that_of_each_group_minus_the_baselines_and_sums_to_nothing(three) -> None:
    charts = section_charts(three).confusion
    assert [chart.group for chart in charts] == [1, 2]
    points = np.array(charts[0].points)
    assert points[0, 0] == pytest.approx(30)
    assert points.sum(1) == pytest.approx(np.zeros(10), abs=1e-3)


def test_without_curves_and_predictions_there_is_nothing_of_them_to_draw(three, runs) -> None:
    for file in [*runs.parent.rglob("metrics.csv"), *runs.parent.rglob("test_predictions.npz")]:
        file.unlink()
    charts = section_charts(section(runs.parent))
    assert [chart.series for chart in charts.curves] == [[], [], []]
    assert (charts.classes.series, charts.confusion) == ([], [])
    assert [name for name, _ in draw(three, charts)] == [
        "curves", "accuracy-multiply_adds", "accuracy-receptive_field"
    ]  # fmt: skip


@given(some.integers(1, 3 * MAX_POINTS))
def test_long_curves_are_thinned_and_keep_both_ends(epochs: int) -> None:
    drawn = thinned(epochs).tolist()
    assert len(drawn) == min(epochs, MAX_POINTS)
    assert (drawn[0], drawn[-1]) == (0, epochs - 1)
    assert drawn == sorted(set(drawn))


def drawn_lines(figure: Figure) -> list[list[tuple[str, list[float]]]]:
    """Colour and values of every line, panel by panel."""
    return [[(line.get_color(), list(line.get_ydata())) for line in axes.lines] for axes in figure.axes]


def test_the_files_show_what_is_described(three) -> None:
    charts = section_charts(three)
    figures = dict(draw(three, charts))
    assert drawn_lines(figures["curves"]) == [
        [(charts.colours[series.group], series.y) for series in chart.series] for chart in charts.curves
    ]
    assert [text.get_text() for text in figures["curves"].legends[0].get_texts()] == charts.labels
    for chart, name in zip(charts.costs, ("multiply_adds", "receptive_field"), strict=True):
        (axes,) = figures[f"accuracy-{name}"].axes
        assert (axes.get_xlabel(), axes.get_ylabel()) == (chart.x, chart.y)
        assert [line.get_ydata().tolist() for line in axes.lines] == [series.y for series in chart.series]
    image = figures["confusion-difference"].axes[0].images[0]
    assert np.array_equal(image.get_array(), charts.confusion[0].points)


def test_files_draw_the_most_accurate_groups_where_there_are_many(runs) -> None:
    for group in range(12):
        runs.write(str(group), test=0.3 + 0.05 * group, optimizer__lr=0.01 * (group + 1))
    figures = section(runs.parent)
    charts = section_charts(figures)
    assert len(charts.labels) == 12
    (axes,) = dict(draw(figures, charts))["accuracy-receptive_field"].axes
    best = [f"optimizer.lr={lr}" for lr in ("0.01", "0.12", "0.11", "0.1")]
    assert [line.get_label() for line in axes.lines][:4] == best
    assert len(axes.lines) == engine.MAX_DRAWN


@pytest.mark.parametrize("letters", [1, 20, 40, 60, 140])
def test_the_legend_under_the_curves_lies_inside_the_picture(three, letters: int) -> None:
    charts = replace(
        section_charts(three), labels=[(f"schedule.gamma={name} " * letters)[:letters] for name in range(3)]
    )
    figure = dict(draw(three, charts))["curves"]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.legends[0].get_window_extent(canvas.get_renderer())
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def test_every_figure_is_written_as_png_and_svg(runs, tmp_path: Path) -> None:
    runs.write("a", data__noise=0.1)
    runs.write("b")
    comparison = compare(collect([runs.parent], progress=False))
    charts: list[SectionCharts] = [section_charts(each) for each in comparison.sections]
    write_figures(comparison, charts, tmp_path / "figures")
    names = ["curves", "accuracy-multiply_adds", "accuracy-receptive_field"]
    files = [f"{number}-{name}" for number in (1, 2) for name in names]
    expected = {f"{name}.{suffix}" for name in files for suffix in ("png", "svg")}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == expected
    assert (tmp_path / "figures" / "1-curves.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "figures" / "2-curves.svg").read_text()[:1000]
