"""A network and lists of rates explained without training: tables on the screen, pictures and numbers."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dilated_cifar.config.base import as_typed, nearest_first
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.device import use_threads
from dilated_cifar.dilation.rates import judge
from dilated_cifar.dilation.trace import Trace, trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.inspection.count_map_pictures import draw_comparison, draw_layers, draw_rates
from dilated_cifar.inspection.layer_tables import (
    LEGEND,
    layer_table,
    verdict_heading,
    verdict_table,
    view_sentence,
)
from dilated_cifar.inspection.view import View, count_maps_before, is_within, last_row, parts_before, view
from dilated_cifar.inspection.view_pictures import draw_view, draw_view_parts
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier

INPUT_SIZE = Cifar10Config().input_size
LAST_MAP = "features"
"""The module of every network that puts out the last feature map."""
ELSEWHERE = (
    "Strides, pools or shortcuts lie between the layers: the verdicts on lists of rates do not hold "
    "here; what is seen was counted on the network itself."
)


def explain_model(config: ExplainConfig, folder: Path, title: str) -> None:
    """Explain the network, under a title, and the lists of rates of `config`, and write into `folder`.

    Raises:
        UserError: a layer or a position does not exist, or the folder cannot be written.
    """
    use_threads(config.threads)
    output = Output(folder)
    numbers = explain_network(build(config.model, 10), config.model, config, output, title)
    numbers["lists"] = explain_lists(config, output)
    output.note("explanation", numbers)
    output.close()


def explain_network(
    model: Classifier, chosen: ModelConfig, config: ExplainConfig, output: Output, title: str, stem: str = ""
) -> dict[str, Any]:
    """Print the layers, verdicts and coverage of a network and draw what its unit counts.

    Returns:
        The same as plain data.
    """
    traced = trace(model, INPUT_SIZE)
    seen = look(model, traced, config)
    console, stack = output.console, chosen.stack
    console.print(layer_table(traced, title))
    console.print(LEGEND, style="dim")
    console.print()
    verdict = None
    if stack is None:
        console.print(ELSEWHERE)
    else:
        verdict = judge(*stack)
        console.print(verdict_heading(verdict))
        console.print(verdict_table(verdict))
    console.print(view_sentence(seen, config.layer))
    console.print()
    if stack is not None and config.layer == LAST_MAP and config.position is None:
        output.draw(f"{stem}count_map", draw_rates(*stack))
        output.draw(f"{stem}layers", draw_layers(*stack))
    else:
        output.draw(f"{stem}count_map", draw_view(seen, config.layer))
        parts = parts_before(traced, config.layer)
        maps = count_maps_before(model, INPUT_SIZE, seen, config.layer, parts)
        output.draw(f"{stem}layers", draw_view_parts(seen, config.layer, maps))
    return {
        "model": asdict(chosen),
        "layers": [asdict(layer) for layer in traced.layers],
        "parameters": traced.parameters,
        "multiply_adds": traced.multiply_adds,
        "receptive_field": traced.receptive_field,
        "verdict": None if verdict is None else asdict(verdict),
        "unit": {
            "layer": config.layer,
            "position": seen.position,
            "centre": seen.centre,
            "box": seen.box,
            "covered": seen.covered,
            "nearest_hole": seen.nearest_hole,
            "counts": seen.counts.tolist(),
        },
    }


def look(model: Classifier, traced: Trace, config: ExplainConfig) -> View:
    """What the unit that `config` names sees.

    Raises:
        UserError: there is no such layer or no such unit.
    """
    rows = dict.fromkeys(layer.name for layer in traced.layers)
    ran = [name for name, _ in model.named_modules() if name and any(is_within(row, name) for row in rows)]
    if config.layer not in ran:
        raise UserError(f"layer={config.layer}: expected {nearest_first(config.layer, ran)}")
    shape = last_row(traced, config.layer).output_shape
    position = None
    if config.position is not None:
        position = (config.position[0], config.position[1])
        if len(shape) != 3:
            raise UserError(
                f"position={as_typed(config.position)}: {config.layer} puts out no map; leave position out"
            )
        if position[0] >= shape[1] or position[1] >= shape[2]:
            raise UserError(
                f"position={as_typed(config.position)}: outside the {shape[1]}x{shape[2]} map of "
                f"{config.layer}; expected a row from 0 to {shape[1] - 1} and a column from 0 to "
                f"{shape[2] - 1}"
            )
    return view(model, INPUT_SIZE, traced, config.layer, position)


def explain_lists(config: ExplainConfig, output: Output) -> list[dict[str, Any]]:
    """Print the verdicts on the lists of rates that `config` names and draw their maps side by side."""
    lists = config.rate_lists
    verdicts = [judge(rates, config.kernel_size) for rates in lists]
    for verdict in verdicts:
        output.console.print(verdict_heading(verdict))
        output.console.print(verdict_table(verdict))
        output.console.print()
    if lists:
        output.draw("comparison", draw_comparison(lists, config.kernel_size))
    return [asdict(verdict) for verdict in verdicts]
