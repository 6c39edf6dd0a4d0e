"""The figures of a section, for papers and slides: matplotlib, PNG and SVG."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dilated_cifar.comparison.classes import Classes
from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.measures import GroupFigures

MOST_DRAWN = 10
MOST_SECTIONS = 4
COLOURS = colormaps["tab10"].colors  # type: ignore[attr-defined]  # only listed colour maps have them


def write_figures(comparison: Comparison, folder: Path) -> list[Path]:
    """Draw every figure of the first sections into `folder`, as PNG and SVG; returns the files."""
    folder.mkdir(exist_ok=True)
    written = []
    for number, figures in enumerate(comparison.sections[:MOST_SECTIONS], start=1):
        prefix = "" if len(comparison.sections) == 1 else f"{number}-"
        for name, figure in draw(figures):
            for suffix in ("png", "svg"):
                path = folder / f"{prefix}{name}.{suffix}"
                figure.savefig(path, dpi=150)
                written.append(path)
    return written


def draw(figures: SectionFigures) -> Iterator[tuple[str, Figure]]:
    """Every figure of a section by its name."""
    drawn = most_accurate(figures, MOST_DRAWN)
    yield "curves", curves(figures, drawn)
    yield "accuracy-multiply_adds", scatter(figures, drawn, "multiply-adds (millions)", cost)
    yield "accuracy-receptive_field", scatter(figures, drawn, "receptive field (pixels)", field)
    pair = confusion_pair(figures)
    if pair is not None:
        yield "confusion-difference", confusion_difference(*pair)


def most_accurate(figures: SectionFigures, most: int) -> list[GroupFigures]:
    """The baseline and the groups of the highest test accuracy, in the table's order."""
    ranked = sorted(figures.groups, key=lambda each: -each.test.mean)
    kept = [each for each in ranked if each is not figures.baseline][: most - 1]
    return [each for each in figures.groups if each in kept or each is figures.baseline]


def cost(figures: GroupFigures) -> float | None:
    """Multiply-adds of an image, in millions."""
    return None if figures.multiply_adds is None else figures.multiply_adds / 1e6


def field(figures: GroupFigures) -> float | None:
    """Side of the receptive field, in pixels."""
    return figures.receptive_field


def curves(figures: SectionFigures, drawn: Sequence[GroupFigures]) -> Figure:
    """Loss, accuracy and gap by epoch: mean over seeds, and a band from the lowest to the highest seed."""
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, name in zip(panels, ("loss", "accuracy", "gap"), strict=True):
        for index, each in enumerate(drawn):
            colour = COLOURS[index % len(COLOURS)]
            if name == "gap":
                draw_band(axes, each, "gap/accuracy", colour, "-", each.group.label)
            else:
                draw_band(axes, each, f"{name}/train_subset", colour, "--", None)
                draw_band(axes, each, f"{name}/held_out", colour, "-", each.group.label)
        axes.set_xlabel("epoch")
        axes.set_ylabel({"gap": "training less held-out accuracy"}.get(name, name))
        axes.grid(alpha=0.3)
    panels[0].set_title("loss: held out solid, training dashed")
    panels[1].set_title("accuracy: held out solid, training dashed")
    panels[2].set_title("generalization gap")
    if drawn:
        figure.legend(*panels[2].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(title(figures, drawn, "band: lowest to highest seed"))
    return figure


def draw_band(
    axes: Axes, figures: GroupFigures, name: str, colour: tuple[float, ...], style: str, label: str | None
) -> None:
    """One curve with its band."""
    band = figures.curves.get(name)
    if band is None:
        return
    epochs = np.arange(1, len(band.mean) + 1)
    marker = "o" if len(epochs) == 1 else None
    axes.plot(epochs, band.mean, style, color=colour, label=label, marker=marker)
    if band.runs > 1:
        axes.fill_between(epochs, band.low, band.high, color=colour, alpha=0.15, linewidth=0)


def scatter(
    figures: SectionFigures,
    drawn: Sequence[GroupFigures],
    label: str,
    place: Callable[[GroupFigures], float | None],
) -> Figure:
    """Test accuracy with its interval against a cost."""
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    axes = figure.subplots()
    for index, each in enumerate(drawn):
        x, y = place(each), 100 * each.test.mean
        if x is None:
            continue
        colour = COLOURS[index % len(COLOURS)]
        if each.test.low is not None and each.test.high is not None:
            axes.plot([x, x], [100 * each.test.low, 100 * each.test.high], color=colour)
        axes.plot(x, y, "o", color=colour, label=each.group.label)
    axes.set_xlabel(label)
    axes.set_ylabel("test accuracy (%)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    axes.set_title(title(figures, drawn, "bar: 95% interval over seeds"), fontsize="medium")
    return figure


def confusion_pair(figures: SectionFigures) -> tuple[Classes, Classes] | None:
    """The most accurate group and the baseline, or, where that is one, the next and it."""
    found = {id(each.group): each for each in figures.classes}
    ranked = sorted(figures.groups, key=lambda each: -each.test.mean)
    others = [found[id(each.group)] for each in ranked
              if each is not figures.baseline and id(each.group) in found]  # fmt: skip
    baseline = found.get(id(figures.section.baseline))
    same = [each for each in others if baseline is not None and each.names == baseline.names]
    return (same[0], baseline) if baseline is not None and same else None


def confusion_difference(one: Classes, other: Classes) -> Figure:
    """The confusion of one group less that of another, in points of each true class."""
    difference = 100 * (one.confusion - other.confusion)
    count = len(one.names)
    side = 3.4 + 0.55 * count
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    limit = max(1.0, float(np.abs(difference).max()))
    image = axes.imshow(difference, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_xticks(range(count), one.names, rotation=45, ha="right")
    axes.set_yticks(range(count), one.names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for row in range(count):
        for column in range(count):
            value = difference[row, column]
            colour = "white" if abs(value) > 0.6 * limit else "black"
            if round(value):
                axes.text(column, row, f"{value:+.0f}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.7, label="points of the true class")
    axes.set_title(f"{one.group.label} less {other.group.label}", fontsize="medium")
    return figure


def title(figures: SectionFigures, drawn: Sequence[GroupFigures], what: str) -> str:
    """What is drawn, and of how many groups."""
    some = len(drawn) < len(figures.groups)
    part = f"the {len(drawn)} most accurate of {len(figures.groups)} groups; " if some else ""
    section = f"{figures.section.title}: " if figures.section.setting else ""
    return f"{section}{part}{what}"
