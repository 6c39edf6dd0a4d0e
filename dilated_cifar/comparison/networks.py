"""Which share of its receptive field each network covers, and how often each pixel is counted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Section
from dilated_cifar.config.base import as_typed
from dilated_cifar.dilation.rates import Kernel, judge, line_counts, without_pools
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
    if run.config.get("model.family") == "cnn" and isinstance(rates, list):
        try:
            if run.config.get("model.pool"):
                # The nearest rates without holes are those of the stack without pools, so none are named.
                rates, kernel_size = without_pools(rates, kernel_size)
                return replace(describe_rates(rates, kernel_size, label, measure=measure), alternatives=())
            return describe_rates(rates, kernel_size, label, measure=measure)
        except (ValueError, TypeError) as error:
            return Network(label, problem=f"The rates cannot be judged: {error}.")
    if not measure:
        return Network(label, problem=f"Only the first {MAX_MEASURED} networks are measured.")
    return measure_whole(run, label)


def describe_rates(rates: list[int], kernel_size: Kernel, label: str, *, measure: bool) -> Network:
    """A stack of convolutions with stride 1, of which rates and kernels say everything."""
    verdict = judge(rates, kernel_size)
    counts = None
    if measure:
        # As `count_map` does it, without torch, which takes as long to import as most comparisons take.
        line = np.array(line_counts(rates, kernel_size)[-1], dtype=np.float64)
        counts = np.outer(line, line)
    side = verdict.receptive_field
    return Network(label, (side, side), verdict.covered, counts, verdict.nearest_hole, verdict.alternatives)


def measure_whole(run: Run, label: str) -> Network:
    """Any other network: the paths from each pixel of the image to the centre unit of its last map."""
    from dilated_cifar.config.store import to_config
    from dilated_cifar.dilation.coverage import count_unit  # imports torch
    from dilated_cifar.dilation.trace import trace
    from dilated_cifar.models import build
    from dilated_cifar.models.classifier import last_map_of

    try:
        config = to_config(read_config(run.folder))
        network = build(config.model, config.data.classes, config.data.input_size)
        traced = trace(network, config.data.input_size)
        last = last_map_of(network, traced)
        if last is None:
            return Network(label, problem="No module of the network puts out a map [C, h, w].")
        unit = count_unit(network, traced, last)
    except (UserError, ValueError, RuntimeError, KeyError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        return Network(label, problem=f"Its paths could not be counted: {reason}.")
    top, left, bottom, right = unit.box
    counts, size = unit.counts.numpy(), (bottom - top, right - left)
    return Network(label, size, unit.covered, counts, unit.nearest_hole, on_image=True)
