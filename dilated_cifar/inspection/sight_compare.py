"""Which measures tell a trained network from fresh ones, and trained networks from each other."""

from dataclasses import dataclass
from itertools import combinations
from math import isfinite

from dilated_cifar.inspection.sight_definitions import DEFINITIONS
from dilated_cifar.inspection.sight_gradients import Plan
from dilated_cifar.inspection.sight_network import CONFIDENCE, Control, Sight

ROUNDING = 1e-9
"""Differences below it are those of summation, not of networks."""


@dataclass(frozen=True)
class Seen:
    """A trained network's measures and those of its control, under the name it has in tables."""

    label: str
    images: int
    plan: Plan
    trained: Sight
    control: Control

    def applies(self, key: str) -> bool:
        """Whether the measure has a value for this network."""
        return isfinite(self.trained.values[key])

    def half_width(self, key: str) -> float:
        """Half of the interval in which one more fresh network would lie."""
        low, high = self.control.interval(key)
        return (high - low) / 2

    def differs_from_fresh(self, key: str) -> bool | None:
        """Whether the trained value lies outside that interval; None where the measure does not apply."""
        if not self.applies(key):
            return None
        low, high = self.control.interval(key)
        return not low - ROUNDING <= self.trained.values[key] <= high + ROUNDING


def findings(networks: list[Seen]) -> list[str]:
    """One sentence for every measure that separates less than one might think."""
    sentences = []
    for definition in DEFINITIONS:
        key, label = definition.key, definition.label
        same = [network.label for network in networks if network.differs_from_fresh(key) is False]
        if same:
            sentences.append(f"{label}: does not separate {' or '.join(same)} from fresh weights.")
        for one, other in combinations([network for network in networks if network.applies(key)], 2):
            if not separates(one, other, key):
                sentences.append(
                    f"{label}: does not separate {one.label} from {other.label}; they differ by less than "
                    "fresh networks of one kind do."
                )
        if any(not network.applies(key) for network in networks):
            without = ", ".join(network.label for network in networks if not network.applies(key))
            sentences.append(f"{label}: does not apply to {without}.")
    return sentences


def separates(one: Seen, other: Seen, key: str) -> bool:
    """Whether two trained values differ by more than one more fresh network would from its kind's mean.

    One training of each says nothing of how other seeds would train: a necessary condition, no test.
    """
    difference = abs(one.trained.values[key] - other.trained.values[key])
    widths = [network.half_width(key) for network in (one, other)]
    return difference > max([width for width in widths if isfinite(width)], default=0.0) + ROUNDING


def as_data(network: Seen) -> dict[str, object]:
    """The measures of one network as plain data, numbers that do not exist as None."""
    values = {}
    for definition in DEFINITIONS:
        key = definition.key
        low, high = network.control.interval(key)
        values[key] = {
            "trained": finite(network.trained.values[key]),
            "fresh": [finite(value) for value in network.control.values(key)],
            "fresh_interval": [finite(low), finite(high)],
            "confidence": CONFIDENCE,
            "differs_from_fresh": network.differs_from_fresh(key),
        }
    stage = network.plan.stage
    return {
        "label": network.label,
        "images": network.images,
        "unit": network.plan.position,
        "centre": network.plan.centre,
        "stage": None if stage is None else {"input_of": stage.source, "rate": stage.spacing},
        "measures": values,
    }


def finite(value: float) -> float | None:
    """A number that JSON can hold."""
    return value if isfinite(value) else None
