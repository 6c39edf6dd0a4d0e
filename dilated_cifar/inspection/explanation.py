"""A network, or dilation rates alone, explained without training: the answer, pictures and numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from dilated_cifar.config.base import as_typed, nearest_first
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.device import use_threads
from dilated_cifar.dilation.coverage import count_unit
from dilated_cifar.dilation.rates import judge, receptive_field
from dilated_cifar.dilation.stack import Window, convolution_sizes, rates_at_stride_one, transposed_sizes
from dilated_cifar.dilation.trace import Trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.inspection.answers import (
    definitions,
    network_answer,
    network_details,
    rates_answer,
    rates_details,
)
from dilated_cifar.inspection.network import Inspection, draw_coverage, draw_depths, inspect_network
from dilated_cifar.inspection.page import SIZE, Stack, network_page, rates_page
from dilated_cifar.inspection.sizes import (
    CONVOLUTION_LEGEND,
    TRANSPOSED_LEGEND,
    convolution_table,
    transposed_steps,
    transposed_table,
)
from dilated_cifar.inspection.verdicts import draw_comparison, draw_layers
from dilated_cifar.models import build
from dilated_cifar.models.classifier import LAST_MAP
from dilated_cifar.progress import Steps

DATA = Cifar10Config()
"""The data set whose image size and number of classes a network without a checkpoint gets."""
MOST_ON_THE_SCREEN = 10
"""Layers whose sizes stand in the answer; of more, they stand in the details."""
FEW_TRANSPOSED = 3
"""Transposed layers whose steps are written out in the answer."""
STRIDED = (
    "These are the rates at stride 1: one unit of the stack reads the same pixels as one of a stack without "
    "strides whose rates are multiplied by the strides in front."
)


def explain_rates(config: ExplainConfig, folder: Path, steps: Steps, commands: Mapping[str, str]) -> None:
    """Explain the lists of rates of `config`, and write into `folder`.

    `commands` says how this user calls the commands that the page names.

    Raises:
        UserError: the folder cannot be written.
    """
    output = Output(folder)
    stacks = [config.windows(rates) for rates in config.rate_lists]
    if config.transposed:
        explain_transposed(config, stacks, output, commands)
        return
    kernel_size = config.kernel_size
    lists = [
        rates_at_stride_one(rates, [window.stride for window in windows])
        for rates, windows in zip(config.rate_lists, stacks, strict=True)
    ]
    verdicts = [judge(rates, kernel_size) for rates in lists]
    sizes = [] if config.size is None else [convolution_sizes(config.size, windows) for windows in stacks]
    steps.begin("drawing")
    name = "count_map" if len(verdicts) == 1 else "comparison"
    output.draw(name, draw_comparison(lists, kernel_size))
    for verdict in verdicts:
        stem = "" if len(verdicts) == 1 else f"{'-'.join(map(str, verdict.rates))}-"
        output.draw(f"{stem}layers", draw_layers(verdict.rates, kernel_size))
    output.page("explanation", rates_page([as_stack(windows, config.size) for windows in stacks], commands))
    content: dict[str, Any] = {"lists": [asdict(verdict) for verdict in verdicts]}
    if sizes:
        content["sizes"] = [[asdict(layer) for layer in layers] for layers in sizes]
    output.note("explanation", content)
    steps.end()
    answer = rates_answer(verdicts)
    details = [part for verdict in verdicts for part in rates_details(verdict)]
    if any(rates != tuple(typed) for rates, typed in zip(lists, config.rate_lists, strict=True)):
        answer.append(STRIDED)
    tables = [part for layers in sizes for part in ("", convolution_table(layers))]
    if len(sizes) == 1 and len(sizes[0]) <= MOST_ON_THE_SCREEN:
        answer += tables
    else:
        details += tables
    details += definitions(*([CONVOLUTION_LEGEND] if sizes else []), layers=False)
    output.tell("explanation", answer, details, detailed=config.details)
    output.close()


def explain_transposed(
    config: ExplainConfig, stacks: Sequence[Sequence[Window]], output: Output, commands: Mapping[str, str]
) -> None:
    """Explain the sizes of transposed convolutions; of these there are no rules on rates."""
    assert config.size is not None  # the configuration saw to it
    sizes = [transposed_sizes(config.size, windows) for windows in stacks]
    output.note("explanation", {"transposed": [[asdict(layer) for layer in layers] for layers in sizes]})
    output.page("explanation", rates_page([as_stack(windows, config.size) for windows in stacks], commands))
    sentences = [line for layers in sizes for line in transposed_steps(layers)]
    tables = [part for layers in sizes for part in ("", transposed_table(layers))]
    if sum(map(len, sizes)) <= FEW_TRANSPOSED:
        answer, details = [*sentences, *tables], []
    else:
        answer, details = tables[1:], ["", *sentences]
    output.tell("explanation", answer, [*details, "", TRANSPOSED_LEGEND], detailed=config.details)
    output.close()


def as_stack(windows: Sequence[Window], size: int | None) -> Stack:
    """Layers as the page shows them first; where no size was given, on a map that they do not outgrow."""
    rates, kernels = [each.rate for each in windows], [each.kernel_size for each in windows]
    strides, paddings = [each.stride for each in windows], [each.padding for each in windows]
    field = receptive_field(rates_at_stride_one(rates, strides), kernels)
    return Stack(rates, kernels, strides, paddings if any(paddings) else "valid", size or max(SIZE, field))


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
    model = build(config.model, DATA.classes, DATA.input_size)
    inspection = inspect_chosen(model, config.model, DATA.input_size, config)
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
    inspection = inspect_network(model, input_size, stack=chosen.stack)
    if config.layer == LAST_MAP and config.position is None:
        return inspection
    position = check_unit(model, inspection.trace, config)
    return replace(inspection, unit=count_unit(model, inspection.trace, config.layer, position))


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
    """Draw the count maps of a network's unit."""
    output.draw(f"{stem}count_map", draw_coverage(inspection, name=label))
    output.draw(f"{stem}layers", draw_depths(inspection, name=label))


def as_data(inspection: Inspection, chosen: ModelConfig) -> dict[str, Any]:
    """Layers, verdict and coverage of a network as plain data."""
    traced, verdict, unit = inspection.trace, inspection.verdict, inspection.unit
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
