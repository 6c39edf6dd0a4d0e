"""What the rates of a network let it see: a verdict, and the map of counts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Section
from dilated_cifar.config.base import as_typed
from dilated_cifar.dilation.rates import judge
from dilated_cifar.errors import UserError
from dilated_cifar.runs.record import Run

MOST_MAPS = 24
"""Networks whose counts are drawn, and, where the rates alone do not decide, measured."""


@dataclass(frozen=True, eq=False)
class Network:
    """The network of some runs, as its configuration describes it."""

    label: str
    """Of the first group that has it."""
    verdict: str
    """In a few words, such as `no holes` or `sees 29.0%, holes from 1 pixel on`."""
    detail: str
    """The verdict in a sentence or two, with rates to try instead."""
    covered: float | None
    """Share of the square receptive field that enters the output; None where it was not measured."""
    counts: NDArray[np.float64] | None
    """How often each pixel enters one output, [F, F] of a receptive field or [32, 32] of the whole image."""


def network_key(run: Run) -> str:
    """The same for runs of the same network."""
    model = {key: value for key, value in run.config.items() if key.startswith("model.")}
    return " ".join(f"{key}={as_typed(value)}" for key, value in sorted(model.items()))


def look_at_networks(sections: list[Section]) -> dict[str, Network]:
    """Every network of the sections by its `network_key`; the first MOST_MAPS of them with counts."""
    found: dict[str, Network] = {}
    for label, run in labelled_runs(sections):
        key = network_key(run)
        if key not in found:
            found[key] = look(run, label, measure=len(found) < MOST_MAPS)
    return found


def labelled_runs(sections: list[Section]) -> Iterator[tuple[str, Run]]:
    """Every run with its group's label."""
    for section in sections:
        for group in section.groups:
            for run in group.runs:
                yield group.label, run


def look(run: Run, label: str, *, measure: bool) -> Network:
    """The verdict on one network, and with `measure` its counts."""
    rates, kernel_size = run.config.get("model.dilations"), run.config.get("model.kernel_size", 3)
    cnn = run.config.get("model.family") == "cnn" and not run.config.get("model.pool")
    if cnn and isinstance(rates, list):
        try:
            return look_at_rates(rates, kernel_size, label, measure=measure)
        except (ValueError, TypeError) as error:
            return Network(label, "not judged", f"The rates cannot be judged: {error}.", None, None)
    if not measure:
        reason = f"Only the first {MOST_MAPS} networks are measured."
        return Network(label, "not measured", reason, None, None)
    return look_at_whole(run, label)


def look_at_rates(rates: list[int], kernel_size: int, label: str, *, measure: bool) -> Network:
    """A stack of convolutions with stride 1, of which the rates say everything."""
    verdict = judge(rates, kernel_size)
    side = verdict.receptive_field
    counts = None
    if measure:
        from dilated_cifar.dilation.coverage import count_map  # imports torch

        counts = count_map(rates, kernel_size).numpy()
    if verdict.nearest_hole is None:
        detail = f"Every one of the {side}x{side} pixels enters the output."
        return Network(label, "no holes", detail, verdict.covered, counts)
    instead = " or ".join(f"[{','.join(map(str, other))}]" for other in verdict.alternatives)
    detail = (
        f"{verdict.covered:.1%} of the {side}x{side} pixels enter the output; the nearest that does not lies "
        f"{verdict.nearest_hole} from the centre. Nearest rates without holes: {instead}."
    )
    return Network(label, f"holes: {verdict.covered:.1%} seen", detail, verdict.covered, counts)


def look_at_whole(run: Run, label: str) -> Network:
    """Any other network: the paths from each pixel of the image to the middle unit of its last map."""
    from dilated_cifar.config.store import to_config
    from dilated_cifar.dilation.coverage import network_count_map  # imports torch
    from dilated_cifar.models import build

    try:
        config = to_config(nested(run.config))
        counts = network_count_map(
            build(config.model, config.data.classes), config.data.input_size, layer="features"
        ).numpy()
    except (UserError, ValueError, RuntimeError, KeyError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        return Network(label, "not measured", f"The network could not be built: {reason}.", None, None)
    seen = counts > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    field = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    covered = float(field.mean())
    size = f"{field.shape[0]}x{field.shape[1]}"
    verdict = "no holes" if covered == 1 else f"holes: {covered:.1%} seen"
    detail = f"The middle unit of the last map sees {covered:.1%} of {size} pixels of the image."
    return Network(label, verdict, detail, covered, counts)


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """`{"model.width": 16}` as `{"model": {"width": 16}}`."""
    container: dict[str, Any] = {}
    for key, value in flat.items():
        *groups, name = key.split(".")
        place = container
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return container
