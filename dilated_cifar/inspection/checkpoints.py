"""From checkpoints to tables and pictures of what the trained networks see."""

from collections.abc import Mapping, Sequence

import torch
from rich.text import Text
from torch import Tensor

from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.data.splits import Split
from dilated_cifar.device import use_threads
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_images
from dilated_cifar.evaluation.trained import (
    Trained,
    folder_for,
    open_all,
    require_finite,
    some_test_images,
)
from dilated_cifar.inspection.answers import (
    definitions,
    network_answer,
    network_details,
    networks_answer,
)
from dilated_cifar.inspection.class_maps import draw_class_maps, last_maps
from dilated_cifar.inspection.control import (
    MEASURES,
    Comparison,
    findings,
    measure,
    measure_control,
)
from dilated_cifar.inspection.control_table import (
    CONTROL,
    DIFFERS,
    GRADIENT,
    measured_data,
    measures_table,
    unseparated,
)
from dilated_cifar.inspection.effective_field import draw_effective_fields
from dilated_cifar.inspection.explanation import as_data, draw_network, inspect_chosen
from dilated_cifar.inspection.features import alike, draw_strongest, strongest_maps
from dilated_cifar.inspection.gridding import draw_lattices
from dilated_cifar.inspection.network import Inspection
from dilated_cifar.inspection.observation import LabelledGradients, choose_target
from dilated_cifar.inspection.page import network_page
from dilated_cifar.progress import Steps

EXAMPLES = 3
"""Test images whose feature maps are drawn where the user names none."""


def explain_checkpoints(config: ExplainConfig, steps: Steps, commands: Mapping[str, str]) -> list[str]:
    """Explain the networks of checkpoints, and measure each beside randomly initialised ones of its kind.

    `commands` says how this user calls the commands that the page names.

    Returns:
        A line for each picture that cannot be read; the others were shown to the networks.

    Raises:
        UserError: a checkpoint, every picture, the data or the output folder is not as expected.
    """
    use_threads(config.threads)
    paths = find_images(config.images) if config.images else []
    steps.begin("reading checkpoints")
    trained = open_all(config.checkpoint, device=config.device)
    require_finite(trained)
    require_one_size(trained)
    faults: list[str] = []
    if paths:
        own, paths, faults = read_images(paths, trained[0].config.data.input_size)
    with steps.hidden():
        splits = [
            some_test_images(each.config.data, config.data_place, config.samples, progress=config.progress)
            for each in trained
        ]
    inspections = [
        inspect_chosen(each.model, each.config.model, each.config.data.input_size, config) for each in trained
    ]
    output = Output(folder_for(trained, "explain", config.output))
    output.prepare()
    mapped = [each for each in zip(trained, inspections, splits, strict=True) if each[1].last is not None]
    steps.expect(len(mapped) * (1 + config.controls) + 1)
    networks = [compare(*network, config, steps) for network in mapped]
    steps.begin("drawing")
    for each, inspection in zip(trained, inspections, strict=True):
        draw_network(inspection, output, each.label, each.stem(trained))
    shown = (own, [path.stem for path in paths]) if paths else examples(trained[0], splits[0])
    if mapped:
        gradients = [network.gradients for network in networks]
        draw_trained(output, [each for each, _, _ in mapped], gradients, *shown)
    named = list(zip(trained, inspections, strict=True))
    labelled = [(each.label, inspection) for each, inspection in named]
    output.page("explanation", network_page(labelled, commands, image=(shown[0][0], shown[1][0])))
    theory = [as_data(inspection, each.config.model) for each, inspection in named]
    output.note("explanation", {"networks": theory})
    output.note("inspection", measured_data([each for each, _, _ in mapped], networks))
    steps.end()
    tell(output, named, networks, config)
    return faults


def require_one_size(trained: Sequence[Trained]) -> None:
    """Raise a UserError where networks take images of different sizes, which no picture shows at once."""
    first = trained[0]
    for each in trained[1:]:
        sizes = ["x".join(map(str, network.config.data.input_size)) for network in (each, first)]
        if sizes[0] != sizes[1]:
            raise UserError(
                f"{each.path}: takes images of {sizes[0]}, {first.path} of {sizes[1]} (channels, height, "
                "width); expected runs of one size; explain them one at a time"
            )


def draw_trained(
    output: Output,
    trained: Sequence[Trained],
    gradients: Sequence[LabelledGradients],
    images: Tensor,
    names: Sequence[str],
) -> None:
    """Draw gradients, and what the networks respond to images uint8 [N, C, H, W]."""
    output.draw("effective_field", draw_effective_fields(gradients))
    if (figure := draw_lattices(gradients)) is not None:
        output.draw("lattice", figure)
    # Classes of other networks than the first say nothing of its images.
    classes = trained[0].class_names
    seeing = [each for each in trained if each.has_class_maps and each.class_names == classes]
    if maps := [(each.label, last_maps(each, images)) for each in seeing]:
        output.draw("class_maps", draw_class_maps(maps, images, names))
    layers = [(each.label, strongest_maps(each.model, each.inputs(images))) for each in trained]
    for sheet, group in enumerate(alike(layers), start=1):
        output.draw("strongest" if sheet == 1 else f"strongest-{sheet}", draw_strongest(group, images, names))


def tell(
    output: Output,
    trained: Sequence[tuple[Trained, Inspection]],
    networks: Sequence[Comparison],
    config: ExplainConfig,
) -> None:
    """Print the answer, and write it with the details below it."""
    named = [(each.label, inspection) for each, inspection in trained]
    answer = network_answer(*named[0]) if len(named) == 1 else networks_answer(named)
    counts = ", ".join(dict.fromkeys(str(network.images) for network in networks))
    title = f"trained and (below) {config.controls} randomly initialised networks, on {counts} test images"
    if networks:
        answer += ["", measures_table(networks, title), DIFFERS, *unseparated(networks)]
    answer += [Text(line) for each in trained if (line := absent(*each))]
    details = [part for label, inspection in named for part in network_details(label, inspection)]
    meanings = [f"{each.label}: {each.meaning} ({each.source})" for each in MEASURES]
    details += [*definitions(GRADIENT, *meanings, CONTROL), "", *findings(networks)]
    output.tell("explanation", answer, details, detailed=config.details)
    output.close()


def absent(trained: Trained, inspection: Inspection) -> str | None:
    """What cannot be shown of a network, in a line; None where nothing is missing."""
    if inspection.last is None:
        return f"{trained.label}: {inspection.uncounted}, so that gradients and feature maps are left out"
    if not trained.has_class_maps:
        return f"{trained.label}: no class maps; they need a network with a method class_maps(images)"
    return None


def examples(trained: Trained, split: Split) -> tuple[Tensor, list[str]]:
    """The first images of different classes, with the names of their classes."""
    labels = split.labels.tolist()
    first = [labels.index(label) for label in dict.fromkeys(labels)][:EXAMPLES]
    return split.images[torch.tensor(first)], [trained.class_names[labels[index]] for index in first]


def compare(
    trained: Trained, inspection: Inspection, split: Split, config: ExplainConfig, steps: Steps
) -> Comparison:
    """Measure a trained network, one with feature maps, and its control on the same images.

    Raises:
        UserError: what the network computes is not finite.
    """
    inputs = trained.inputs(split.images)
    assert inspection.last is not None
    target = choose_target(inspection.trace, inspection.last)
    steps.begin(f"{trained.label}: gradients of {len(inputs)} images")
    try:
        measured = measure(trained.model, inputs, target)
    except OverflowError as error:
        raise UserError(
            f"checkpoint={trained.path}: {error}; expected a network whose training did not diverge"
        ) from error
    control = measure_control(
        trained.config.model,
        len(trained.class_names),
        inputs,
        trained.machine,
        target,
        count=config.controls,
        seed=config.seed,
        begin=lambda number: steps.next(f"{trained.label}: randomly initialised network {number}"),
    )
    steps.done()
    return Comparison(trained.label, len(inputs), target, measured, control)
