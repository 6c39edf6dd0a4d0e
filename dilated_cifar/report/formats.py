"""How each kind of figure is shown on the terminal and on the page, and what files hold of it."""

from dataclasses import replace
from operator import attrgetter

from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.measures import Event
from dilated_cifar.comparison.statistics import Estimate
from dilated_cifar.config.base import as_typed
from dilated_cifar.percentages import percent, percent_number, points
from dilated_cifar.report.columns import Format
from dilated_cifar.runs.record import TOO_FEW_EPOCHS, Summary


def percent_interval(estimate: Estimate) -> str:
    """The interval of a share in percent; empty without one, for the reason is said once for all of them."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{percent_number(estimate.low)}–{percent_number(estimate.high)}"


def points_interval(estimate: Estimate) -> str:
    """The interval of a difference in percentage points; empty without one."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{points(estimate.low)} to {points(estimate.high)}"


def interval_source(estimate: Estimate) -> str:
    """What an interval is over, or why there is none."""
    over = {"t": "seeds", "corrected t": "folds", "Wilson": "images"}[estimate.method]
    return estimate.why_none or f"over {estimate.count} {over} ({estimate.method})"


def onset(found: Event) -> str:
    """In how many runs overfitting set in, and when."""
    if not found.of:
        return TOO_FEW_EPOCHS
    return "none" if found.when is None else f"epoch {found.when:g}{some_of(found)}"


def reach(found: Event) -> str:
    """How long it took to reach an accuracy."""
    if found.when is None:
        return "never" if found.of else "no curves"
    return duration(found.when) + some_of(found)


def some_of(found: Event) -> str:
    """In how many of the runs, where it is not all."""
    return "" if found.runs == found.of else f", {found.runs} of {found.of} runs"


def duration(seconds: float) -> str:
    """`45 s`, `3:07` minutes or `1:02:03` hours."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def seeds(group: Group) -> str:
    """How many seeds, and of how many runs where that is another number."""
    count, runs = len(group.seeds), len(group.runs)
    return str(count) if count == runs else f"{count} ({runs} runs)"


def folds(group: Group) -> str:
    """How many folds, of how many where some are lacking, and how many runs where that is another number."""
    count, runs = len(group.held_out), len(group.runs)
    told = f"{count} folds" if count == group.folds else f"{count} of {group.folds} folds"
    return told if count == runs else f"{told} ({runs} runs)"


def interval_kind(estimate: Estimate) -> str:
    """What kind of interval there is, or why there is none."""
    over = f", {estimate.count} folds" if estimate.method == "corrected t" else ""
    return estimate.why_none or f"95% ({estimate.method}{over})"


TYPED: Format[object] = Format(as_typed, order=as_typed, missing="null")
NUMBER: Format[int] = Format(str)
COUNT: Format[int] = Format("{:,}".format, missing="n/a")
"""Of a network; n/a where the runs of a group have several, or it cannot be traced."""
MILLIONS: Format[int] = Format(lambda count: f"{count / 1e6:.1f} M", missing="n/a")
SPEED: Format[float] = Format("{:,.0f}".format)
COVERED: Format[float] = Format(lambda share: percent(share, 1))
PERCENT: Format[float] = Format(percent)
POINTS: Format[float] = Format(points)
P_VALUE: Format[float] = Format(lambda value: "<0.001" if value < 0.001 else f"{value:.3f}")
DURATION: Format[float] = Format(duration)
RUN_ONSET: Format[Summary] = Format(
    lambda summary: summary.onset,
    order=lambda summary: summary.overfitting_onset,
    files={"{}_onset": lambda summary: summary.overfitting_onset, "{}": lambda summary: summary.onset},
)
LISTED: Format[list[int]] = Format(
    lambda found: str(len(found)), order=len, files={"{}": lambda found: " ".join(map(str, found))}
)
SEEDS: Format[Group] = Format(
    seeds,
    order=lambda group: len(group.runs),
    files={"runs": lambda group: len(group.runs), "{}": lambda group: " ".join(map(str, group.seeds))},
)
FOLDS = replace(SEEDS, text=folds)
RUNS, WHEN = attrgetter("runs"), attrgetter("when")
ONSET: Format[Event] = Format(
    onset,
    order=WHEN,
    files={"{}_runs": lambda found: found.runs if found.of else None, "{}_epoch": WHEN, "{}": onset},
)
REACH: Format[Event] = Format(reach, order=WHEN, files={"seconds_to_{}": WHEN, "runs_reaching_{}": RUNS})
MEAN, LOW, HIGH = attrgetter("mean"), attrgetter("low"), attrgetter("high")
ACCURACY: Format[Estimate] = Format(
    lambda estimate: percent(estimate.mean),
    below=percent_interval,
    order=MEAN,
    files={
        "{}": MEAN,
        "{}_low": LOW,
        "{}_high": HIGH,
        "{}_interval": interval_kind,
    },
)
RUN_ACCURACY = replace(ACCURACY, files={"{}": MEAN, "{}_wilson_low": LOW, "{}_wilson_high": HIGH})
CLASS_ACCURACY = replace(
    ACCURACY, files={"{}": MEAN, "{}_low": LOW, "{}_high": HIGH, "interval": interval_source}
)
GAP = replace(ACCURACY, text=lambda estimate: points(estimate.mean), below=points_interval)
