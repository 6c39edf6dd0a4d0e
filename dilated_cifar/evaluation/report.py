"""From a checkpoint to tables on the screen and files beside it."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from dilated_cifar import checkpoint
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.evaluate import EvaluateConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.splits import load_split
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.metrics import Figures, evaluate
from dilated_cifar.evaluation.own_images import find_images, read_images
from dilated_cifar.evaluation.pictures import confusion_figure
from dilated_cifar.evaluation.predict import BATCH, predict
from dilated_cifar.models.classifier import Classifier


@dataclass(frozen=True)
class Loaded:
    """A checkpoint ready to answer."""

    path: Path
    epoch: int
    class_names: list[str]
    config: Config
    model: Classifier
    machine: Machine
    output: Path


def report_split(config: EvaluateConfig) -> None:
    """Print and write the figures of a checkpoint on one split.

    Raises:
        UserError: the checkpoint, the split, the data or the output folder is not as expected.
    """
    loaded = open_checkpoint(config)
    data = loaded.config.data
    if isinstance(data, Cifar10Config):
        data = replace(data, root=config.data.root or data.root, download=config.data.download)
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
    picture = writable(loaded.output) / f"{stem}-confusion.png"
    confusion.savefig(picture)
    written = write_report(
        loaded,
        config,
        stem,
        {**asdict(figures), "images_per_second": speed, "class_names": loaded.class_names},
    )
    show_figures(figures, title, speed, str(loaded.machine))
    print(f"written: {written}, {picture}")


def report_images(config: EvaluateConfig) -> None:
    """Print and write the classes that a checkpoint sees in the user's own pictures.

    Raises:
        UserError: the checkpoint, a picture or the output folder is not as expected.
    """
    paths = find_images(config.images)
    loaded = open_checkpoint(config)
    images = read_images(paths).to(loaded.machine.device)
    logits = predict(loaded.model, images, loaded.config.data, loaded.machine, flip=config.flip)
    probabilities = logits.softmax(1).cpu()
    table = Table(title=f"{loaded.path}, epoch {loaded.epoch}", title_justify="left")
    for heading in ("picture", "first", "second", "third"):
        table.add_column(heading)
    results = []
    for path, row in zip(paths, probabilities, strict=True):
        order = row.argsort(descending=True, stable=True).tolist()
        best = [f"{loaded.class_names[index]} {row[index]:.1%}" for index in order[:3]]
        table.add_row(str(path), *best)
        named = {loaded.class_names[index]: row[index].item() for index in order}
        results.append({"picture": str(path), "class": loaded.class_names[order[0]], "probabilities": named})
    written = write_report(loaded, config, f"{loaded.path.stem}-images", {"pictures": results})
    Console(soft_wrap=True, highlight=False).print(table)
    print(f"written: {written}")


def open_checkpoint(config: EvaluateConfig) -> Loaded:
    """Read the checkpoint that `config` names and put its network on the device."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    path = (
        Path(config.checkpoint)
        if config.checkpoint is not None
        else checkpoint.of_run(Path(config.run or ""))
    )
    saved = checkpoint.load(path)
    run_config, model = checkpoint.restore(saved, path)
    machine = choose_machine(
        config.device, precision=config.precision, channels_last=run_config.channels_last
    )
    beside = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    return Loaded(
        path=path,
        epoch=saved.epoch,
        class_names=saved.class_names,
        config=run_config,
        model=machine.place(model),
        machine=machine,
        output=beside / "evaluation" if config.output is None else Path(config.output),
    )


def writable(folder: Path) -> Path:
    """Make `folder`, or raise a UserError that says why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"output={folder}: cannot be written ({error.strerror}); write output=FOLDER"
        ) from error
    return folder


def write_report(loaded: Loaded, config: EvaluateConfig, stem: str, content: dict[str, Any]) -> Path:
    """Write the figures, with what they were measured on, as JSON."""
    path = writable(loaded.output) / f"{stem}.json"
    head = {
        "checkpoint": str(loaded.path),
        "epoch": loaded.epoch,
        "split": None if config.images else config.split,
        "flip": config.flip,
        "device": str(loaded.machine),
    }
    path.write_text(json.dumps(head | content, indent=2) + "\n", encoding="utf-8")
    return path


def show_figures(figures: Figures, title: str, speed: float, device: str) -> None:
    """Print the figures as tables."""
    console = Console(soft_wrap=True, highlight=False)
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
    for heading in ("images", "precision", "recall", "F1"):
        classes.add_column(heading, justify="right")
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
