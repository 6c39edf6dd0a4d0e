"""The measures of trained networks and of their controls, as a table, in sentences and as plain data."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from rich.table import Table

from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.answers import plain_table
from dilated_cifar.inspection.control import MEASURES, Comparison, as_data, findings, separates

RANDOM = "random init"
GRADIENT = (
    "Gradients are those of the centre unit of the last feature map (summed over its channels), absolute, "
    "summed over colours or channels and averaged over the images, with the network in eval mode."
)
CONTROL = (
    "random init: randomly initialised networks whose batch norms have the statistics of the same images; "
    "the 95% prediction interval says where one more of them would lie."
)
DIFFERS = "*: outside the 95% interval of random initialisation, which stands below"
MOST_PAIRS = 3
"""Pairs of networks that are named in the answer; more only in the details."""


def measures_table(networks: Sequence[Comparison], title: str) -> Table:
    """A column a measure; of every network the trained value, and below it the interval of its control."""
    table = plain_table(title)
    table.add_column("network", overflow="fold", min_width=len(RANDOM))
    for each in MEASURES:
        table.add_column(each.label.replace(" ", "\n"), justify="right", no_wrap=True)
    for network in networks:
        pairs = [measure_cells(network, each.key) for each in MEASURES]
        table.add_row(network.label, *(trained for trained, _ in pairs))
        table.add_row(RANDOM, *(control for _, control in pairs), style="dim")
    return table


def measure_cells(network: Comparison, key: str) -> tuple[str, str]:
    """The trained value, marked where it differs, and the interval of the randomly initialised ones."""
    if not network.applies(key):
        return "- ", ""
    low, high = network.control.interval(key)
    # No measure is negative; the interval, of normal values, may be.
    return (
        f"{short(network.trained.values[key])}{'*' if network.differs(key) else ' '}",
        f"{short(max(low, 0))}-{short(high)} ",
    )


def short(value: float) -> str:
    """A value with two decimals, or three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def unseparated(networks: Sequence[Comparison]) -> list[str]:
    """Of each two networks the measures that do not tell them apart, in a line."""
    pairs = len(networks) * (len(networks) - 1) // 2
    if pairs > MOST_PAIRS:
        return [f"Which of the {pairs} pairs of networks a measure does not separate is among the details."]
    lines = []
    for one, other in combinations(networks, 2):
        shared = [
            each.label
            for each in MEASURES
            if one.applies(each.key) and other.applies(each.key) and not separates(one, other, each.key)
        ]
        if shared:
            lines.append(f"{one.label} and {other.label} are not separated by: {', '.join(shared)}")
    return lines


def measured_data(trained: Sequence[Trained], networks: Sequence[Comparison]) -> dict[str, Any]:
    """The measures, their definitions and findings as plain data."""
    return {
        "gradient": GRADIENT,
        "control": CONTROL,
        "definitions": {
            each.key: {"key": each.key, "label": each.label, "meaning": each.meaning, "source": each.source}
            for each in MEASURES
        },
        "networks": [
            {"checkpoint": str(each.path), "epoch": each.epoch, **as_data(network)}
            for each, network in zip(trained, networks, strict=True)
        ],
        "findings": findings(networks),
    }
