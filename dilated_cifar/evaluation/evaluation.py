"""From a checkpoint to tables on the screen and files beside it."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from torch import Tensor

from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.evaluate import EvaluateConfig
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.device import use_threads
from dilated_cifar.evaluation.metrics import class_table, confusion_table, evaluate, figures_table
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.own_images import find_images, read_images
from dilated_cifar.evaluation.pictures import confusion_figure
from dilated_cifar.evaluation.predict import BATCH, predict
from dilated_cifar.evaluation.trained import Predictor, data_here, open_predictors
from dilated_cifar.percentages import percent
from dilated_cifar.progress import Steps
from dilated_cifar.runs.folder import folder_of
from dilated_cifar.runs.reading import read_run
from dilated_cifar.runs.record import CONFIG, LeftOut


def evaluate_all(config: EvaluateConfig, steps: Steps) -> list[str]:
    """Evaluate checkpoints one after the other, on a split or on the user's own pictures.

    Returns:
        A line for each picture that cannot be read; the others were classified.

    Raises:
        UserError: a checkpoint, the split, the data, every picture or the output folder is not as expected.
    """
    faults: list[str] = []
    use_threads(config.threads)
    pictures = find_images(config.images) if config.images else []
    steps.begin("reading checkpoints")
    networks = open_predictors(config.checkpoint, device=config.device, precision=config.precision)
    read: tuple[DataConfig, Split] | None = None
    for trained in networks:
        output = output_of(config, trained)
        # In a folder for all of them, their names tell the files apart.
        stem = f"{trained.stem(networks) if config.output else ''}{trained.weights_name}"
        if pictures:
            faults += evaluate_images(config, trained, pictures, output, stem, steps)
        else:
            data = data_here(trained.config.data, config.data)
            if read is None or read[0] != data:
                with steps.hidden():  # a download shows its own line
                    read = data, load_split(data, config.split, progress=config.progress)
            evaluate_split(config, trained, *read, output, stem, steps)
    return list(dict.fromkeys(faults))


def evaluate_split(
    config: EvaluateConfig,
    trained: Predictor,
    data: DataConfig,
    split: Split,
    output: Output,
    stem: str,
    steps: Steps,
) -> None:
    """Print and write the figures of a checkpoint on one split."""
    steps.begin(f"{trained.label}: {len(split):,} images")
    logits, speed = timed_logits(trained, split.images, data, flip=config.flip)
    figures = evaluate(logits, split.labels, trained.class_names)
    stem += f"-{config.split}{'-flip' if config.flip else ''}"
    confusion = np.array(figures.confusion)
    title = f"{config.split} split: images of each class"
    output.draw(f"{stem}-confusion", confusion_figure(confusion, trained.class_names, title=title))
    measured = {**asdict(figures), "images_per_second": speed, "class_names": trained.class_names}
    output.note(stem, described(config, trained) | measured)
    table = figures_table(figures)
    table.add_row("speed", f"{speed:,.0f} images/s on {trained.machine}")
    with steps.hidden():
        introduce(trained, output, f", {config.split} split")
        for each in (table, class_table(figures), confusion_table(figures)):
            output.console.print(each)
        output.close()


def evaluate_images(
    config: EvaluateConfig, trained: Predictor, paths: Sequence[Path], output: Output, stem: str, steps: Steps
) -> list[str]:
    """Print and write the classes that a checkpoint predicts for those pictures that can be read.

    Returns:
        A line for each of the others.
    """
    data = trained.config.data
    steps.begin(f"{trained.label}: {len(paths):,} pictures")
    images, paths, faults = read_images(paths, data.input_size)
    images = images.to(trained.machine.device)
    probabilities = predict(trained.model, images, data, trained.machine, flip=config.flip).softmax(1).cpu()
    table = Table("picture", "first", "second", "third")
    results = []
    for path, row in zip(paths, probabilities, strict=True):
        order = row.argsort(descending=True, stable=True).tolist()
        found = {trained.class_names[index]: row[index].item() for index in order}
        table.add_row(str(path), *(f"{name} {percent(share, 1)}" for name, share in list(found.items())[:3]))
        results.append({"picture": str(path), "class": next(iter(found)), "probabilities": found})
    content = {"pictures": results, "refused": faults} if faults else {"pictures": results}
    output.note(f"{stem}-images", described(config, trained) | content)
    with steps.hidden():
        introduce(trained, output)
        output.console.print(table)
        output.close()
    return faults


def introduce(trained: Predictor, output: Output, what: str = "") -> None:
    """Say which weights these are, and whether their run was still to go on."""
    output.say(f"{trained.path}, epoch {trained.epoch}{what}")
    if broken := trained.not_finite:
        output.say(f"warning: {broken:,} weights are nan or infinite; these figures say nothing of training")
    folder = folder_of(trained.path)
    if (folder / CONFIG).is_file() and isinstance(left := read_run(folder, folder.name, []), LeftOut):
        output.say(f"not the result of a whole run: {folder} is {left.status}: {left.reason}")


def timed_logits(trained: Predictor, images: Tensor, data: DataConfig, *, flip: bool) -> tuple[Tensor, float]:
    """Logits [N, classes] of images uint8 [N, C, H, W], and images per second."""
    model, machine = trained.model, trained.machine
    images = images.to(machine.device)
    predict(model, images[:BATCH], data, machine, flip=flip)  # not timed: the first pass is slow
    machine.synchronize()
    start = time.perf_counter()
    logits = predict(model, images, data, machine, flip=flip)
    machine.synchronize()
    return logits, len(images) / (time.perf_counter() - start)


def output_of(config: EvaluateConfig, trained: Predictor) -> Output:
    """Where the results go: the folder that `config` names, else `evaluation` in the run folder."""
    return Output(folder_of(trained.path) / "evaluation" if config.output is None else Path(config.output))


def described(config: EvaluateConfig, trained: Predictor) -> dict[str, Any]:
    """What the results were measured on, as plain data."""
    return {
        "checkpoint": str(trained.path),
        "epoch": trained.epoch,
        "weights_not_finite": trained.not_finite,
        "split": None if config.images else config.split,
        "flip": config.flip,
        "device": str(trained.machine),
    }
