"""A network and lists of rates explained without training: tables on the screen, pictures and numbers."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from dilated_cifar.config.base import as_typed, nearest_first
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.device import use_threads
from dilated_cifar.dilation.coverage import count_stages, count_unit
from dilated_cifar.dilation.rates import Verdict, judge
from dilated_cifar.dilation.trace import Trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.inspection.coverage import draw_stages, draw_unit, unit_sentence
from dilated_cifar.inspection.network import LEGEND, Inspection, inspect_network, layer_table
from dilated_cifar.inspection.verdicts import (
    draw_comparison,
    draw_layers,
    verdict_heading,
    verdict_table,
)
from dilated_cifar.models import build
from dilated_cifar.models.classifier import LAST_MAP

DATA = Cifar10Config()
"""The data set whose image size and number of classes a network without a checkpoint gets."""
NO_RULE = (
    "Strides, pools or shortcuts lie between the layers, so that no rule on lists of rates applies; coverage "
    "was counted on the network itself."
)


def explain_model(config: ExplainConfig, folder: Path, title: str) -> None:
    """Explain the network, under a title, and the lists of rates of `config`, and write into `folder`.

    Raises:
        UserError: a layer or a position does not exist, or the folder cannot be written.
    """
    use_threads(config.threads)
    output = Output(folder)
    model = build(config.model, DATA.classes)
    inspection = inspect_chosen(model, config.model, DATA.input_size, config)
    numbers = explain_network(inspection, config.model, config, output, title)
    numbers["lists"] = explain_lists(config, output)
    output.note("explanation", numbers)
    output.close()


def inspect_chosen(
    model: nn.Module, chosen: ModelConfig, input_size: tuple[int, int, int], config: ExplainConfig
) -> Inspection:
    """Inspect a network with the unit that `config` names.

    Raises:
        UserError: there is no such layer or no such unit.
    """
    inspection = inspect_network(model, input_size, stack=chosen.stack)
    if is_centre_of_last_map(config):
        return inspection
    position = check_unit(model, inspection.trace, config)
    return replace(inspection, unit=count_unit(model, inspection.trace, config.layer, position))


def is_centre_of_last_map(config: ExplainConfig) -> bool:
    """Decide whether `config` leaves the unit as it is by default."""
    return config.layer == LAST_MAP and config.position is None


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


def explain_network(
    inspection: Inspection,
    chosen: ModelConfig,
    config: ExplainConfig,
    output: Output,
    title: str,
    stem: str = "",
) -> dict[str, Any]:
    """Print layers, verdicts and coverage of a network and draw the count maps of its unit.

    Returns:
        The same as plain data.
    """
    traced, verdict, unit = inspection.trace, inspection.verdict, inspection.unit
    console = output.console
    console.print(layer_table(traced, title))
    console.print(LEGEND, style="dim")
    console.print()
    if verdict is None:
        console.print(NO_RULE)
    else:
        show_verdict(verdict, output)
    console.print(unit_sentence(unit))
    console.print()
    if verdict is not None and is_centre_of_last_map(config):
        output.draw(f"{stem}count_map", draw_comparison([verdict.rates], verdict.kernel_size))
        output.draw(f"{stem}layers", draw_layers(verdict.rates, verdict.kernel_size))
    else:
        output.draw(f"{stem}count_map", draw_unit(unit))
        output.draw(f"{stem}layers", draw_stages(unit, count_stages(inspection.model, traced, unit)))
    return {
        "model": asdict(chosen),
        "layers": [asdict(layer) for layer in traced.layers],
        "parameters": traced.parameters,
        "multiply_adds": traced.multiply_adds,
        "receptive_field": traced.receptive_field,
        "verdict": None if verdict is None else asdict(verdict),
        "unit": {
            "layer": unit.name,
            "position": unit.position,
            "centre": unit.centre,
            "box": unit.box,
            "covered": unit.covered,
            "nearest_hole": unit.nearest_hole,
            "counts": unit.counts.tolist(),
        },
    }


def explain_lists(config: ExplainConfig, output: Output) -> list[dict[str, Any]]:
    """Print the verdicts on the lists of rates that `config` names and draw their maps side by side."""
    verdicts = [judge(rates, config.kernel_size) for rates in config.rate_lists]
    for verdict in verdicts:
        show_verdict(verdict, output)
        output.console.print()
    if verdicts:
        output.draw("comparison", draw_comparison(config.rate_lists, config.kernel_size))
    return [asdict(verdict) for verdict in verdicts]


def show_verdict(verdict: Verdict, output: Output) -> None:
    """Print the verdicts on one list of rates."""
    output.console.print(verdict_heading(verdict))
    output.console.print(verdict_table(verdict))
