"""Any torch module explained: its layers, receptive field, coverage and gridding."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from torch import nn

from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.device import use_threads
from dilated_cifar.dilation.coverage import Unit, count_unit
from dilated_cifar.dilation.layers import Trace
from dilated_cifar.dilation.trace import trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.inspection.answers import covered_text, fact_table, headed
from dilated_cifar.inspection.count_maps import draw_count_maps, draw_unit
from dilated_cifar.inspection.coverage import unit_sentence, unit_text
from dilated_cifar.inspection.explanation import check_unit, unit_data
from dilated_cifar.inspection.foreign import load_network
from dilated_cifar.inspection.grids import GRIDDING, Grid, find_grids, grid_sentences
from dilated_cifar.inspection.network import LEGEND, Inspection, global_path_text, layer_table, millions
from dilated_cifar.inspection.page import network_page
from dilated_cifar.models.classifier import LAST_MAP
from dilated_cifar.progress import Steps

UNPRODUCTIVE = (
    "unproductive: a convolution with a window whose input sees the whole image already, along every path "
    "(Richter et al. 2021)."
)
FEW = 3
"""Names that are listed; of more, the first and how many."""


@dataclass(frozen=True)
class Finding:
    """What is known of a network: its layers, and the unit and grids, or why they cannot be counted."""

    trace: Trace
    unit: Unit | None
    grids: list[Grid]
    uncounted: str | None


def explain_network(
    config: ExplainConfig, folder: Path, title: str, steps: Steps, commands: Mapping[str, str]
) -> None:
    """Explain the network that `config` names, and write into `folder`.

    `commands` says how this user calls the commands that the page names.

    Raises:
        UserError: it cannot be built or run, a layer or a position does not exist, or the folder cannot be
            written.
    """
    use_threads(config.threads)
    steps.begin("building the network")
    network = load_network(config)
    output = Output(folder)
    steps.begin("tracing")
    finding = find(network, config)
    steps.begin("drawing")
    if finding.unit is not None:
        output.draw("count_map", draw_unit(finding.unit, name=title))
    if finding.grids:
        panels = [
            (f"input of {grid.layer}\nrate {grid.rate}, lattice share {grid.share:.2f}", grid.counts)
            for grid in finding.grids
        ]
        heading = "How often each position enters the unit, where each dilation rate begins"
        output.draw("gridding", draw_count_maps(panels, heading, name=title, centred=False))
    inspection = Inspection(network, finding.trace, None, finding.unit, finding.uncounted or "")
    output.page("explanation", network_page([(title, inspection)], commands))
    output.note("explanation", as_data(config, finding))
    steps.end()
    details: list[RenderableType] = ["", layer_table(finding.trace, title), ""]
    details += [] if finding.unit is None else [unit_sentence(finding.unit)]
    details += ["", LEGEND, GRIDDING, UNPRODUCTIVE]
    output.tell("explanation", answer(title, finding), details, detailed=config.details)
    output.close()


def find(network: nn.Module, config: ExplainConfig) -> Finding:
    """Trace a network and count what its unit covers, where that can be counted.

    Raises:
        UserError: the network does not take the input, or there is no such layer or position.
    """
    try:
        traced = trace(network, config.input_size)
    except ValueError as error:
        raise UserError(f"network={config.network}: {error}") from error
    layer, position = traced.last_map.module, None
    if config.layer != LAST_MAP or config.position is not None:
        layer = layer if config.layer == LAST_MAP else config.layer
        position = check_unit(network, traced, replace(config, layer=layer))
    try:
        if not layer:
            raise ValueError("no module puts out a map [C, h, w]: write layer=NAME")
        unit = count_unit(network, traced, layer, position)
        return Finding(traced, unit, find_grids(network, traced, unit), None)
    except (ValueError, RuntimeError) as error:
        return Finding(traced, None, [], " ".join(str(error).split()))


def answer(title: str, finding: Finding) -> list[RenderableType]:
    """What is to be known of the network first, line by line."""
    traced, unit = finding.trace, finding.unit
    last = traced.last_map
    facts = {"receptive field": field_fact(traced)}
    if (path := global_path_text(traced)) is not None:
        facts["global path"] = path
    shape = "x".join(map(str, last.shape))
    facts["last map"] = f"{last.module or 'the output'}, {shape}, jump {last.jump[0]:g}"
    if len(traced.outputs) > 1:
        facts["outputs"] = "; ".join(
            f"{name}: {'x'.join(map(str, made.shape))}, field {made.receptive_field[0]}"
            for name, made in traced.outputs.items()
        )
    if unit is not None:
        facts["covered"] = f"{covered_text(unit)} ({unit_text(unit)})"
    else:
        facts["count map"] = f"none: {finding.uncounted}"
    if finding.grids:
        facts["gridding"] = "\n".join(grid_sentences(finding.grids))
    if names := [layer.name for layer in traced.unproductive]:
        few = len(names) <= FEW
        named = ", ".join(names) if few else f"{len(names)} convolutions from {names[0]} on"
        facts["unproductive"] = f"{named}: what enters sees the whole image already"
    facts["size"] = f"{traced.parameters:,} parameters, {millions(traced.multiply_adds)} multiply-adds"
    return [title if unit is None else headed(title, unit.nearest_hole), fact_table(facts)]


def field_fact(traced: Trace) -> str:
    """The receptive field along convolutions, as published tables have it."""
    field = traced.receptive_field
    if not traced.global_paths:
        return f"{field}x{field} pixels"
    return f"{field}x{field} pixels along convolutions; the whole input through {traced.global_paths[0].kind}"


def as_data(config: ExplainConfig, finding: Finding) -> dict[str, Any]:
    """All of it as plain data."""
    traced = finding.trace
    return {
        "network": config.network,
        "arguments": config.arguments,
        "weights": config.weights,
        "input": list(traced.input_size),
        "layers": [asdict(layer) for layer in traced.layers],
        "parameters": traced.parameters,
        "multiply_adds": traced.multiply_adds,
        "receptive_field": traced.receptive_field,
        "global_paths": [asdict(path) for path in traced.global_paths],
        "outputs": {name: asdict(made) for name, made in traced.outputs.items()},
        "last_map": asdict(traced.last_map),
        "unproductive": [layer.name for layer in traced.unproductive],
        "unit": None if finding.unit is None else unit_data(finding.unit),
        "uncounted": finding.uncounted,
        "gridding": [
            {
                "input_of": grid.layer,
                "rate": grid.rate,
                "lattice_share": grid.share,
                "outcome": grid.outcome,
                "mended_rates": grid.mended_rates,
                "mended_share": grid.mended,
            }
            for grid in finding.grids
        ],
    }
