"""Which share of its receptive field each network covers, and how often each pixel is counted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Section
from dilated_cifar.config.base import as_typed
from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config
from dilated_cifar.dilation.arithmetic import same_padding
from dilated_cifar.dilation.rates import judge, line_counts
from dilated_cifar.dilation.unit_field import Seen, Window, centre_line, seen_of
from dilated_cifar.errors import UserError
from dilated_cifar.runs.reading import read_config
from dilated_cifar.runs.record import Run

MAX_MEASURED = 24
"""Networks whose counts are drawn, and, where the rates alone do not decide, measured."""


@dataclass(frozen=True, eq=False)
class Network:
    """The network of some runs, as its configuration describes it."""

    label: str
    """Of the first group that has it."""
    size: tuple[int, int] | None = None
    """Height and width of the receptive field in pixels."""
    covered: float | None = None
    """Share of the receptive field that enters the output; None where it was not measured."""
    counts: NDArray[np.float64] | None = None
    """How often each pixel enters one output, [F, F] of a receptive field or [H, W] of the whole image."""
    nearest_hole: float | None = None
    """Distance from the centre to the nearest pixel that does not enter; None where every pixel does."""
    alternatives: Sequence[Sequence[int]] = ()
    """The nearest rates without holes."""
    on_image: bool = False
    """Whether it was measured on an image, at whose edges the receptive field ends."""
    problem: str = ""
    """Why it was not measured."""


def describe_networks(sections: list[Section]) -> dict[str, Network]:
    """Every network of the sections by its `model_of`; the first MAX_MEASURED of them with counts."""
    found: dict[str, Network] = {}
    for group in (group for section in sections for group in section.groups):
        for run in group.runs:
            key = model_of(run)
            if key not in found:
                found[key] = describe(run, group.label, measure=len(found) < MAX_MEASURED)
    return found


def model_of(run: Run) -> str:
    """The same for runs of the same network."""
    model = {key: value for key, value in run.config.items() if key.startswith("model.")}
    return " ".join(f"{key}={as_typed(value)}" for key, value in sorted(model.items()))


def describe(run: Run, label: str, *, measure: bool) -> Network:
    """One network, and with `measure` its counts."""
    rates, kernel_size = run.config.get("model.dilations"), run.config.get("model.kernel_size", 3)
    cnn = run.config.get("model.family") == "cnn" and not run.config.get("model.pool")
    if cnn and isinstance(rates, list):
        try:
            return describe_rates(rates, kernel_size, label, measure=measure)
        except (ValueError, TypeError) as error:
            return Network(label, problem=f"The rates cannot be judged: {error}.")
    if not measure:
        return Network(label, problem=f"Only the first {MAX_MEASURED} networks are measured.")
    try:
        config = to_config(read_config(run.folder))
        if type(config.model) is CnnConfig:  # of a subclass the network may be another
            return measure_stack(config.model, config.data.input_size, label)
        return measure_whole(config, label)
    except (UserError, ValueError, RuntimeError, KeyError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        return Network(label, problem=f"Its paths could not be counted: {reason}.")


def describe_rates(rates: list[int], kernel_size: int, label: str, *, measure: bool) -> Network:
    """A stack of convolutions with stride 1, of which the rates say everything."""
    verdict = judge(rates, kernel_size)
    counts = None
    if measure:
        # As `count_map` does it, without torch, which takes as long to import as most comparisons take.
        line = np.array(line_counts(rates, kernel_size)[-1], dtype=np.float64)
        counts = np.outer(line, line)
    side = verdict.receptive_field
    return Network(label, (side, side), verdict.covered, counts, verdict.nearest_hole, verdict.alternatives)


def measure_stack(model: CnnConfig, input_size: tuple[int, int, int], label: str) -> Network:
    """A stack with pools: what `measure_whole` finds, without torch, which takes long to import."""
    padding = [
        same_padding(model.kernel_size, rate) if model.padding == "same" else 0 for rate in model.dilations
    ]
    windows = [Window(model.kernel_size, 1, *each) for each in zip(padding, model.dilations, strict=True)]
    windows = [each for window in windows for each in (window, Window(2, 2))][:-1]
    rows, columns = (centre_line(side, windows) for side in input_size[1:])
    counts = np.outer(rows.counts, columns.counts)
    return on_image(label, counts, seen_of(counts, (rows.first, rows.last), (columns.first, columns.last)))


def measure_whole(config: Config, label: str) -> Network:
    """Any other network: the paths from each pixel of the image to the centre unit of its last map."""
    from dilated_cifar.dilation.coverage import count_unit  # imports torch
    from dilated_cifar.dilation.trace import trace
    from dilated_cifar.models import build
    from dilated_cifar.models.classifier import last_map_of

    network = build(config.model, config.data.classes, config.data.input_size)
    traced = trace(network, config.data.input_size)
    last = last_map_of(network, traced)
    if last is None:
        return Network(label, problem="No module of the network puts out a map [C, h, w].")
    unit = count_unit(network, traced, last)
    seen = Seen(unit.box, unit.centre, unit.covered, unit.nearest_hole)
    return on_image(label, unit.counts.numpy(), seen)


def on_image(label: str, counts: NDArray[np.float64], seen: Seen) -> Network:
    """A network of which one unit was looked at on an image."""
    top, left, bottom, right = seen.box
    return Network(
        label, (bottom - top, right - left), seen.covered, counts, seen.nearest_hole, on_image=True
    )
