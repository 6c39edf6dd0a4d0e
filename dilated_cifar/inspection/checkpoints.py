"""From checkpoints to tables and pictures of what the trained networks see."""

from typing import Any

import torch
from rich.table import Table
from torch import Tensor

from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.device import use_threads
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_images
from dilated_cifar.evaluation.trained import Trained, data_here, folder_for, open_all
from dilated_cifar.inspection.class_maps import draw_class_maps
from dilated_cifar.inspection.control import (
    MEASURES,
    Comparison,
    as_data,
    findings,
    measure,
    measure_control,
)
from dilated_cifar.inspection.effective_field import draw_effective_fields
from dilated_cifar.inspection.explanation import explain_lists, explain_network, inspect_chosen
from dilated_cifar.inspection.features import draw_strongest
from dilated_cifar.inspection.gridding import draw_lattices
from dilated_cifar.inspection.network import Inspection
from dilated_cifar.inspection.observation import choose_target

EXAMPLES = 3
"""Test images whose feature maps are drawn where the user names none."""
GRADIENT = (
    "Gradients are those of the centre unit of the last feature map (summed over its channels), absolute, "
    "summed over colours or channels and averaged over the images, with the network in eval mode."
)
CONTROL = (
    "random init: mean over randomly initialised networks whose batch norms have the statistics of the same "
    "images; 95% interval: where one more of them would lie (prediction interval); differs: whether the "
    "trained value lies outside."
)


def explain_checkpoints(config: ExplainConfig) -> list[str]:
    """Explain the networks of checkpoints, and measure each beside randomly initialised ones of its kind.

    Returns:
        A line for each picture that cannot be read; the others were shown to the networks.

    Raises:
        UserError: a checkpoint, every picture, the data or the output folder is not as expected.
    """
    use_threads(config.threads)
    paths = find_images(config.images) if config.images else []
    trained = open_all(config.checkpoint, device=config.device)
    faults: list[str] = []
    if paths:
        own, paths, faults = read_images(paths, trained[0].config.data.input_size)
    splits = [some_test_images(each, config) for each in trained]
    inspections = [
        inspect_chosen(each.model, each.config.model, each.config.data.input_size, config) for each in trained
    ]
    output = Output(folder_for(trained, "explain", config.output))
    theory = [
        explain_network(inspection, each.config.model, config, output, each.label, each.stem(trained))
        for each, inspection in zip(trained, inspections, strict=True)
    ]
    output.note("explanation", {"networks": theory, "lists": explain_lists(config, output)})
    networks = [compare(*network, config) for network in zip(trained, inspections, splits, strict=True)]
    show(networks, trained, output, config)
    gradients = [network.gradients for network in networks]
    output.draw("effective_field", draw_effective_fields(gradients))
    if (figure := draw_lattices(gradients)) is not None:
        output.draw("lattice", figure)
    images, names = (own, [path.stem for path in paths]) if paths else examples(trained[0], splits[0])
    output.draw("class_maps", draw_class_maps(trained, images, names))
    output.draw("strongest", draw_strongest(trained, images, names))
    output.close()
    return faults


def some_test_images(trained: Trained, config: ExplainConfig) -> Split:
    """Evenly spread images of the run's own test split."""
    split = load_split(data_here(trained.config.data, config.data), "test")
    count = min(config.samples, len(split))
    chosen = torch.arange(count) * len(split) // count
    return Split(split.images[chosen], split.labels[chosen])


def examples(trained: Trained, split: Split) -> tuple[Tensor, list[str]]:
    """The first images of different classes, with the names of their classes."""
    labels = split.labels.tolist()
    first = [labels.index(label) for label in dict.fromkeys(labels)][:EXAMPLES]
    return split.images[torch.tensor(first)], [trained.class_names[labels[index]] for index in first]


def compare(trained: Trained, inspection: Inspection, split: Split, config: ExplainConfig) -> Comparison:
    """Measure a trained network and its control on the same images."""
    inputs = trained.inputs(split.images)
    target = choose_target(inspection.trace)
    control = measure_control(
        trained.config.model,
        len(trained.class_names),
        inputs,
        trained.machine,
        target,
        count=config.controls,
        seed=config.seed,
    )
    measured = measure(trained.model, inputs, target)
    return Comparison(trained.label, len(inputs), target, measured, control)


def show(networks: list[Comparison], trained: list[Trained], output: Output, config: ExplainConfig) -> None:
    """Print the measures with their definitions, and write them as JSON."""
    counts = ", ".join(dict.fromkeys(str(network.images) for network in networks))
    title = f"trained beside {config.controls} randomly initialised networks, on {counts} test images"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("measure", overflow="fold")
    table.add_column("network", overflow="fold")
    for heading in ("trained", "random init", "95% interval", "differs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in MEASURES:
        for number, network in enumerate(networks):
            table.add_row(each.label if number == 0 else "", *measure_row(network, each.key))
    output.console.print(table)
    output.console.print()
    meanings = [f"{each.label}: {each.meaning} ({each.source})" for each in MEASURES]
    for text in (GRADIENT, *meanings, CONTROL):
        output.console.print(text, style="dim")
    output.console.print()
    sentences = findings(networks)
    for sentence in sentences:
        output.console.print(sentence)
    content: dict[str, Any] = {
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
        "findings": sentences,
    }
    output.note("inspection", content)


def measure_row(network: Comparison, key: str) -> tuple[str, ...]:
    """Label, trained value, mean of the randomly initialised ones, their interval, whether they differ."""
    if not network.applies(key):
        return network.label, "-", "", "", ""
    values = network.control.values(key)
    low, high = network.control.interval(key)
    return (
        network.label,
        f"{network.trained.values[key]:.2f}",
        f"{sum(values) / len(values):.2f}",
        f"{low:.2f} to {high:.2f}",
        "yes" if network.differs(key) else "no",
    )
