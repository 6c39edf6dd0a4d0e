"""The one place that writes the files of a run's record; `runs/reading.py` reads them back."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_yaml
from dilated_cifar.runs.atomic import write, write_text
from dilated_cifar.runs.record import CONFIG, METRICS, PREDICTIONS, SESSIONS, SUMMARY, Row, Session, Summary


def write_config(folder: Path, config: Config) -> None:
    """Write config.yaml, from which alone the run can be repeated."""
    write_text(folder / CONFIG, to_yaml(config))


def write_curves(folder: Path, history: Sequence[Row]) -> None:
    """Write metrics.csv: one row an epoch; floats in full, so that reading gives the same numbers."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(folder / METRICS, text.getvalue())


def write_predictions(folder: Path, predicted: ArrayLike, labels: ArrayLike) -> None:
    """Write test_predictions.npz: predicted and true class of every test image, `[N]` each."""
    content = io.BytesIO()
    np.savez_compressed(content, predicted=predicted, labels=labels)
    write(folder / PREDICTIONS, content.getvalue())


def write_sessions(folder: Path, sessions: Sequence[Session]) -> None:
    """Write sessions.json, the first one first."""
    write_text(folder / SESSIONS, json.dumps([asdict(session) for session in sessions], indent=2) + "\n")


def write_summary(folder: Path, summary: Summary) -> None:
    """Write summary.json, whose presence says that the run is finished: call this last."""
    write_text(folder / SUMMARY, json.dumps(asdict(summary), indent=2) + "\n")
