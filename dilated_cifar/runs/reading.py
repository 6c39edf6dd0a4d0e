"""Run folders, read: what finished, what did not, and what is damaged."""

import csv
import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dilated_cifar.config.base import shortened
from dilated_cifar.config.run import flatten
from dilated_cifar.config.store import (
    MissingPluginError,
    completed,
    data_classes,
    plain_data,
    read_yaml,
    require_groups,
    require_plugins,
)
from dilated_cifar.errors import UserError
from dilated_cifar.runs.record import (
    CONFIG,
    ERROR,
    METRICS,
    PREDICTIONS,
    SESSIONS,
    SUMMARY,
    Curves,
    Figures,
    LeftOut,
    Predictions,
    Run,
    Score,
    Session,
    Summary,
)
from dilated_cifar.runs.verified import has_too_many_entries

LARGEST_ARRAY = 2**24
"""Bytes of the predictions of a million images, as they are stored."""
LARGEST_TEXT, LARGEST_TABLE = 2**20, 2**26
"""Bytes of summary.json and error.txt, and of the curves of a hundred thousand epochs."""


def read_run(folder: Path, name: str, faults: list[str]) -> Run | LeftOut:
    """Read a run folder; what is damaged but can be done without is added to `faults`, one line each."""
    if not (folder / SUMMARY).is_file():
        return _unfinished(folder, name)
    try:
        config = read_config(folder)
        summary = read_summary(folder, config)
    except UserError as error:
        faults.append(str(error))
        return LeftOut(folder, name, status_of(error), str(error))
    curves, predictions = None, None
    try:
        curves = read_curves(folder, config["epochs"])
    except UserError as error:
        faults.append(f"{error}; the run is compared without its curves")
    try:
        predictions = read_predictions(folder, len(summary.class_names))
    except UserError as error:
        faults.append(f"{error}; the run is compared without its predictions")
    return Run(folder, name, flatten(config), summary, curves, predictions)


def status_of(error: UserError) -> str:
    """What a run is whose files cannot be read."""
    return "without its plugin" if isinstance(error, MissingPluginError) else "damaged"


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run as plain data, keys that came into being later with their defaults.

    Raises:
        UserError: the file is missing, damaged or of another program, or needs a plugin that is not loaded.
    """
    path = folder / CONFIG
    container = read_yaml(path)
    try:
        known = require_groups(plain_data(container))
    except UserError as error:
        raise UserError(f"{path}: not a configuration of a run ({error})") from error
    if not isinstance(known.get("epochs"), int):
        raise UserError(f"{path}: not a configuration of a run (epochs: expected a whole number)")
    try:
        require_plugins(known)
    except MissingPluginError as error:
        raise MissingPluginError(f"{path}: {error}") from error
    return completed(known)


def read_summary(folder: Path, config: dict[str, Any] | None = None) -> Summary:
    """The outcome of a finished run; its `config` is read where it is not given and needed.

    Raises:
        UserError: the file is missing, damaged or holds a figure that is not finite.
    """
    path = folder / SUMMARY
    try:
        content = json.loads(bounded(path, LARGEST_TEXT).decode())
        if not all(math.isfinite(value) for value in _numbers(content)):
            raise ValueError("a figure is not finite")
        best = None if content["best"] is None else read_figures(content["best"])
        # Releases before 0.2 left the class names to the checkpoint; the configuration tells them as well.
        names = content.get("class_names") or data_classes((config or read_config(folder))["data"])
        return Summary(
            **{**content, "best": best, "last": read_figures(content["last"]), "class_names": list(names)}
        )
    except UserError:
        raise
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        reason = f"{type(error).__name__}: {shortened(str(error))}"
        raise UserError(f"{path}: damaged ({reason}); expected the summary of a finished run") from error


def read_figures(content: dict[str, Any]) -> Figures:
    """The figures of one set of weights as summary.json and exported files hold them.

    Raises:
        LookupError, TypeError, ValueError: they are not as they were written.
    """
    train, validation, test = (
        None if content[split] is None else Score(**content[split])
        for split in ("train", "validation", "test")
    )
    if train is None or test is None:
        raise ValueError("train and test are never null")
    return Figures(int(content["epoch"]), train, validation, test)


def _numbers(content: Any) -> Iterator[float]:
    """Every number in parsed JSON, at any depth of objects."""
    if isinstance(content, dict):
        for value in content.values():
            yield from _numbers(value)
    elif isinstance(content, int | float):
        yield content


def read_sessions(folder: Path) -> list[Session]:
    """The starts of a run, the first one first; none of a run that an earlier release began.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / SESSIONS
    if not path.exists():
        return []
    try:
        return [Session(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: damaged; expected the sessions of a run") from error


def read_curves(folder: Path, epochs: int) -> Curves:
    """The curves of a run of `epochs` epochs, float64 `[epochs]` each.

    Raises:
        UserError: the file is missing, cut off, not numeric or has another number of epochs.
    """
    path = folder / METRICS
    try:
        header, *rows = csv.reader(io.StringIO(bounded(path, LARGEST_TABLE).decode(), newline=""))
        table = np.array(rows, dtype=np.float64)
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: missing or cut off; expected {epochs} whole rows of numbers") from error
    if table.shape != (epochs, len(header)) or "epoch" not in header:
        raise UserError(f"{path}: has {len(rows)} rows; expected one for each of {epochs} epochs")
    if not np.isfinite(table).all():
        raise UserError(f"{path}: holds values that are not finite; expected numbers")
    return dict(zip(header, np.ascontiguousarray(table.T), strict=True))


def read_predictions(folder: Path, classes: int) -> Predictions:
    """The predictions on the test split of a data set with that many classes.

    Raises:
        UserError: the file is missing, damaged or names other classes.
    """
    path = folder / PREDICTIONS
    try:
        content = bounded(path, 2 * LARGEST_ARRAY)
        if has_too_many_entries(content):
            raise ValueError("holds more than predictions")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            if any(entry.file_size > LARGEST_ARRAY for entry in arrays.zip.infolist()):
                raise ValueError("unpacks to more than predictions take")
            predicted, labels = arrays["predicted"], arrays["labels"]
            both = np.concatenate([predicted, labels])
            found = Predictions(predicted.astype(np.int16), labels.astype(np.int16))
    except (OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: missing or damaged; expected predicted and labels") from error
    if found.predicted.ndim != 1 or found.predicted.shape != found.labels.shape or not len(found.labels):
        raise UserError(f"{path}: predicted and labels do not belong together")
    if both.min() < 0 or both.max() >= classes:
        raise UserError(f"{path}: holds class {both.max()}; expected numbers from 0 to {classes - 1}")
    return found


def bounded(path: Path, most: int) -> bytes:
    """The content of a file of a run.

    Raises:
        ValueError: it is larger than a run writes it, or a device that could be read for ever.
        OSError: it cannot be read.
    """
    if path.exists() and (not path.is_file() or path.stat().st_size > most):
        raise ValueError(f"larger than the {most:,} bytes that a run may write there")
    return path.read_bytes()


def _unfinished(folder: Path, name: str) -> LeftOut:
    """What is known of a run without a summary."""
    error = folder / ERROR
    if error.is_file():
        try:
            lines = bounded(error, LARGEST_TEXT).decode(errors="replace").strip().splitlines()
        except (OSError, ValueError) as damage:
            return LeftOut(folder, name, "damaged", f"{error}: {damage}")
        return LeftOut(folder, name, "failed", lines[0] if lines else f"{ERROR} is empty")
    try:
        epochs = read_config(folder)["epochs"]
    except UserError as damage:
        return LeftOut(folder, name, status_of(damage), str(damage))
    try:
        lines = bounded(folder / METRICS, LARGEST_TABLE).decode().splitlines()
        done = max(0, sum(1 for line in lines if line.strip()) - 1)
    except (OSError, ValueError):
        done = 0
    return LeftOut(folder, name, "unfinished", f"{done} of {epochs} epochs; the same command continues it")
