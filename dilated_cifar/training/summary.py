"""What a finished run says of itself."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dilated_cifar.config.model import IMAGE_SIZE
from dilated_cifar.data.splits import Splits
from dilated_cifar.device import Machine
from dilated_cifar.dilation.trace import trace
from dilated_cifar.evaluation.predict import Score
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.folder import SUMMARY, best_checkpoint, write_text
from dilated_cifar.training.measure import ONSET_RULE, Weights, measure_weights, overfitting_onset
from dilated_cifar.training.state import State


@dataclass(frozen=True)
class Summary:
    """The end of a run, as `summary.json` holds it."""

    chosen: str
    """Which weights count: `best` by validation accuracy, or `last` where there is no validation split."""
    best: Weights | None
    last: Weights
    overfitting_onset: int | None
    overfitting_rule: str
    images_per_second: float
    """Median over the epochs, of the training steps alone."""
    seconds: float
    """Of the whole run, evaluation included, over all its sessions."""
    parameters: int
    multiply_adds: int
    """Of one image."""
    receptive_field: int
    """Of the last feature map, in pixels."""
    device: str
    torch: str

    @property
    def weights(self) -> Weights:
        """The weights that count."""
        return self.last if self.best is None else self.best


def summarize(state: State, splits: Splits, machine: Machine, folder: Path) -> Summary:
    """Read the test split, once, and write `test_predictions.npz` and `summary.json`.

    The file of predictions holds those of the weights that count, and the labels.
    """
    data, history = state.config.data, state.progress.history
    last, logits = measure_weights(state.evaluated, state.progress.epoch, splits, data, machine)
    best = None
    if splits.validation is not None:
        path = best_checkpoint(folder)
        saved = checkpoint.load(path)
        best = last
        if saved.epoch != last.epoch:
            _, network = checkpoint.restore(saved, path)
            best, logits = measure_weights(machine.place(network), saved.epoch, splits, data, machine)
    np.savez_compressed(
        folder / "test_predictions.npz",
        predicted=logits.argmax(1).cpu().numpy(),
        labels=splits.test.labels.cpu().numpy(),
    )
    network_facts = trace(state.model, (3, IMAGE_SIZE, IMAGE_SIZE))
    summary = Summary(
        chosen="last" if best is None else "best",
        best=best,
        last=last,
        overfitting_onset=overfitting_onset([row[f"loss/{splits.held_out[0]}"] for row in history]),
        overfitting_rule=ONSET_RULE,
        images_per_second=float(np.median([row["images_per_second"] for row in history])),
        seconds=state.progress.seconds,
        parameters=network_facts.parameters,
        multiply_adds=network_facts.multiply_adds,
        receptive_field=network_facts.receptive_field,
        device=str(machine),
        torch=torch.__version__,
    )
    # Last: its presence says that the run is finished.
    write_text(folder / SUMMARY, json.dumps(asdict(summary), indent=2) + "\n")
    return summary


def read_summary(folder: Path) -> Summary:
    """The summary of a finished run."""
    content: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    for name in ("best", "last"):
        if content[name] is not None:
            content[name] = read_weights(content[name])
    return Summary(**content)


def read_weights(content: dict[str, Any]) -> Weights:
    """Weights as `summary.json` holds them."""
    validation = content["validation"]
    return Weights(
        epoch=content["epoch"],
        train=Score(**content["train"]),
        validation=None if validation is None else Score(**validation),
        test=Score(**content["test"]),
    )
