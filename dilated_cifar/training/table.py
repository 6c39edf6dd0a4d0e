"""A finished run on the screen."""

from pathlib import Path

from rich.table import Table

from dilated_cifar.evaluation.output import Screen
from dilated_cifar.percentages import percent, points
from dilated_cifar.runs.record import Score, Summary


def show(summary: Summary, folder: Path) -> None:
    """Print the figures of the best and the last weights, and the run's facts."""
    table = Table("", title=str(folder), title_justify="left")
    columns = [
        (name, weights) for name, weights in (("best", summary.best), ("last", summary.last)) if weights
    ]
    for name, weights in columns:
        mark = ", selected" if name == summary.chosen else ""
        table.add_column(f"{name} (epoch {weights.epoch}{mark})", justify="right")
    for split in ("train", "validation", "test"):
        table.add_row(split, *(cell(getattr(weights, split)) for _, weights in columns))
    table.add_row("gap", *(f"{points(weights.gap)} points " for _, weights in columns))
    console = Screen(soft_wrap=True, highlight=False, markup=False)
    console.print(table)
    speed = f"{summary.images_per_second:,.0f} images/s"
    facts = {
        "overfitting": summary.onset,
        "speed": f"{speed} on {summary.device}, {duration(summary.seconds)} in all",
        "network": network(summary),
    }
    for name, fact in facts.items():
        console.print(f"{name + ':':<13}{fact}")
    console.print("Accuracy and loss; train is a fixed, unaugmented part of the training split.")


def result_line(summary: Summary) -> str:
    """The accuracies of the selected weights, for a screen that several runs share."""
    weights = summary.selected
    held_out = "" if weights.validation is None else f"validation {percent(weights.validation.accuracy)}, "
    return f"finished: {held_out}test {percent(weights.test.accuracy)} after {duration(summary.seconds)}"


def network(summary: Summary) -> str:
    """The size of the network, as far as it is known."""
    facts = [f"{summary.parameters:,} parameters"]
    if summary.multiply_adds is not None:
        facts.append(f"{summary.multiply_adds / 1e6:.1f} M multiply-adds")
    if summary.receptive_field is not None:
        facts.append(f"receptive field {summary.receptive_field} pixels")
    return ", ".join(facts)


def cell(score: Score | None) -> str:
    """Accuracy and loss of a split, or a dash where there is none."""
    return "-" if score is None else f"{percent(score.accuracy)}  {score.loss:.4f}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
