"""The tables of single runs, of those left out and of their configurations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.labels import first_of, short_key
from dilated_cifar.comparison.measures import run_accuracy
from dilated_cifar.report import formats
from dilated_cifar.report.columns import TEXT, Column, Table
from dilated_cifar.report.tables import GAP, LAST_GAP_TITLE, ONSET
from dilated_cifar.runs.record import LeftOut, Run

MAX_VALUES = 24
"""Values of one key that the page lists."""


@dataclass(frozen=True)
class RunRow:
    """A run with its place in the comparison."""

    setting: str
    group: Group
    run: Run


def run_table(comparison: Comparison) -> Table[RunRow]:
    """Every compared run, with every key in which runs differ."""
    setting: Column[RunRow] = Column("setting", lambda row: row.setting)
    keys = [config_column(key) for key in comparison.config_differences if key != "seed"]
    columns: list[Column[RunRow]] = [
        replace(setting, page=False),
        Column("group", lambda row: row.group.label, page=False),
        Column("run", lambda row: row.run.name, TEXT, "opens its folder", link=lambda row: row.run.folder),
        replace(setting, page=len(comparison.sections) > 1, files=False),
        *(replace(key, files=False) for key in keys),
        Column("seed", lambda row: row.run.seed, formats.NUMBER),
        *(column.of(lambda row: row.run) for column in run_columns()),
        *(replace(key, page=False) for key in keys),
    ]
    rows = [
        RunRow(each.section.title, group, run)
        for each in comparison.sections
        for group in each.section.groups
        for run in group.runs
    ]
    return Table("runs", "Every compared run; the first column opens its folder", columns, rows)


def config_column(key: str) -> Column[RunRow]:
    """A key of the runs' configurations."""
    return Column(key, lambda row: row.run.config.get(key), formats.TYPED, key, short_key(key))


def run_columns() -> list[Column[Run]]:
    """The figures of a run."""
    return [
        Column("weights", lambda run: run.summary.chosen, page=False),
        Column("epoch", lambda run: run.selected.epoch, page=False),
        Column("test_accuracy", run_accuracy, formats.RUN_ACCURACY,
               "of the selected weights, with the 95% Wilson interval over the test images, of this one run"),
        Column("last_test_accuracy", lambda run: run.last.test.accuracy, formats.PERCENT,
               "test accuracy of the weights after the last epoch", "last epoch"),
        Column("train_accuracy", lambda run: run.selected.train.accuracy, formats.PERCENT, page=False),
        Column("validation_accuracy", lambda run: getattr(run.selected.validation, "accuracy", None),
               formats.PERCENT, page=False),
        Column("gap", lambda run: run.selected.gap, formats.POINTS, page=False),
        Column("last_gap", lambda run: run.last.gap, formats.POINTS, GAP, LAST_GAP_TITLE),
        Column("overfitting", lambda run: run.summary, formats.RUN_ONSET, ONSET, "overfitting onset"),
        Column("parameters", lambda run: run.summary.parameters, page=False),
        Column("multiply_adds", lambda run: run.summary.multiply_adds, page=False),
        Column("receptive_field", lambda run: run.summary.receptive_field, page=False),
        Column("images_per_second", lambda run: run.summary.images_per_second, formats.SPEED, "in training",
               "images/s"),
        Column("seconds", lambda run: run.summary.seconds, formats.DURATION, "of the whole run", "time"),
        Column("device", lambda run: run.summary.device, page=False),
        Column("folder", lambda run: str(run.folder), page=False),
    ]  # fmt: skip


def left_out_table(left_out: Sequence[LeftOut]) -> Table[LeftOut]:
    """Every run folder that is not compared, with the reason."""
    columns: list[Column[LeftOut]] = [
        Column("run", lambda row: row.name, TEXT, "opens its folder", link=lambda row: row.folder),
        Column("status", lambda row: row.status),
        Column("reason", lambda row: row.reason),
        Column("folder", lambda row: str(row.folder), page=False),
    ]
    return Table("left_out", "Run folders that are unfinished, failed, damaged or copies", columns, left_out)


def config_table(comparison: Comparison, *, joined: bool) -> Table[tuple[str, str]]:
    """The keys in which the compared runs differ: a row a value, or a row a key with its first values."""
    columns: list[Column[tuple[str, str]]] = [
        Column("key", lambda row: row[0]),
        Column("value", lambda row: row[1], TEXT, "of all compared runs"),
    ]
    found = comparison.config_differences
    if joined:
        found = {key: [first_of(values, "  |  ", MAX_VALUES)] for key, values in found.items()}
    rows = [(key, value) for key, values in found.items() for value in values]
    return Table("config_differences", "Every key in which the compared runs differ", columns, rows)
