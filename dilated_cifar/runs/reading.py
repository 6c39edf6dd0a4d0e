"""Run folders, read: what finished, what did not, and what is damaged."""

import csv
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dilated_cifar.config.run import flatten
from dilated_cifar.config.store import completed
from dilated_cifar.errors import UserError
from dilated_cifar.runs.record import Curves, LeftOut, Predictions, Run, Scores

GROUPS = ("model", "data", "augment", "optimizer", "schedule")


def read_run(folder: Path, name: str, faults: list[str]) -> Run | LeftOut:
    """Read a run folder; what is damaged but can be done without is added to `faults`, one line each."""
    summary = folder / "summary.json"
    if not summary.is_file():
        return not_finished(folder, name)
    try:
        config = read_config(folder / "config.yaml")
        run = parse_summary(folder, name, config, json.loads(summary.read_text(encoding="utf-8")))
    except UserError as error:
        faults.append(str(error))
        return LeftOut(folder, name, "damaged", str(error))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{summary}: damaged; expected the summary train.py wrote"
        faults.append(f"{reason} ({type(error).__name__}: {error})")
        return LeftOut(folder, name, "damaged", reason)
    return with_details(run, faults)


def with_details(run: Run, faults: list[str]) -> Run:
    """The run with its curves and predictions, as far as they can be read."""
    curves, predictions = None, None
    try:
        curves = read_metrics(run.folder / "metrics.csv", int(run.config["epochs"]))
    except UserError as error:
        faults.append(f"{error}; the run is compared without its curves")
    try:
        predictions = read_predictions(run.folder / "test_predictions.npz")
    except UserError as error:
        faults.append(f"{error}; the run is compared without its predictions")
    return Run(**{**vars(run), "curves": curves, "predictions": predictions})


def not_finished(folder: Path, name: str) -> LeftOut:
    """What is known of a run without a summary."""
    error = folder / "error.txt"
    if error.is_file():
        lines = error.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return LeftOut(folder, name, "failed", lines[0] if lines else "error.txt is empty")
    try:
        epochs = int(read_config(folder / "config.yaml")["epochs"])
    except UserError as damage:
        return LeftOut(folder, name, "damaged", str(damage))
    try:
        with (folder / "metrics.csv").open(encoding="utf-8") as file:
            done = max(0, sum(1 for line in file if line.strip()) - 1)
    except (OSError, UnicodeDecodeError):
        done = 0
    return LeftOut(folder, name, "unfinished", f"{done} of {epochs} epochs; the same command continues it")


def read_config(path: Path) -> dict[str, Any]:
    """A run's configuration, flat.

    Raises:
        UserError: the file is missing, damaged or not one that train.py wrote.
    """
    # libyaml where PyYAML was built with it: a thousand configurations take seconds instead of half a minute.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open("rb") as file:
            container = yaml.load(file, Loader=loader)
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path}: damaged; expected the configuration train.py wrote") from error
    whole = isinstance(container, dict) and all(isinstance(container.get(group), dict) for group in GROUPS)
    if not whole or not isinstance(container.get("epochs"), int):
        raise UserError(f"{path}: not a run's configuration; expected the one train.py wrote")
    return flatten(completed(container))


def parse_summary(folder: Path, name: str, config: dict[str, Any], content: dict[str, Any]) -> Run:
    """A run from its summary; ValueError, KeyError or TypeError where something is missing."""
    best, last = parse_scores(content["best"]), parse_scores(content["last"])
    if last is None:
        raise ValueError("last is null")
    if not all(math.isfinite(value) for value in numbers(content)):
        raise ValueError("a figure is not finite")
    onset = content["overfitting_onset"]
    return Run(
        folder=folder,
        name=name,
        config=config,
        chosen=str(content["chosen"]),
        best=best,
        last=last,
        onset=None if onset is None else int(onset),
        onset_rule=str(content["overfitting_rule"]),
        images_per_second=float(content["images_per_second"]),
        seconds=float(content["seconds"]),
        parameters=int(content["parameters"]),
        multiply_adds=int(content["multiply_adds"]),
        receptive_field=int(content["receptive_field"]),
        device=str(content["device"]),
        curves=None,
        predictions=None,
    )


def numbers(content: Any) -> Iterator[float]:
    """Every number in parsed JSON, at any depth."""
    if isinstance(content, dict):
        for value in content.values():
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def parse_scores(content: dict[str, Any] | None) -> Scores | None:
    """Accuracies of one set of weights, or None where there is none."""
    if content is None:
        return None
    held_out = content["validation"]
    return Scores(
        epoch=int(content["epoch"]),
        train=float(content["train"]["accuracy"]),
        validation=None if held_out is None else float(held_out["accuracy"]),
        test=float(content["test"]["accuracy"]),
        test_loss=float(content["test"]["loss"]),
    )


def read_metrics(path: Path, epochs: int) -> Curves:
    """The curves of a run of `epochs` epochs, float64 [epochs] each.

    Raises:
        UserError: the file is missing, cut off, not numeric or has another number of epochs.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        table = np.array(rows, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: missing or cut off; expected {epochs} whole rows of numbers") from error
    if table.shape != (epochs, len(header)) or "epoch" not in header:
        raise UserError(f"{path}: has {len(rows)} rows; expected one for each of {epochs} epochs")
    if not np.isfinite(table).all():
        raise UserError(f"{path}: holds values that are not finite; expected numbers")
    return dict(zip(header, np.ascontiguousarray(table.T), strict=True))


def read_predictions(path: Path) -> Predictions:
    """The predictions on the test split.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        # Opened here, since np.load leaves a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = Predictions(arrays["predicted"].astype(np.int16), arrays["labels"].astype(np.int16))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: missing or damaged; expected predicted and labels") from error
    if found.predicted.ndim != 1 or found.predicted.shape != found.labels.shape or not len(found.labels):
        raise UserError(f"{path}: predicted and labels do not belong together")
    return found
