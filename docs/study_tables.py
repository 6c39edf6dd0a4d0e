"""What `compare` says of the runs that are kept in docs/results/runs/NAME as a table, a row a group.

`make_tables.py` puts it behind `<!-- study NAME -->`. Behind the name may follow `baseline=LABEL`
(`baseline=none` for no differences), keys with a value for the runs that count, `groups=HEADING` for what
they are instead of networks, `by=gap` to compare the gaps of the last weights instead of accuracies, and with
`also=` more columns of those that ALSO names:
`<!-- study receptive_field model.pool=false baseline=plain also=onset -->`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import SectionFigures, compare_section
from dilated_cifar.comparison.differences import Measure
from dilated_cifar.comparison.grouping import Group, arrange
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.comparison.networks import Network, describe_networks, model_of
from dilated_cifar.comparison.replicates import typed_value
from dilated_cifar.comparison.statistics import Estimate
from dilated_cifar.errors import UserError
from dilated_cifar.percentages import percent, points
from dilated_cifar.report.formats import P_VALUE, folds, onset, seeds
from dilated_cifar.report.sentences import coverage, verdict
from dilated_cifar.runs.record import Run

STUDIES_KEPT = Path(__file__).parent / "results" / "runs"
EXERCISE = 0.8292
"""Test accuracy that the exercise reports."""
ALSO: Mapping[str, tuple[str, Callable[[GroupFigures, Network], str]]] = {
    "coverage": ("coverage", lambda _, network: coverage(network)),
    "highest": ("highest held-out accuracy (epoch)", lambda each, _: highest(each.group)),
    "lowest": ("lowest held-out loss (epoch)", lambda each, _: lowest(each.group)),
    "onset": ("overfitting onset", lambda each, _: onset(each.onset)),
    "reached": (f"{percent(EXERCISE)} reached (epoch)", lambda each, _: reached(each.group, epoch_at)),
    "took": (f"{percent(EXERCISE)} reached (minutes)", lambda each, _: reached(each.group, minutes_at)),
    "minutes": ("minutes a run", lambda each, _: minutes(each.group)),
}
"""Columns that a study's table may have besides: the heading, and what it says of a group."""


def study(words: str, folder: Path = STUDIES_KEPT) -> str:
    """A comparison of kept runs in Markdown.

    Args:
        words: The name of the study, and what may follow it.
        folder: Where studies are kept.

    Raises:
        UserError, ValueError: as `compared` does.
    """
    name, *rest = words.split()
    chosen = dict(word.split("=", 1) for word in rest)
    heading, by = chosen.pop("groups", "network"), chosen.pop("by", None)
    cells = {None: accuracy_cells, "gap": gap_cells}[by]
    also = list(filter(None, chosen.pop("also", "").split(",")))
    baseline = chosen.pop("baseline", None)
    figures = compared(folder / name, None if baseline == "none" else baseline, chosen)
    networks = describe_networks([figures.section])
    rows = []
    for each in figures.groups:
        network = networks[model_of(each.group.runs[0])]
        more = {ALSO[name][0]: ALSO[name][1](each, network) for name in also}
        rows.append(start_of_row(each.group, heading) | cells(figures, each, baseline != "none") | more)
    return markdown(rows)


def compared(folder: Path, baseline: str | None, chosen: Mapping[str, str]) -> SectionFigures:
    """What `compare` finds of the kept runs that have the chosen values.

    Raises:
        UserError: a run is damaged, or the baseline is no group.
        ValueError: the runs are of several settings, which one table cannot compare.
    """
    found = collect([folder], progress=False)
    if found.faults or found.left_out:
        raise UserError(
            "; ".join([*found.faults, *(f"{each.name}: {each.reason}" for each in found.left_out)])
        )
    runs = [run for run in found.runs if all(typed_value(run, key) == chosen[key] for key in chosen)]
    sections, _ = arrange(runs, (), baseline)
    if len(sections) != 1:
        raise ValueError(f"{folder}: expected one setting, found {[each.title for each in sections]}")
    return compare_section(sections[0], ())[0]


def start_of_row(group: Group, heading: str) -> dict[str, str]:
    """The name of a group, and of how many runs it has figures."""
    return {
        heading: f"`{group.label}`",
        **({"seeds": seeds(group)} if group.folds is None else {"runs": folds(group)}),
    }


def accuracy_cells(figures: SectionFigures, each: GroupFigures, beside: bool) -> dict[str, str]:
    """A group's accuracy, or with `beside` its difference too, its gap and what its networks are."""
    crossed = each.group.folds is not None
    return {
        f"{figures.measure} (95% interval)": interval(each.accuracy, percent, ""),
        **(difference_cells(figures, each.group, figures.measure) if beside else {}),
        **({"test accuracy": percent(each.test.mean)} if crossed else {}),
        f"train minus {each.group.runs[0].held_out}": f"{points(each.gap.mean)} points",
        "receptive field": "several" if each.receptive_field is None else f"{each.receptive_field} pixels",
        "multiply-adds": "several" if each.multiply_adds is None else f"{each.multiply_adds / 1e6:.1f}M",
    }


def gap_cells(figures: SectionFigures, each: GroupFigures, beside: bool) -> dict[str, str]:
    """How far the last weights of a group overfit, or with `beside` its difference to the baseline too."""
    return {
        f"train minus {each.group.runs[0].held_out} accuracy, last weights (95% interval)": interval(
            each.last_gap, points, " points"
        ),
        **(difference_cells(figures, each.group, "gap of the last weights") if beside else {}),
        "test accuracy, last weights": interval(each.last, percent, ""),
    }


def difference_cells(figures: SectionFigures, group: Group, measure: Measure) -> dict[str, str]:
    """A group against the baseline; nothing where no seed is repeated or nothing else is there."""
    if len(figures.groups) == 1 or figures.one_seed:
        return {}
    headings = [f"difference to {figures.section.baseline.label} (95% interval)", "p (Holm)", "verdict"]
    cells, difference = ["–", "–", "baseline"], figures.difference(group, measure)
    if difference is not None:
        p_value = "–" if difference.adjusted is None else P_VALUE.text(difference.adjusted)
        cells = [interval(difference.estimate, points, " points"), p_value, verdict(difference)]
    return dict(zip(headings, cells, strict=True))


def minutes(group: Group) -> str:
    """The median duration of its runs, with the shortest and the longest."""
    times = sorted(run.summary.seconds / 60 for run in group.runs)
    return f"{median(times):.1f} ({times[0]:.1f} to {times[-1]:.1f})"


def highest(group: Group) -> str:
    """The peak of each run's curve, and its epoch."""
    curves = [held_out_curve(run, "accuracy") for run in group.runs]
    return "; ".join(f"{percent(curve.max())} ({curve.argmax() + 1})" for curve in curves)


def lowest(group: Group) -> str:
    """The lowest point of each run's curve, and its epoch."""
    curves = [held_out_curve(run, "loss") for run in group.runs]
    return "; ".join(f"{curve.min():.3f} ({curve.argmin() + 1})" for curve in curves)


def reached(group: Group, when: Callable[[Run, int], str]) -> str:
    """When each run's held-out accuracy was that of the exercise for the first time."""
    curves = [(run, held_out_curve(run, "accuracy") >= EXERCISE) for run in group.runs]
    return "; ".join(when(run, int(curve.argmax())) if curve.any() else "never" for run, curve in curves)


def epoch_at(_run: Run, index: int) -> str:
    """The epoch of a point of a curve."""
    return str(index + 1)


def minutes_at(run: Run, index: int) -> str:
    """The minutes of training and measuring up to a point of a curve."""
    assert run.curves is not None
    return f"{run.curves['seconds'][index] / 60:.1f}"


def held_out_curve(run: Run, figure: str) -> NDArray[np.float64]:
    """Loss or accuracy on the held-out split after each epoch."""
    assert run.curves is not None
    return np.asarray(run.curves[f"{figure}/{run.held_out}"])


def interval(found: Estimate | None, shown: Callable[[float], str], unit: str) -> str:
    """A mean with its interval, or with the reason why there is none."""
    if found is None:
        return "–"
    if found.low is None or found.high is None:
        return f"{shown(found.mean)}{unit} ({found.why_none})"
    low, high = (shown(end).removesuffix("%") for end in (found.low, found.high))
    return f"{shown(found.mean)}{unit} ({low} to {high})"


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """A table of at least one row, each with its cells by the headings."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    return "\n".join(lines) + "\n"
