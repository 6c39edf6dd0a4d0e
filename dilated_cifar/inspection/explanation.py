"""A network explained without training: the answer, pictures, a page and numbers."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from dilated_cifar.config.base import as_typed, nearest_first
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.device import use_threads
from dilated_cifar.dilation.coverage import Unit, count_unit
from dilated_cifar.dilation.layers import Trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.inspection.answers import (
    definitions,
    network_answer,
    network_details,
)
from dilated_cifar.inspection.count_maps import draw_coverage, draw_depths
from dilated_cifar.inspection.network import Inspection, inspect_network
from dilated_cifar.inspection.page import network_page
from dilated_cifar.models import build
from dilated_cifar.models.classifier import LAST_MAP
from dilated_cifar.progress import Steps


def explain_model(
    config: ExplainConfig, folder: Path, title: str, steps: Steps, commands: Mapping[str, str]
) -> None:
    """Explain the network of `config` under a title, and write into `folder`.

    `commands` says how this user calls the commands that the page names.

    Raises:
        UserError: a layer or a position does not exist, or the folder cannot be written.
    """
    use_threads(config.threads)
    output = Output(folder)
    model = build(config.model, config.data.classes, config.data.input_size)
    inspection = inspect_chosen(model, config.model, config.data.input_size, config)
    steps.begin("drawing")
    draw_network(inspection, output, title)
    output.page("explanation", network_page([(title, inspection)], commands))
    output.note("explanation", as_data(inspection, config.model))
    steps.end()
    details = [*network_details(title, inspection), *definitions()]
    output.tell("explanation", network_answer(title, inspection), details, detailed=config.details)
    output.close()


def inspect_chosen(
    model: nn.Module, chosen: ModelConfig, input_size: tuple[int, int, int], config: ExplainConfig
) -> Inspection:
    """Inspect a network with the unit that `config` names.

    Raises:
        UserError: there is no such layer or no such unit.
    """
    try:
        inspection = inspect_network(model, input_size, stack=chosen.stack)
    except ValueError as error:
        raise UserError(f"model.family={chosen.family}: {error}") from error
    if config.layer == LAST_MAP:
        if config.position is None or inspection.last is None:
            return inspection
        config = replace(config, layer=inspection.last)
    position = check_unit(model, inspection.trace, config)
    try:
        unit = count_unit(model, inspection.trace, config.layer, position)
    except ValueError as error:
        raise UserError(f"layer={config.layer}: {error}") from error
    return replace(inspection, unit=unit, uncounted="")


def check_unit(model: nn.Module, traced: Trace, config: ExplainConfig) -> tuple[int, int] | None:
    """The position that `config` names on the map of its layer, None where it names none.

    Raises:
        UserError: there is no such layer or no such position.
    """
    modules = [name for name, _ in model.named_modules() if name]
    ran = [name for name in modules if any(layer.is_within(name) for layer in traced.layers)]
    if config.layer not in ran:
        raise UserError(f"layer={config.layer}: expected {nearest_first(config.layer, ran)}")
    if config.position is None:
        return None
    written = f"position={as_typed(config.position)}"
    shape = traced.layer(config.layer).output_shape
    if len(shape) != 3:
        raise UserError(f"{written}: the output of {config.layer} is no map; leave position out")
    row, column = config.position
    if row >= shape[1] or column >= shape[2]:
        raise UserError(
            f"{written}: outside the {shape[1]}x{shape[2]} map of {config.layer}; expected a row from 0 to "
            f"{shape[1] - 1} and a column from 0 to {shape[2] - 1}"
        )
    return row, column


def draw_network(inspection: Inspection, output: Output, label: str, stem: str = "") -> None:
    """Draw the count maps of a network's unit, where it has one."""
    if inspection.unit is None:
        return
    output.draw(f"{stem}count_map", draw_coverage(inspection, name=label))
    output.draw(f"{stem}layers", draw_depths(inspection, name=label))


def as_data(inspection: Inspection, chosen: ModelConfig) -> dict[str, Any]:
    """Layers, verdict and coverage of a network as plain data."""
    traced, verdict, unit = inspection.trace, inspection.verdict, inspection.unit
    return {
        "model": asdict(chosen),
        "input": list(traced.input_size),
        "layers": [asdict(layer) for layer in traced.layers],
        "parameters": traced.parameters,
        "multiply_adds": traced.multiply_adds,
        "receptive_field": traced.receptive_field,
        "verdict": None if verdict is None else asdict(verdict),
        "unit": None if unit is None else unit_data(unit),
        "uncounted": inspection.uncounted or None,
    }


def unit_data(unit: Unit) -> dict[str, Any]:
    """What a unit covers as plain data."""
    return {
        "layer": unit.name,
        "position": unit.position,
        "centre": unit.centre,
        "box": unit.box,
        "covered": unit.covered,
        "nearest_hole": unit.nearest_hole,
        "counts": unit.counts.tolist(),
    }
