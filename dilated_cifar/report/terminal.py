"""The comparison on the terminal: the first columns of its tables, in 80 characters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table as Printed

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import SingleRuns
from dilated_cifar.comparison.grouping import short_key
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.evaluation.output import Screen
from dilated_cifar.report.columns import Table
from dilated_cifar.report.sentences import answer
from dilated_cifar.report.tables import group_table, single_run_table
from dilated_cifar.runs.record import LeftOut

MAX_GROUPS = 20
MAX_LEFT_OUT = 20
MAX_KEYS = 3


Pick = tuple[str, str]
"""A column of the terminal: its heading, and columns of a table, one below the other; `+` shows intervals."""
ACCURACY: list[Pick] = [
    ("seeds", "seeds"),
    ("test\naccuracy", "test_accuracy+"),
    ("last\nepoch", "last_test_accuracy"),
    ("gap\n/ last", "gap last_gap"),
    ("over-\nfitting", "overfitting"),
]
DIFFERENCES: list[Pick] = [
    ("seeds", "common_seeds"),
    ("test accuracy", "difference+"),
    ("p\n(Holm)", "p_value_holm"),
    ("verdict", "verdict"),
    ("gap,\nlast epoch", "gap_difference+"),
]
NETWORKS: list[Pick] = [
    ("params", "parameters"),
    ("mult-\nadds", "multiply_adds"),
    ("rec.\nfield", "receptive_field"),
    ("cov-\nered", "covered"),
    ("images\n/s", "images_per_second"),
]
SINGLE_RUNS: list[Pick] = [
    ("seed", "seed"),
    ("only this\ncorrect", "only_run_right"),
    ("only base-\nline correct", "only_baseline_right"),
    ("mid-p\n(Holm)", "p_mid_holm"),
    ("verdict", "verdict"),
]


def show(comparison: Comparison, folder: Path) -> None:
    """Print the tables, what was left out, and where the rest lies."""
    console = Screen(highlight=False)
    for figures in comparison.sections:
        if len(comparison.sections) > 1:
            console.rule(escape(figures.section.title), align="left")
        for table in section_tables(comparison, figures):
            console.print(table)
        rest = len(figures.groups) - MAX_GROUPS
        if rest > 0:
            console.print(f"{rest} more groups of lower test accuracy: groups.csv and report.html have all.")
        console.print()
    show_left_out(comparison.left_out)
    for sentence in answer(comparison):
        console.print(escape(sentence), soft_wrap=True, style="bold")
    console.print(f"report: {escape(str(folder / 'report.html'))}", soft_wrap=True)


def section_tables(comparison: Comparison, figures: SectionFigures) -> list[Printed]:
    """The tables of a section; those of differences only where there are two groups."""
    table, baseline = group_table(comparison, figures), figures.section.baseline
    most = {each.group for each in figures.most_accurate(MAX_GROUPS)}
    rows = [each for each in figures.groups if each.group in most]
    others = [each for each in rows if each.group is not baseline]
    targets = [(f"to\n{target:.0%}", f"{target:g}") for target in figures.targets]
    title = "Test accuracy (mean over seeds, 95% interval below it), gap in points"
    printed = [printed_table(title, figures, table, ACCURACY, rows, mark=len(rows) > 1)]
    if others:
        title = f"Difference to {baseline.label} in percentage points, over common seeds"
        printed.append(printed_table(title, figures, table, DIFFERENCES, others))
    title = "Networks (covered: share of the receptive field), speed, time to accuracies"
    printed.append(printed_table(title, figures, table, [*NETWORKS, *targets], rows))
    # The lowest common seed of each group.
    first = {row.group: row for row in reversed(figures.single_runs)}
    pairs = [first[each.group] for each in others if each.group in first]
    if pairs:
        title = f"Single runs against {baseline.label}: test images only one gets right (McNemar)"
        printed.append(printed_table(title, figures, single_run_table(figures), SINGLE_RUNS, pairs))
    return printed


def printed_table(
    title: str,
    figures: SectionFigures,
    table: Table[Any],
    picks: Sequence[Pick],
    rows: Sequence[GroupFigures | SingleRuns],
    *,
    mark: bool = False,
) -> Printed:
    """Columns of a table, behind those that name the groups of its rows; `mark` names the baseline."""
    # Without vertical lines and margins, the widest table fits into 80 columns.
    printed = Printed(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    keys = group_keys(figures)
    for key in keys:
        heading = short_key(key).replace(".", "\n.").replace("_", "\n_")
        printed.add_column(escape(heading), overflow="fold")
    for heading, _ in picks:
        printed.add_column(heading, justify="right", overflow="fold")
    for row in rows:
        first, *rest = (
            [row.group.label] if keys == ["group"] else [row.group.keys.get(key, "") for key in keys]
        )
        below = "\n(baseline)" if mark and row.group is figures.section.baseline else ""
        cells = [first + below, *rest, *(picked(table, columns, row) for _, columns in picks)]
        printed.add_row(*map(escape, cells))
    return printed


def picked(table: Table[Any], columns: str, row: Any) -> str:
    """The cell of a pick."""
    cells = [table.column(key).cell(row) for key in columns.rstrip("+").split()]
    lines = [line for cell in cells for line in (cell.text, cell.below if columns.endswith("+") else "")]
    return "\n".join(filter(None, lines))


def group_keys(figures: SectionFigures) -> list[str]:
    """The keys that tell the groups apart, each a column; one for the whole label where they are many."""
    keys = list(dict.fromkeys(key for each in figures.groups for key in each.group.keys))
    return keys if 1 <= len(keys) <= MAX_KEYS else ["group"]


def show_left_out(left_out: Sequence[LeftOut]) -> None:
    """List the runs that are not compared, with the reason."""
    if not left_out:
        return
    console = Screen(highlight=False)
    several = "s" if len(left_out) > 1 else ""
    console.print(f"[bold]not compared: {len(left_out)} run folder{several}[/bold]")
    for each in left_out[:MAX_LEFT_OUT]:
        console.print(f"  {each.status}: {escape(each.name)}: {escape(each.reason)}", soft_wrap=True)
    if len(left_out) > MAX_LEFT_OUT:
        console.print(f"  and {len(left_out) - MAX_LEFT_OUT} more: left_out.csv and report.html list all")
