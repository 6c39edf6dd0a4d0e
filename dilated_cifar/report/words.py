"""Figures as a reader sees them, the same on the screen and on the page."""

from dilated_cifar.comparison.intervals import Estimate
from dilated_cifar.comparison.measures import GroupFigures, Onset, Reach


def percent(value: float | None) -> str:
    """A share as `97.90%`, or a dash."""
    return "–" if value is None else f"{value:.2%}"


def points(value: float | None) -> str:
    """A difference of shares in points, with its sign, or a dash."""
    return "–" if value is None else f"{100 * value + 0.0:+.2f}"


def percent_interval(estimate: Estimate) -> str:
    """The interval of a share, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return estimate.why_none or "no interval"
    return f"{100 * estimate.low:.2f}–{100 * estimate.high:.2f}"


def points_interval(estimate: Estimate) -> str:
    """The interval of a difference in points, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return estimate.why_none or "no interval"
    return f"{points(estimate.low)} to {points(estimate.high)}"


def onset(found: Onset) -> str:
    """In how many runs overfitting set in, and when."""
    if not found.runs:
        return "none"
    runs = "" if found.of == 1 else f", {found.runs} of {found.of} runs"
    return f"epoch {found.epoch:g}{runs}"


def reach(found: Reach) -> str:
    """How long it took to reach an accuracy."""
    if not found.of:
        return "no curves"
    if found.seconds is None:
        return "never"
    some = "" if found.runs == found.of else f", {found.runs} of {found.of} runs"
    return f"{duration(found.seconds)}{some}"


def duration(seconds: float) -> str:
    """`45 s`, `3:07` minutes or `1:02:03` hours."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def p_value(value: float | None) -> str:
    """A p-value as `0.012`, `<0.001` or a dash."""
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def millions(value: int | None) -> str:
    """Multiply-adds as `32.1 M`."""
    return "several" if value is None else f"{value / 1e6:.1f} M"


def whole(value: int | None) -> str:
    """A number with thousands, or `several` where runs of a group have different ones."""
    return "several" if value is None else f"{value:,}"


def seeds(figures: GroupFigures) -> str:
    """How many seeds, and of how many runs where that is another number."""
    count, runs = len(figures.group.seeds), len(figures.group.runs)
    return str(count) if count == runs else f"{count} ({runs} runs)"
