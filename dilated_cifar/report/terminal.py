"""The comparison on the terminal: the first columns of its tables, in 80 characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.grouping import Group, short_key
from dilated_cifar.report.columns import Table
from dilated_cifar.report.sentences import answer
from dilated_cifar.report.tables import group_table, single_run_table
from dilated_cifar.runs.record import LeftOut

MAX_GROUPS = 20
MAX_LEFT_OUT = 20
MAX_KEYS = 3


@dataclass(frozen=True)
class Pick:
    """A column of the terminal: columns of a table, one below the other."""

    heading: str
    keys: Sequence[str]
    interval: bool = False
    """Show what stands below the text too."""


ACCURACY = (
    Pick("seeds", ["seeds"]),
    Pick("test\naccuracy", ["test_accuracy"], interval=True),
    Pick("last\nepoch", ["last_test_accuracy"]),
    Pick("gap\n/ last", ["gap", "last_gap"]),
    Pick("over-\nfitting", ["overfitting"]),
)
DIFFERENCES = (
    Pick("seeds", ["common_seeds"]),
    Pick("test accuracy", ["difference"], interval=True),
    Pick("p\n(Holm)", ["p_value_holm"]),
    Pick("verdict", ["verdict"]),
    Pick("gap,\nlast epoch", ["gap_difference"], interval=True),
)
NETWORKS = (
    Pick("params", ["parameters"]),
    Pick("mult-\nadds", ["multiply_adds"]),
    Pick("rec.\nfield", ["receptive_field"]),
    Pick("covered", ["covered"]),
    Pick("images\n/s", ["images_per_second"]),
)
SINGLE_RUNS = (
    Pick("seed", ["seed"]),
    Pick("only this\ncorrect", ["only_run_right"]),
    Pick("only base-\nline correct", ["only_baseline_right"]),
    Pick("mid-p\n(Holm)", ["p_mid_holm"]),
    Pick("verdict", ["verdict"]),
)


def show(comparison: Comparison, folder: Path) -> None:
    """Print the tables, what was left out, and where the rest lies."""
    console = Console(highlight=False)
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
    most = {id(each) for each in figures.most_accurate(MAX_GROUPS)}
    rows = [(each.group, each) for each in figures.groups if id(each) in most]
    others = [row for row in rows if row[0] is not baseline]
    targets = [Pick(f"to\n{target:.0%}", [f"{target:g}"]) for target in figures.targets]
    accuracy = "Test accuracy (mean over seeds, 95% interval below it), gap in points, overfitting"
    networks = "Networks (covered: share of the receptive field), speed, time to held-out accuracies"
    printed = [printed_table(accuracy, figures, table, ACCURACY, rows)]
    if others:
        title = f"Difference to {baseline.label} in percentage points, over common seeds"
        printed.append(printed_table(title, figures, table, DIFFERENCES, others))
    printed.append(printed_table(networks, figures, table, [*NETWORKS, *targets], rows))
    if others and figures.single_runs:
        # The lowest common seed of each group.
        first = {row.group: row for row in reversed(figures.single_runs)}
        title = f"Single runs against {baseline.label}: test images only one gets right (McNemar)"
        pairs = [(group, first[group]) for group, _ in others if group in first]
        printed.append(printed_table(title, figures, single_run_table(figures), SINGLE_RUNS, pairs))
    return printed


def printed_table(
    title: str,
    figures: SectionFigures,
    table: Table[Any],
    picks: Sequence[Pick],
    rows: Sequence[tuple[Group, Any]],
) -> Printed:
    """Columns of a table, behind those that name the groups of its rows."""
    # Without vertical lines and margins, the widest table fits into 80 columns.
    printed = Printed(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    keys = group_keys(figures)
    for key in keys:
        heading = short_key(key).replace(".", "\n.").replace("_", "\n_")
        printed.add_column(escape(heading), overflow="fold")
    for pick in picks:
        printed.add_column(pick.heading, justify="right", overflow="fold")
    for group, row in rows:
        mark = "\n(baseline)" if group is figures.section.baseline and len(figures.groups) > 1 else ""
        names = [group.label] if keys == ["group"] else [group.keys.get(key, "") for key in keys]
        cells = [names[0] + mark, *names[1:], *(picked(table, pick, row) for pick in picks)]
        printed.add_row(*map(escape, cells))
    return printed


def picked(table: Table[Any], pick: Pick, row: Any) -> str:
    """The cell of a pick."""
    cells = [table.column(key).cell(row) for key in pick.keys]
    lines = [line for cell in cells for line in (cell.text, cell.below if pick.interval else "")]
    return "\n".join(filter(None, lines))


def group_keys(figures: SectionFigures) -> list[str]:
    """The keys that tell the groups apart, each a column; one for the whole label where they are many."""
    keys = list(dict.fromkeys(key for each in figures.groups for key in each.group.keys))
    return keys if 1 <= len(keys) <= MAX_KEYS else ["group"]


def show_left_out(left_out: Sequence[LeftOut]) -> None:
    """List the runs that are not compared, with the reason."""
    if not left_out:
        return
    console = Console(highlight=False)
    console.print(f"[bold]not compared: {len(left_out)} run folders[/bold]")
    for each in left_out[:MAX_LEFT_OUT]:
        console.print(f"  {each.status}: {escape(each.name)}: {escape(each.reason)}", soft_wrap=True)
    if len(left_out) > MAX_LEFT_OUT:
        console.print(f"  and {len(left_out) - MAX_LEFT_OUT} more: left_out.csv and report.html list all")
