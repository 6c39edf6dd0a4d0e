"""The tables of a section: their columns, described once, and their rows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import Difference, SingleRuns
from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.comparison.networks import Network
from dilated_cifar.percentages import percent
from dilated_cifar.report import formats
from dilated_cifar.report.class_tables import class_table, confusion_table
from dilated_cifar.report.columns import TEXT, Column, Format, Table
from dilated_cifar.report.sentences import coverage, images_apart, no_intervals, single_runs_verdict, verdict

GAP = "train minus validation accuracy (test where nothing is held out), in percentage points"
GAP_TITLE, LAST_GAP_TITLE = "gap (points)", "gap, last epoch (points)"
ONSET = "epoch from which the held-out loss rose for good"
NETWORK: Format[Network] = Format(
    coverage, order=lambda network: network.covered, files={"{}": coverage}, missing="several networks"
)


def section_tables(comparison: Comparison, figures: SectionFigures) -> list[Table[Any]]:
    """The tables of a section that files hold."""
    return [
        group_table(comparison, figures),
        difference_table(figures),
        single_run_table(figures),
        class_table(figures),
        confusion_table(figures),
    ]


def group_table(comparison: Comparison, figures: SectionFigures) -> Table[GroupFigures]:
    """The main table: one row a group."""
    baseline, several = figures.section.baseline, len(figures.groups) > 1
    name: Format[Group] = Format(
        lambda group: group.label,
        below=lambda group: ", ".join(
            filter(None, ["baseline" * (several and group is baseline), group.unsaid])
        ),
        order=lambda group: group.label,
        files={"group": lambda group: group.label, "baseline": lambda group: group is baseline},
    )

    columns: list[Column[GroupFigures]] = [
        Column("group", lambda each: each.group, name, "what the runs share"),
        *replicate_columns(figures),
        accuracy_column(figures),
        *(differences_to_baseline(figures) if several else []),
        *([] if figures.section.folds is None else [test_accuracy_column(figures)]),
        Column("gap", lambda each: each.gap, formats.GAP, f"{GAP}, of the selected weights", GAP_TITLE),
        Column("last_gap", lambda each: each.last_gap, formats.GAP,
               f"{GAP}, of the weights after the last epoch", LAST_GAP_TITLE),
        Column("epoch", lambda each: each.epoch, formats.NUMBER, page=False),
        Column("overfitting", lambda each: each.onset, formats.ONSET, f"median {ONSET}", "overfitting onset"),
        *(replace(column, detail=True) for column in detail_columns(comparison, figures)),
    ]  # fmt: skip
    hints = ["Click a heading to sort", f"baseline: {baseline.label}" * several, no_intervals(figures)]
    return Table("groups", "; ".join(filter(None, hints)), columns, figures.groups)


def replicate_columns(figures: SectionFigures) -> list[Column[GroupFigures]]:
    """Which seeds, and in a cross-validation which folds, the runs of a group have."""
    told = "runs that differ in nothing but the seed"
    if figures.section.folds is None:
        return [Column("seeds", lambda each: each.group, formats.SEEDS, told, page=not figures.one_seed)]
    return [
        Column("seeds", lambda each: each.group, formats.FOLDS, f"{told} and the fold", "runs"),
        Column("folds", lambda each: each.group.held_out, formats.LISTED, page=False),
    ]


def accuracy_column(figures: SectionFigures) -> Column[GroupFigures]:
    """The accuracy by which the section compares."""
    if figures.section.folds is None:
        return test_accuracy_column(figures)
    explanation = "on the fold that each run held out: mean over folds, corrected 95% interval below"
    return Column("validation_accuracy", lambda each: each.accuracy, formats.ACCURACY, explanation)


def test_accuracy_column(figures: SectionFigures) -> Column[GroupFigures]:
    """The accuracy on the test split."""
    over = f"mean over {figures.section.replicate}s, 95% interval below"
    return Column(
        "test_accuracy", lambda each: each.test, formats.ACCURACY, f"of the selected weights: {over}"
    )


def detail_columns(comparison: Comparison, figures: SectionFigures) -> list[Column[GroupFigures]]:
    """What is said of a group beside the answer: the last epoch, the network and its cost."""

    def network(each: GroupFigures) -> Network | None:
        return comparison.network(each.group)

    return [
        Column("last_test_accuracy", lambda each: each.last, formats.ACCURACY,
               "test accuracy of the weights after the last epoch", "last epoch"),
        Column("parameters", lambda each: each.parameters, formats.COUNT, "of the network"),
        Column("multiply_adds", lambda each: each.multiply_adds, formats.MILLIONS, "of one image",
               "multiply-adds"),
        Column("receptive_field", lambda each: each.receptive_field, formats.COUNT,
               "of the last feature map, in pixels"),
        Column("rates", network, NETWORK, "whether every pixel of the receptive field enters an output",
               "coverage"),
        Column("covered", lambda each: getattr(network(each), "covered", None), formats.COVERED, page=False),
        Column("images_per_second", lambda each: each.images_per_second, formats.SPEED, "in training, median",
               "images/s"),
        Column("seconds", lambda each: each.seconds, formats.DURATION, "of a whole run, median", "time"),
        *map(reach_column, figures.targets),
    ]  # fmt: skip


def reach_column(target: float) -> Column[GroupFigures]:
    """How long the runs took to reach an accuracy."""
    explanation = "time to that held-out accuracy, median"
    return Column(
        f"{target:g}", lambda each: each.reach[target], formats.REACH, explanation, f"to {percent(target, 0)}"
    )


def differences_to_baseline(figures: SectionFigures) -> list[Column[GroupFigures]]:
    """Columns of `difference_table` as columns of groups; not stored again."""
    table = difference_table(figures)

    def accuracy(each: GroupFigures) -> Difference | None:
        return figures.difference(each.group)

    def both(each: GroupFigures) -> tuple[Difference, SingleRuns | None] | None:
        row = accuracy(each)
        return None if row is None else (row, figures.only_pairs.get(each.group))

    tested = any(row.adjusted is not None for row in figures.accuracy_differences.values())
    where = " on these test images" if figures.one_seed and figures.only_pairs else ""
    explanation = table.column("verdict").explanation
    short: Format[tuple[Difference, SingleRuns | None]] = Format(
        lambda found: verdict(*found).removesuffix(where),
        below=lambda found: images_apart(found[1]) if found[1] else "",
        order=lambda found: verdict(*found),
        missing="the baseline",
    )
    return [
        table.column("difference").of(accuracy, files=False),
        table.column("p_value_holm").of(accuracy, files=False, page=tested),
        Column("verdict", both, short, explanation, f"verdict{where}", files=False),
    ]


def difference_table(figures: SectionFigures) -> Table[Difference]:
    """One row for each group and measure, against the baseline."""
    baseline, unit = figures.section.baseline.label, figures.section.replicate
    test = "paired t test" if figures.section.folds is None else "corrected paired t test"

    def said(row: Difference) -> str:
        return verdict(row, figures.only_pairs.get(row.group) if row.measure == "test accuracy" else None)

    columns: list[Column[Difference]] = [
        Column("group", lambda row: row.group.label),
        Column("baseline", lambda _: baseline),
        Column("measure", lambda row: row.measure),
        Column("common_seeds", lambda row: row.seeds, formats.LISTED),
        *fold_column(figures, "common_folds", lambda row: row.folds, formats.LISTED),
        Column("difference", lambda row: row.estimate, formats.GAP,
               f"to the {figures.measure} of {baseline}, in percentage points, over common {unit}s",
               "difference (points)"),
        Column("p_value", lambda row: row.p_value, formats.P_VALUE),
        Column("p_value_holm", lambda row: row.adjusted, formats.P_VALUE,
               f"of the {test}, corrected for the number of groups", "p (Holm)"),
        Column("verdict", said, TEXT, f"against {baseline}"),
    ]  # fmt: skip
    rows = [row for found in figures.differences.values() for row in found.values()]
    return Table("differences", f"Differences to {baseline}", columns, rows)


def single_run_table(figures: SectionFigures) -> Table[SingleRuns]:
    """McNemar's tests: one row for each pair of single runs."""
    baseline = figures.section.baseline.label
    columns: list[Column[SingleRuns]] = [
        Column("group", lambda row: row.group.label),
        Column("baseline", lambda _: baseline, page=False),
        Column("seed", lambda row: row.seed, formats.NUMBER, "of both runs"),
        *fold_column(figures, "fold", lambda row: row.run.fold, formats.NUMBER),
        Column("images", lambda row: row.images, formats.COUNT, "of the test split"),
        Column("only_run_right", lambda row: row.test.only_first, formats.COUNT,
               "images that the baseline run gets wrong", "only this run correct"),
        Column("only_baseline_right", lambda row: row.test.only_second, formats.COUNT,
               "images that this run gets wrong", "only the baseline correct"),
        Column("p_exact", lambda row: row.test.exact, formats.P_VALUE, "exact conditional test", "exact p"),
        Column("p_mid", lambda row: row.test.mid_p, formats.P_VALUE, "less conservative than the exact p",
               "mid-p"),
        Column("p_mid_holm", lambda row: row.adjusted, formats.P_VALUE, "corrected for the number of rows",
               "mid-p (Holm)"),
        Column("verdict", single_runs_verdict, TEXT, "on these two networks, not on two configurations"),
        Column("run", lambda row: row.run.name, page=False),
        Column("baseline_run", lambda row: row.baseline_run.name, page=False),
    ]  # fmt: skip
    same = "seed" if figures.section.folds is None else "seed and fold"
    caption = f"Test images that only one of two runs with the same {same} classifies correctly"
    return Table("mcnemar", caption, columns, figures.single_runs)


def fold_column(
    figures: SectionFigures, key: str, value: Callable[[Any], Any], shown: Format[Any]
) -> list[Column[Any]]:
    """A column about folds, in a cross-validation."""
    return [] if figures.section.folds is None else [Column(key, value, shown, "of both runs")]
