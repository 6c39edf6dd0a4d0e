"""The comparison on the terminal: the columns of its tables, over as many tables as its width asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import SingleRuns
from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.labels import short_key
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.evaluation.output import screen
from dilated_cifar.percentages import percent
from dilated_cifar.report.columns import Table
from dilated_cifar.report.sentences import answer, no_intervals
from dilated_cifar.report.tables import group_table, single_run_table
from dilated_cifar.runs.record import LeftOut

MAX_GROUPS = 20
MAX_LEFT_OUT = 20
MAX_KEYS = 3
BETWEEN = 2
"""Spaces between columns."""
LONGEST_WORD = 30
"""Of what names a group; longer ones are broken."""


Pick = tuple[str, str]
"""A column of the terminal: its heading, and columns of a table, one below the other; `+` shows what is
below them, such as intervals."""
OVERFITTING: list[Pick] = [("gap\n/ last", "gap last_gap"), ("overfitting\nonset", "overfitting")]
DETAILS: list[Pick] = [
    ("last\nepoch", "last_test_accuracy"),
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
WRAPPED = {"verdict": 14, "verdict on these\ntest images": 19, "overfitting\nonset": 11}
"""Columns of sentences, which may be broken between words, with their least width."""


@dataclass(frozen=True)
class Printed:
    """A column of the terminal with its texts."""

    heading: str
    cells: Sequence[str]
    wrapped: int | None = None
    """The least width where lines may be broken between words; None where they may not."""

    @property
    def longest(self) -> int:
        """The width that no line needs more than."""
        return max(cell_len(line) for text in (self.heading, *self.cells) for line in text.splitlines())

    @property
    def least(self) -> int:
        """The width that no word needs more than; of long ones, less."""
        if self.wrapped is None:
            return self.longest
        longest = max(cell_len(word) for text in (self.heading, *self.cells) for word in text.split())
        return max(self.wrapped, min(longest, LONGEST_WORD))


def show(comparison: Comparison, folder: Path) -> None:
    """Print the tables, what was left out, and where the rest lies; last of all the answer."""
    console = screen()
    for figures in comparison.sections:
        if len(comparison.sections) > 1:
            console.rule(figures.section.title, align="left")
        show_section(console, comparison, figures)
        rest = len(figures.groups) - MAX_GROUPS
        if rest > 0:
            console.print(f"{rest} more groups of lower accuracy: groups.csv and report.html have all.\n")
    show_left_out(comparison.left_out)
    for sentence in answer(comparison):
        # On a terminal broken between words; in a file a sentence is a line.
        console.print(sentence, soft_wrap=not console.is_terminal, style="bold")
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True)


def show_section(console: Console, comparison: Comparison, figures: SectionFigures) -> None:
    """Print the tables of a section."""
    table, baseline = group_table(comparison, figures), figures.section.baseline.label
    most = {each.group for each in figures.most_accurate(MAX_GROUPS)}
    rows = [each for each in figures.groups if each.group in most]
    several = len(figures.groups) > 1
    folds, replicates = figures.section.folds is not None, table.column("seeds")
    accuracy = figures.measure.replace(" ", "_")
    picks: list[Pick] = [(replicates.heading, "seeds")] * replicates.page
    picks.append((figures.measure.replace(" ", "\n"), f"{accuracy}+"))
    if several:
        verdict = table.column("verdict").heading.replace("these ", "these\n")
        tested = [("p\n(Holm)", "p_value_holm")] * table.column("p_value_holm").page
        picks += [("difference", "difference+"), *tested, (verdict, "verdict+")]
    if folds:
        picks.append(("test\naccuracy", "test_accuracy+"))
    interval = "corrected 95% interval" if folds else "95% interval"
    over = f" (mean over {figures.section.replicate}s, {interval} below it)"
    title = figures.measure.capitalize() + ("" if figures.one_seed else over)
    title += f", difference to {baseline} and gap in points" if several else ", gap in points"
    title += f"; {why}" if (why := no_intervals(figures)) else ""
    show_table(console, title, figures, table, [*picks, *OVERFITTING], rows)
    title = "Last epoch, network (covered: share of the receptive field), speed, time to accuracies"
    targets = [(f"to\n{percent(target, 0)}", f"{target:g}") for target in figures.targets]
    show_table(console, title, figures, table, [*DETAILS, *targets], rows)
    # The lowest common seed of each group; of groups with one seed, the verdict has told already.
    first = {row.group: row for row in reversed(figures.single_runs)}
    pairs = [first[each.group] for each in rows if each.group in first]
    if pairs and (folds or not figures.one_seed):
        title = f"Single runs against {baseline}: test images only one gets right (McNemar)"
        single = [*SINGLE_RUNS[:1], *[("fold", "fold")] * folds, *SINGLE_RUNS[1:]]
        show_table(console, title, figures, single_run_table(figures), single, pairs)


def show_table(
    console: Console,
    title: str,
    figures: SectionFigures,
    table: Table[Any],
    picks: Sequence[Pick],
    rows: Sequence[GroupFigures | SingleRuns],
) -> None:
    """Print columns of a table behind those that name the groups, below each other where they do not fit."""
    console.print(title)
    keys = group_keys(figures)
    columns = zip(*(named(row.group, keys, figures) for row in rows), strict=True)
    first = [
        Printed(short_key(key).replace(".", "\n.").replace("_", "\n_"), cells, 0)
        for key, cells in zip(keys, columns, strict=True)
    ]
    taken = list(first)
    for heading, pick in picks:
        more = Printed(heading, [picked(table, pick, row) for row in rows], WRAPPED.get(heading))
        if width(taken) + BETWEEN + more.least > console.width and len(taken) > len(first):
            console.print(drawn(taken, console.width), "")
            taken = list(first)
        taken.append(more)
    console.print(drawn(taken, console.width), "")


def width(columns: Sequence[Printed]) -> int:
    """The least width of the columns beside each other."""
    return sum(column.least for column in columns) + BETWEEN * (len(columns) - 1)


def drawn(columns: Sequence[Printed], most: int) -> RichTable:
    """The columns as a table, those of sentences as wide as `most` allows."""
    # Without vertical lines and margins, more columns fit.
    table = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, BETWEEN - 1, 0, 0))
    room = most - width(columns)
    for column in columns:
        more = max(0, min(room, column.longest - column.least))
        room -= more
        left = column.wrapped is not None
        table.add_column(
            column.heading, width=column.least + more, justify="left" if left else "right", overflow="fold"
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def named(group: Group, keys: Sequence[str], figures: SectionFigures) -> list[str]:
    """What tells a group apart, one text for each key; the baseline is marked where it is one of several."""
    first, *rest = [group.label] if keys == ["group"] else [group.keys.get(key, "") for key in keys]
    is_baseline = group is figures.section.baseline and len(figures.groups) > 1
    return [f"{first}\n(baseline)" if is_baseline else first, *rest]


def picked(table: Table[Any], columns: str, row: Any) -> str:
    """The cell of a pick."""
    cells = [table.column(key).cell(row) for key in columns.rstrip("+").split()]
    lines = [line for cell in cells for line in (cell.text, cell.below if columns.endswith("+") else "")]
    return "\n".join(filter(None, lines))


def group_keys(figures: SectionFigures) -> list[str]:
    """The keys that tell the groups apart, each a column; one for labels that are names or of many keys."""
    keys = list(dict.fromkeys(key for each in figures.groups for key in each.group.keys))
    named = any(each.group.unsaid for each in figures.groups)
    return keys if 1 <= len(keys) <= MAX_KEYS and not named else ["group"]


def show_left_out(left_out: Sequence[LeftOut]) -> None:
    """List the runs that are not compared, with the reason."""
    if not left_out:
        return
    console = screen()
    several = "s" if len(left_out) > 1 else ""
    console.print(f"not compared: {len(left_out)} run folder{several}", style="bold")
    for each in left_out[:MAX_LEFT_OUT]:
        console.print(f"  {each.status}: {each.name}: {each.reason}", soft_wrap=True)
    if len(left_out) > MAX_LEFT_OUT:
        console.print(f"  and {len(left_out) - MAX_LEFT_OUT} more: left_out.csv and report.html list all")
