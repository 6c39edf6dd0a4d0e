"""From checkpoints to tables and pictures of what the trained networks see."""

from dataclasses import asdict
from typing import Any

import torch
from rich.table import Table

from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.device import use_threads
from dilated_cifar.evaluation.opened import Trained, data_here, folder_for, open_all
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_images
from dilated_cifar.inspection.explanation import explain_lists, explain_network
from dilated_cifar.inspection.sight_compare import Seen, as_data, findings
from dilated_cifar.inspection.sight_definitions import DEFINITIONS, FRESH, GRADIENT
from dilated_cifar.inspection.sight_gradients import make_plan
from dilated_cifar.inspection.sight_network import control, see
from dilated_cifar.inspection.sight_panels import (
    effective_fields,
    lattices,
    maps_side_by_side,
    some_test_images,
    strongest_features,
)


def explain_checkpoints(config: ExplainConfig) -> None:
    """Explain the networks of checkpoints, and measure what each sees beside fresh networks of its kind.

    Raises:
        UserError: a checkpoint, a picture, the data or the output folder is not as expected.
    """
    use_threads(config.threads)
    own_paths = find_images(config.images) if config.images else []
    own = read_images(own_paths) if own_paths else None
    trained = open_all(config.checkpoint, device=config.device)
    samples = [read_test_images(each.config, config) for each in trained]
    output = Output(folder_for(trained, "explain", config.output))
    theory = [
        explain_network(each.model, each.config.model, config, output, each.label, each.stem(trained))
        for each in trained
    ]
    lists = explain_lists(config, output)
    output.note("explanation", {"networks": theory, "lists": lists})
    seen = [look_into(each, split, config) for each, split in zip(trained, samples, strict=True)]
    show(seen, trained, output, config)
    output.draw("effective_field", effective_fields(seen))
    if (figure := lattices(seen)) is not None:
        output.draw("lattice", figure)
    images, names = some_test_images(trained[0], samples[0])
    if own is not None:
        images, names = own, [path.stem for path in own_paths]
    output.draw("class_maps", maps_side_by_side(trained, images, names))
    output.draw("strongest", strongest_features(trained, images, names))
    output.close()


def read_test_images(run_config: Config, config: ExplainConfig) -> Split:
    """Evenly spread images of the run's own test split."""
    split = load_split(data_here(run_config.data, config.data), "test")
    count = min(config.samples, len(split))
    chosen = torch.arange(count) * len(split) // count
    return Split(split.images[chosen], split.labels[chosen])


def look_into(trained: Trained, split: Split, config: ExplainConfig) -> Seen:
    """Measure a trained network and its control on the same images."""
    inputs = trained.inputs(split.images)
    plan = make_plan(trained.model)
    classes = len(trained.class_names)
    fresh = control(
        trained.config.model,
        classes,
        inputs,
        trained.machine,
        plan,
        count=config.controls,
        seed=config.seed,
    )
    return Seen(trained.label, len(inputs), plan, see(trained.model, inputs, plan), fresh)


def show(seen: list[Seen], trained: list[Trained], output: Output, config: ExplainConfig) -> None:
    """Print the measures with their definitions, and write them as JSON."""
    counts = ", ".join(dict.fromkeys(str(network.images) for network in seen))
    title = f"trained beside {config.controls} networks with fresh weights, on {counts} test images"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("measure", overflow="fold")
    table.add_column("network", overflow="fold")
    for heading in ("trained", "fresh", "95% of fresh", "differs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for definition in DEFINITIONS:
        for number, network in enumerate(seen):
            table.add_row(definition.label if number == 0 else "", *measure_row(network, definition.key))
    output.console.print(table)
    output.console.print()
    output.console.print(GRADIENT, style="dim")
    for definition in DEFINITIONS:
        text = f"{definition.label}: {definition.meaning} ({definition.source})"
        output.console.print(text, style="dim")
    output.console.print(FRESH, style="dim")
    sentences = findings(seen)
    output.console.print()
    for sentence in sentences:
        output.console.print(sentence)
    networks: list[dict[str, Any]] = [
        {"checkpoint": str(each.path), "epoch": each.epoch, **as_data(network)}
        for each, network in zip(trained, seen, strict=True)
    ]
    definitions = {definition.key: asdict(definition) for definition in DEFINITIONS}
    content = {"gradient": GRADIENT, "fresh": FRESH, "definitions": definitions}
    output.note("sight", {**content, "networks": networks, "findings": sentences})


def measure_row(network: Seen, key: str) -> tuple[str, ...]:
    """Label, trained value, mean of the fresh values, their interval, and whether they differ."""
    if not network.applies(key):
        return network.label, "-", "", "", ""
    values = network.control.values(key)
    low, high = network.control.interval(key)
    differs = "yes" if network.differs_from_fresh(key) else "no"
    mean = sum(values) / len(values)
    return (
        network.label,
        f"{network.trained.values[key]:.2f}",
        f"{mean:.2f}",
        f"{low:.2f} to {high:.2f}",
        differs,
    )
