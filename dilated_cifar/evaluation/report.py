"""From a checkpoint to tables on the screen and files beside it."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from dilated_cifar.config.evaluate import EvaluateConfig
from dilated_cifar.data.splits import load_split
from dilated_cifar.device import use_threads
from dilated_cifar.evaluation.metrics import Figures, evaluate
from dilated_cifar.evaluation.opened import Opened, data_here, open_checkpoint, run_folder
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_images
from dilated_cifar.evaluation.pictures import confusion_figure
from dilated_cifar.evaluation.predict import BATCH, predict
from dilated_cifar.runs import checkpoint


def report_split(config: EvaluateConfig) -> None:
    """Print and write the figures of a checkpoint on one split.

    Raises:
        UserError: the checkpoint, the split, the data or the output folder is not as expected.
    """
    loaded = opened(config)
    data = data_here(loaded.config.data, config.data)
    split = load_split(data, config.split)
    images = split.images.to(loaded.machine.device)
    predict(
        loaded.model, images[:BATCH], data, loaded.machine, flip=config.flip
    )  # not timed: the first is slow
    loaded.machine.synchronize()
    start = time.perf_counter()
    logits = predict(loaded.model, images, data, loaded.machine, flip=config.flip)
    loaded.machine.synchronize()
    speed = len(images) / (time.perf_counter() - start)
    figures = evaluate(logits, split.labels, loaded.class_names)

    stem = f"{loaded.path.stem}-{config.split}{'-flip' if config.flip else ''}"
    title = f"{loaded.path}, epoch {loaded.epoch}, {config.split} split"
    confusion = confusion_figure(
        torch.tensor(figures.confusion).numpy(),
        loaded.class_names,
        title=f"{config.split} split: images of each class",
    )
    output = output_of(config, loaded)
    output.draw(f"{stem}-confusion", confusion)
    measured = {**asdict(figures), "images_per_second": speed, "class_names": loaded.class_names}
    output.note(stem, heading(config, loaded) | measured)
    show_figures(figures, title, speed, str(loaded.machine))
    output.close()


def report_images(config: EvaluateConfig) -> None:
    """Print and write the classes that a checkpoint sees in the user's own pictures.

    Raises:
        UserError: the checkpoint, a picture or the output folder is not as expected.
    """
    paths = find_images(config.images)
    loaded = opened(config)
    images = read_images(paths).to(loaded.machine.device)
    logits = predict(loaded.model, images, loaded.config.data, loaded.machine, flip=config.flip)
    probabilities = logits.softmax(1).cpu()
    table = Table(title=f"{loaded.path}, epoch {loaded.epoch}", title_justify="left")
    for column in ("picture", "first", "second", "third"):
        table.add_column(column)
    results = []
    for path, row in zip(paths, probabilities, strict=True):
        order = row.argsort(descending=True, stable=True).tolist()
        best = [f"{loaded.class_names[index]} {row[index]:.1%}" for index in order[:3]]
        table.add_row(str(path), *best)
        named = {loaded.class_names[index]: row[index].item() for index in order}
        results.append({"picture": str(path), "class": loaded.class_names[order[0]], "probabilities": named})
    output = output_of(config, loaded)
    output.note(f"{loaded.path.stem}-images", heading(config, loaded) | {"pictures": results})
    Console(soft_wrap=True, highlight=False, markup=False).print(table)
    output.close()


def opened(config: EvaluateConfig) -> Opened:
    """The checkpoint that `config` names."""
    use_threads(config.threads)
    named = config.checkpoint
    path = Path(named) if named is not None else checkpoint.of_run(Path(config.run or ""))
    return open_checkpoint(path, device=config.device, precision=config.precision)


def output_of(config: EvaluateConfig, loaded: Opened) -> Output:
    """Where the results go: the folder that `config` names, else `evaluation` in the run folder."""
    return Output(run_folder(loaded.path) / "evaluation" if config.output is None else Path(config.output))


def heading(config: EvaluateConfig, loaded: Opened) -> dict[str, Any]:
    """What the figures of a report were measured on."""
    return {
        "checkpoint": str(loaded.path),
        "epoch": loaded.epoch,
        "split": None if config.images else config.split,
        "flip": config.flip,
        "device": str(loaded.machine),
    }


def show_figures(figures: Figures, title: str, speed: float, device: str) -> None:
    """Print the figures as tables."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    low, high = figures.accuracy_interval
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in (
        ("images", f"{figures.images:,}"),
        ("accuracy", f"{figures.accuracy:.2%}  (95% interval {low:.2%} to {high:.2%}, Wilson)"),
        ("loss", f"{figures.loss:.4f}"),
        ("top-5 accuracy", f"{figures.top5:.2%}"),
        ("calibration error", f"{figures.calibration_error:.2%}"),
        ("speed", f"{speed:,.0f} images/s on {device}"),
    ):
        table.add_row(name, value)
    console.print(table)
    classes = Table("class")
    for column in ("images", "precision", "recall", "F1"):
        classes.add_column(column, justify="right")
    for row in figures.classes:
        classes.add_row(
            row.name, str(row.images), f"{row.precision:.2%}", f"{row.recall:.2%}", f"{row.f1:.2%}"
        )
    console.print(classes)
    confusion = Table("true \\ predicted", title="confusion matrix", title_justify="left")
    for number in range(len(figures.classes)):
        confusion.add_column(str(number), justify="right")
    for number, (row, counts) in enumerate(zip(figures.classes, figures.confusion, strict=True)):
        confusion.add_row(f"{number} {row.name}", *(str(count) for count in counts))
    console.print(confusion)
