"""The comparison on the screen."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import Difference
from dilated_cifar.comparison.grouping import short_key
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.report import words
from dilated_cifar.runs.record import LeftOut

MOST_GROUPS = 20
MOST_LEFT_OUT = 20
MOST_KEYS = 3


def show(comparison: Comparison, folder: Path) -> None:
    """Print the tables, what was left out, and where the rest lies."""
    console = Console(highlight=False)
    for figures in comparison.sections:
        if len(comparison.sections) > 1:
            console.rule(escape(figures.section.title), align="left")
        shown = highest(figures)
        for table in section_tables(comparison, figures, shown):
            console.print(table)
        if len(shown) < len(figures.groups):
            rest = len(figures.groups) - len(shown)
            console.print(f"{rest} more groups of lower test accuracy: groups.csv and report.html have all.")
        console.print()
    show_left_out(comparison.left_out)
    for sentence in comparison.answer:
        console.print(escape(sentence), soft_wrap=True, style="bold")
    console.print(f"report: {escape(str(folder / 'report.html'))}", soft_wrap=True)


def highest(figures: SectionFigures) -> list[GroupFigures]:
    """The groups to show, in their order: the baseline and those of the highest accuracy."""
    ranked = sorted(figures.groups, key=lambda each: -each.test.mean)[: MOST_GROUPS - 1]
    return [each for each in figures.groups if each in ranked or each is figures.baseline]


def section_tables(
    comparison: Comparison, figures: SectionFigures, shown: Sequence[GroupFigures]
) -> list[Table]:
    """The tables of a section; those of differences only where there are two groups."""
    tables = [accuracy_table(figures, shown), network_table(comparison, figures, shown)]
    if len(figures.groups) > 1:
        tables[1:1] = [difference_table(figures, shown)]
        if figures.single_runs:
            tables.append(single_run_table(figures, shown))
    return tables


def new_table(title: str, figures: SectionFigures, *columns: str) -> Table:
    """A table whose first columns say the group, the others to the right."""
    # Without vertical lines and margins, the widest table fits into 80 columns.
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for key in group_keys(figures):
        heading = short_key(key).replace(".", "\n.").replace("_", "\n_")
        table.add_column(escape(heading), overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def group_keys(figures: SectionFigures) -> list[str]:
    """The keys that tell the groups apart, each a column; one for the whole label where they are many."""
    keys = list(dict.fromkeys(key for each in figures.groups for key in each.group.keys))
    return keys if 1 <= len(keys) <= MOST_KEYS else ["group"]


def group_cells(figures: SectionFigures, each: GroupFigures, mark: str = "") -> list[str]:
    """The values of `group_keys`, with a mark below the first."""
    keys = group_keys(figures)
    cells = [each.group.label] if keys == ["group"] else [each.group.keys.get(key, "") for key in keys]
    return [escape(f"{cells[0]}\n{mark}" if mark else cells[0]), *map(escape, cells[1:])]


def accuracy_table(figures: SectionFigures, shown: Sequence[GroupFigures]) -> Table:
    """Accuracy with its interval, the last weights, the gap, the onset of overfitting."""
    title = "Test accuracy (mean over seeds, 95% interval below it) and overfitting"
    table = new_table(
        title, figures, "seeds", "test\naccuracy", "last\nweights", "gap\n/ last", "over-\nfitting"
    )
    for each in shown:
        mark = "(baseline)" if each is figures.baseline and len(figures.groups) > 1 else ""
        table.add_row(
            *group_cells(figures, each, mark),
            words.seeds(each),
            f"{words.percent(each.test.mean)}\n{words.percent_interval(each.test)}",
            words.percent(each.last.mean),
            f"{words.points(each.gap.mean)}\n{words.points(each.gap_last.mean)}",
            words.onset(each.onset),
        )
    return table


def difference_table(figures: SectionFigures, shown: Sequence[GroupFigures]) -> Table:
    """Each group less the baseline, in points."""
    title = f"Points above {figures.section.baseline.label}, over common seeds"
    table = new_table(title, figures, "seeds", "test accuracy", "p\n(Holm)", "verdict", "gap at the end")
    for each in shown:
        row = figures.difference(each)
        gap = figures.difference(each, "gap of the last weights")
        if row is not None and gap is not None:
            table.add_row(
                *group_cells(figures, each),
                str(len(row.seeds)),
                difference_cell(row),
                words.p_value(row.adjusted),
                row.verdict.partition(" by ")[0],
                difference_cell(gap),
            )
    return table


def difference_cell(row: Difference) -> str:
    """A difference with its interval below it."""
    if row.estimate is None:
        return "–"
    interval = "" if row.estimate.why_none else f"\n{words.points_interval(row.estimate)}"
    return words.points(row.estimate.mean) + interval


def network_table(comparison: Comparison, figures: SectionFigures, shown: Sequence[GroupFigures]) -> Table:
    """What the networks are, what their rates see, and how fast they train."""
    title = "Networks (seen: share of their field), speed, time to held-out accuracies"
    columns = ["params", "mult-\nadds", "field", "seen", "images\n/s"]
    table = new_table(title, figures, *columns, *(f"to\n{target:.0%}" for target in figures.targets))
    for each in shown:
        network = comparison.network(each)
        table.add_row(
            *group_cells(figures, each),
            words.whole(each.parameters),
            words.millions(each.multiply_adds),
            words.whole(each.receptive_field),
            "–" if network is None or network.covered is None else f"{network.covered:.1%}",
            f"{each.images_per_second:,.0f}",
            *(words.reach(each.reach[target]) for target in figures.targets),
        )
    return table


def single_run_table(figures: SectionFigures, shown: Sequence[GroupFigures]) -> Table:
    """McNemar's test for the lowest common seed of each group."""
    baseline = figures.section.baseline.label
    title = f"Single runs against {baseline}: images only one has right (McNemar)"
    table = new_table(title, figures, "seed", "only\nit", "only\nbaseline", "mid-p\n(Holm)", "verdict")
    for each in shown:
        row = next((row for row in figures.single_runs if row.group is each.group), None)
        if row is not None:
            counts = (str(row.seed), str(row.only_run), str(row.only_baseline))
            table.add_row(*group_cells(figures, each), *counts, words.p_value(row.adjusted), row.verdict)
    return table


def show_left_out(left_out: Sequence[LeftOut]) -> None:
    """List the runs that are not compared, with the reason."""
    if not left_out:
        return
    console = Console(highlight=False)
    console.print(f"[bold]not compared: {len(left_out)} run folders[/bold]")
    for each in left_out[:MOST_LEFT_OUT]:
        console.print(f"  {each.status}: {escape(each.name)}: {escape(each.reason)}", soft_wrap=True)
    if len(left_out) > MOST_LEFT_OUT:
        console.print(f"  and {len(left_out) - MOST_LEFT_OUT} more: left_out.csv and report.html list all")
