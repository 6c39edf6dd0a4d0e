"""The tables of the page: what each cell says, and by what it is sorted."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import Difference
from dilated_cifar.comparison.grouping import short_key
from dilated_cifar.comparison.intervals import Estimate, wilson
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.config.base import as_typed
from dilated_cifar.report import words
from dilated_cifar.runs.record import Run


@dataclass(frozen=True)
class Cell:
    """One cell: a figure, what stands small below it, and what it is sorted by (None sorts last)."""

    text: str
    order: float | str | None = None
    below: str = ""
    link: str = ""


@dataclass(frozen=True)
class View:
    """A table of the page; the columns' first parts are headings, the second explain them."""

    name: str
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]


def text(value: str) -> Cell:
    """A cell of words, sorted by them."""
    return Cell(value, value)


def estimated(estimate: Estimate | None, *, signed: bool = False) -> Cell:
    """A mean with its interval below it, or with the reason why there is none."""
    if estimate is None:
        return Cell("–")
    if signed:
        return Cell(words.points(estimate.mean), estimate.mean, words.points_interval(estimate))
    return Cell(words.percent(estimate.mean), estimate.mean, words.percent_interval(estimate))


def group_view(comparison: Comparison, figures: SectionFigures) -> View:
    """The main table: one row a group."""
    several = len(figures.groups) > 1
    base = figures.section.baseline.label
    columns = [
        ("group", "what the runs share"),
        ("seeds", "runs that differ in nothing but the seed"),
        ("test accuracy", "of the weights that count: mean over seeds, 95% interval below"),
    ]
    if several:
        columns += [
            ("difference", f"test accuracy less that of {base}, in points, over common seeds"),
            ("p (Holm)", "of the paired t test, corrected for the number of groups"),
            ("verdict", f"against {base}"),
        ]
    columns += [
        ("last weights", "test accuracy after the last epoch"),
        ("gap", "training less held-out accuracy of the weights that count, in points"),
        ("gap at the end", "the same of the last weights"),
        ("overfitting", "median epoch from which the held-out loss rose for good"),
        ("parameters", "of the network"),
        ("multiply-adds", "of one image"),
        ("field", "receptive field of the last map, in pixels"),
        ("rates", "whether every pixel of the field enters an output"),
        ("images/s", "in training, median"),
        ("time", "of a whole run, median"),
        *((f"to {target:.0%}", "time to that held-out accuracy, median") for target in figures.targets),
    ]
    rows = []
    for each in figures.groups:
        difference = difference_cells(figures.difference(each)) if several else []
        rows.append(
            [
                *accuracy_cells(figures, each),
                *difference,
                *overfitting_cells(each),
                *network_cells(comparison, each),
            ]
        )
    return View("groups", columns, rows)


def accuracy_cells(figures: SectionFigures, each: GroupFigures) -> list[Cell]:
    """What a group is, and what it reached."""
    mark = "baseline" if each is figures.baseline and len(figures.groups) > 1 else ""
    return [
        Cell(each.group.label, each.group.label, mark),
        Cell(words.seeds(each), len(each.group.runs)),
        estimated(each.test),
    ]


def overfitting_cells(each: GroupFigures) -> list[Cell]:
    """Whether a group overfits."""
    return [
        estimated(each.last),
        estimated(each.gap, signed=True),
        estimated(each.gap_last, signed=True),
        Cell(words.onset(each.onset), each.onset.epoch),
    ]


def difference_cells(row: Difference | None) -> list[Cell]:
    """How a group compares with the baseline."""
    if row is None:
        return [Cell("–"), Cell("–"), Cell("the baseline")]
    return [
        estimated(row.estimate, signed=True),
        Cell(words.p_value(row.adjusted), row.adjusted),
        text(row.verdict),
    ]


def network_cells(comparison: Comparison, each: GroupFigures) -> list[Cell]:
    """What the group's network is, and how fast."""
    network = comparison.network(each)
    verdict = text("several networks") if network is None else Cell(network.verdict, network.covered)
    return [
        Cell(words.whole(each.parameters), each.parameters),
        Cell(words.millions(each.multiply_adds), each.multiply_adds),
        Cell(words.whole(each.receptive_field), each.receptive_field),
        verdict,
        Cell(f"{each.images_per_second:,.0f}", each.images_per_second),
        Cell(words.duration(each.seconds), each.seconds),
        *(Cell(words.reach(found), found.seconds) for found in each.reach.values()),
    ]


def single_run_view(figures: SectionFigures) -> View:
    """McNemar's tests."""
    columns = [
        ("group", ""),
        ("seed", "common to both runs"),
        ("images", "of the test split"),
        ("only this run right", ""),
        ("only the baseline's right", ""),
        ("exact p", "exact conditional test"),
        ("mid-p", "less strict than the exact p"),
        ("mid-p (Holm)", "corrected for the number of rows"),
        ("verdict", "of these two networks, not of two recipes"),
    ]
    rows = [
        [
            text(row.group.label),
            *(Cell(f"{count:,}", count) for count in (row.seed, row.images, row.only_run, row.only_baseline)),
            *(Cell(words.p_value(p), p) for p in (row.exact, row.mid_p, row.adjusted)),
            text(row.verdict),
        ]
        for row in figures.single_runs
    ]
    return View("mcnemar", columns, rows)


def class_view(figures: SectionFigures) -> View:
    """Accuracy of each class, groups down, classes across."""
    names = list(dict.fromkeys(name for each in figures.classes for name in each.names))
    rows = []
    for each in figures.classes:
        known = {accuracy.name: accuracy for accuracy in each.accuracies}
        cells = []
        for name in names:
            found = known.get(name)
            if found is None:
                cells.append(Cell("–"))
                continue
            estimate = Estimate(found.mean, found.low, found.high, 0, "no interval")
            cells.append(Cell(words.percent(found.mean), found.mean, words.percent_interval(estimate)))
        rows.append([text(each.group.label), *cells])
    return View("classes", [("group", ""), *((name, "") for name in names)], rows)


def run_view(comparison: Comparison, folder: Path) -> View:
    """Every compared run with a link to its folder, seen from the report's folder."""
    several = len(comparison.sections) > 1
    keys = [key for key in comparison.config_differences if key != "seed"]
    columns = [
        ("run", "opens its folder"),
        *([("setting", "")] if several else []),
        *((short_key(key), key) for key in keys),
        ("seed", ""),
        ("test accuracy", "with the 95% Wilson interval over the test images, of this one run"),
        ("last weights", ""),
        ("gap at the end", "training less held-out accuracy, in points"),
        ("overfitting", "epoch"),
        ("images/s", ""),
        ("time", ""),
    ]
    rows = []
    for each in comparison.sections:
        for run in each.section.runs:
            setting = [text(each.section.title)] if several else []
            values = [text(as_typed(run.config.get(key))) for key in keys]
            rows.append([linked(run.folder, run.name, folder), *setting, *values, *run_cells(run)])
    return View("runs", columns, rows)


def run_cells(run: Run) -> list[Cell]:
    """The figures of one run."""
    interval = ""
    if run.predictions is not None:
        low, high = wilson(int(run.predictions.right.sum()), len(run.predictions.labels))
        interval = f"{100 * low:.2f}–{100 * high:.2f}"
    return [
        Cell(str(run.seed), run.seed),
        Cell(words.percent(run.selected.test.accuracy), run.selected.test.accuracy, interval),
        Cell(words.percent(run.last.test.accuracy), run.last.test.accuracy),
        Cell(words.points(run.last.gap), run.last.gap),
        Cell(
            "none" if run.summary.overfitting_onset is None else str(run.summary.overfitting_onset),
            run.summary.overfitting_onset,
        ),
        Cell(f"{run.summary.images_per_second:,.0f}", run.summary.images_per_second),
        Cell(words.duration(run.summary.seconds), run.summary.seconds),
    ]


def left_out_view(comparison: Comparison, folder: Path) -> View:
    """Every run folder that is not compared, with the reason."""
    rows = [
        [linked(each.folder, each.name, folder), text(each.status), text(each.reason)]
        for each in comparison.left_out
    ]
    return View("left-out", [("run", "opens its folder"), ("status", ""), ("reason", "")], rows)


def config_view(comparison: Comparison) -> View:
    """The keys in which the compared runs differ."""
    rows = [[text(key), *joined(values)] for key, values in comparison.config_differences.items()]
    return View("config", [("key", ""), ("values", "of all compared runs")], rows)


def joined(values: Sequence[str], most: int = 24) -> Iterable[Cell]:
    """The values of a key, the first of very many."""
    rest = f" and {len(values) - most} more" if len(values) > most else ""
    yield text("  |  ".join(values[:most]) + rest)


def linked(target: Path, name: str, folder: Path) -> Cell:
    """A name that opens a run's folder, by a path relative to the report."""
    relative = Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix()
    return Cell(name, name, link=f"{quote(relative)}/")
