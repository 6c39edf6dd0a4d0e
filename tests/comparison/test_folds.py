"""Cross-validation: the folds of an experiment are replicates, as its seeds are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scipy import stats

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import Comparison, SectionFigures, compare
from dilated_cifar.comparison.statistics import mean_interval
from dilated_cifar.report.charts import section_charts
from dilated_cifar.report.files import write_tables
from dilated_cifar.report.page import render
from dilated_cifar.report.sentences import answer, methods
from dilated_cifar.report.tables import group_table
from dilated_cifar.report.terminal import show

ON_FOLDS = {"plain": [0.50, 0.52, 0.51, 0.54, 0.53], "dilated_125": [0.61, 0.60, 0.64, 0.63, 0.65]}
Write = Callable[..., Comparison]


@pytest.fixture
def crossed(runs) -> Write:
    """Two networks on five folds, with the accuracies on these; on the test images one is 0.1 below."""

    def write(seeds: int = 1, lacking: int = 0, **keys: object) -> Comparison:
        for name, dilations in (("plain", [1, 1, 1]), ("dilated_125", [1, 2, 5])):
            accuracies = ON_FOLDS[name][: 5 - lacking * (name != "plain")]
            for fold, accuracy in enumerate(accuracies):
                for seed in range(seeds):
                    runs.write(
                        f"{name}__fold-{fold}__seed-{seed}",
                        validation=accuracy + 0.01 * seed,
                        test=accuracy - 0.1,
                        model__dilations=dilations,
                        data__fold=fold,
                        seed=seed,
                        **keys,
                    )
        return compared(runs.parent)

    return write


def compared(folder: Path, **choices) -> Comparison:
    return compare(collect([folder], progress=False), **choices)


def only_section(comparison: Comparison) -> SectionFigures:
    (section,) = comparison.sections
    return section


def test_folds_are_one_group_and_paired(crossed: Write) -> None:
    figures = only_section(crossed())
    assert [each.group.label for each in figures.groups] == ["plain", "dilated_125"]
    plain, dilated = figures.groups
    expected = mean_interval(ON_FOLDS["dilated_125"], folds=5)
    assert (dilated.accuracy.mean, dilated.accuracy.low) == pytest.approx((expected.mean, expected.low))
    assert plain.test.mean == pytest.approx(0.42)
    row = figures.difference(dilated.group)
    assert row is not None
    assert (row.measure, row.folds, row.seeds) == ("validation accuracy", [0, 1, 2, 3, 4], [0])
    # Nadeau and Bengio's statistic, from the uncorrected one.
    plain_t = stats.ttest_rel(ON_FOLDS["dilated_125"], ON_FOLDS["plain"]).statistic
    corrected_t = plain_t / (1 + 5 / 4) ** 0.5
    assert row.p_value == pytest.approx(2 * stats.t.sf(corrected_t, 4))
    assert list(figures.differences) == ["validation accuracy", "test accuracy", "gap of the last weights"]


def test_seeds_of_a_fold_are_averaged_and_do_not_narrow_the_interval(crossed: Write, runs) -> None:
    once = only_section(crossed()).groups[0].accuracy
    for folder in runs.parent.glob("*"):
        folder.rename(folder.with_name(f"{folder.name}-once"))
    twice = only_section(crossed(seeds=2)).groups[0].accuracy
    assert (twice.count, once.count) == (5, 5)
    assert twice.mean == pytest.approx(once.mean + 0.005)
    assert twice.high - twice.low == pytest.approx(once.high - once.low)  # type: ignore[operator]


def test_every_report_says_folds(crossed: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    comparison = crossed(lacking=2)
    figures = only_section(comparison)
    table = group_table(comparison, figures)
    assert [table.column("seeds").cell(row).text for row in table.rows] == ["5 folds", "3 of 5 folds"]
    assert (table.column("seeds").heading, table.column("validation_accuracy").page) == ("runs", True)
    assert any("all runs: dilated_125 lacks folds 3, 4: not a whole cross-validation" in each
               for each in comparison.notes)  # fmt: skip
    assert any("corrected resampled t test" in each and "1/n + 1/4" in each for each in comparison.notes)
    assert "Nadeau and Bengio 2003" in methods(comparison)[-2]
    assert answer(comparison)[0].startswith("Highest mean validation accuracy: dilated_125 with 61.67% (95%")
    assert answer(comparison)[0].endswith("; 3 folds).")
    page = render(comparison, [section_charts(figures)], tmp_path)
    for said in (">5 folds<", ">3 of 5 folds<", "interval over folds", "validation accuracy (%)"):
        assert said in page
    show(comparison, tmp_path)
    shown = capsys.readouterr().out
    for said in ("Validation accuracy (mean over folds, corrected 95% interval below it)", "5 folds", "test"):
        assert said in " ".join(shown.split())
    write_tables(comparison, tmp_path)
    groups = (tmp_path / "groups.csv").read_text().splitlines()
    assert ",runs,seeds,folds,validation_accuracy," in groups[0]
    assert ",5,0,0 1 2 3 4,0.52" in groups[1]
    assert "95% (corrected t, 3 folds)" in groups[2]
    assert "95% (corrected t, 5 folds)" in (tmp_path / "comparison.json").read_text()


def test_one_fold_has_no_interval_and_shows_no_difference(runs) -> None:
    for rates, accuracy in (([1, 1, 1], 0.5), ([1, 2, 5], 0.9)):
        runs.write(f"{rates[1]}", validation=accuracy, model__dilations=rates, data__fold=2)
    comparison = compared(runs.parent)
    figures = only_section(comparison)
    assert [each.accuracy.why_none for each in figures.groups] == ["one fold: no interval"] * 2
    (row,) = figures.accuracy_differences.values()
    assert not row.shown
    assert "one common fold: no interval, so no difference shown" in answer(comparison)[1]


def test_folds_are_never_averaged_with_runs_of_another_split(crossed: Write, runs) -> None:
    runs.write("held-out", seed=7)
    runs.write("nothing-held-out", seed=8, data__validation=0)
    sections = crossed().sections
    settings = [section.section.setting["data.fold"] for section in sections]
    assert sorted(settings) == ["each", "null", "null"]
    assert [len(section.section.runs) for section in sections if section.section.folds] == [10]


def test_other_numbers_of_folds_are_other_experiments(crossed: Write, runs) -> None:
    runs.write("tenth", data__fold=0, data__folds=10)
    assert [section.section.folds for section in crossed().sections] == [5, 10]
