"""Dilation rates and their layers explained without a network: the answer, pictures, a page and numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.dilation.rates import judge, receptive_field
from dilated_cifar.dilation.stack import Window, convolution_sizes, rates_at_stride_one, transposed_sizes
from dilated_cifar.evaluation.output import Output
from dilated_cifar.inspection.answers import definitions, rates_answer, rates_details
from dilated_cifar.inspection.count_maps import draw_comparison, draw_layers
from dilated_cifar.inspection.page import SIZE, Stack, rates_page
from dilated_cifar.inspection.sizes import (
    CONVOLUTION_LEGEND,
    TRANSPOSED_LEGEND,
    convolution_table,
    transposed_steps,
    transposed_table,
)
from dilated_cifar.progress import Steps

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
