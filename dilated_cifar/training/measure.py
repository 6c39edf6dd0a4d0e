"""The figures of an epoch, of a set of weights and of a whole run."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from dilated_cifar.config.data import DataConfig
from dilated_cifar.data.splits import Splits
from dilated_cifar.device import Machine
from dilated_cifar.evaluation.predict import predict, score
from dilated_cifar.inspection.network import Inspection
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.record import ONSET_WINDOW, Figures, Row, Summary, best_checkpoint
from dilated_cifar.training.state import State

ONSET_RULE = (
    "first epoch after the lowest 3-epoch mean of the held-out loss, where at least 3 epochs follow and "
    "the last mean lies at least 1% above the lowest"
)


def measure_epoch(state: State, splits: Splits, machine: Machine, rate: float) -> tuple[Row, Tensor]:
    """The row of a completed epoch, keyed by the names of the curves, and the held-out logits `[N, classes]`.

    `train` is the running objective on augmented images, with label smoothing where there is any;
    `train_subset` and the held-out split are measured alike, so the gap is theirs.
    """
    progress, data, sums = state.progress, state.config.data, state.progress.sums
    name, held_out = splits.held_out
    subset_logits, held_out_logits = (
        predict(state.evaluated, split.images, data, machine) for split in (splits.train_subset, held_out)
    )
    subset_score = score(subset_logits, splits.train_subset.labels)
    held_out_score = score(held_out_logits, held_out.labels)
    row = {
        "epoch": progress.epoch + 1,
        "loss/train": sums.loss / sums.images,
        "accuracy/train": sums.correct / sums.images,
        "loss/train_subset": subset_score.loss,
        "accuracy/train_subset": subset_score.accuracy,
        f"loss/{name}": held_out_score.loss,
        f"accuracy/{name}": held_out_score.accuracy,
        "gap/loss": held_out_score.loss - subset_score.loss,
        "gap/accuracy": subset_score.accuracy - held_out_score.accuracy,
        "learning_rate": rate,
        "images_per_second": sums.images / progress.epoch_seconds,
        "norm/weights": get_total_norm([p.detach() for p in state.model.parameters()]).item(),
        "norm/gradients": sums.gradient_norm / progress.step,
    }
    return row, held_out_logits


def measure_run(
    state: State, splits: Splits, machine: Machine, folder: Path, network: Inspection | None
) -> tuple[Summary, Tensor]:
    """Read the test split, once; returns the summary and the predictions `[N]` of the selected weights."""
    data, epoch = state.config.data, state.progress.epoch
    last, logits = measure_weights(state.evaluated, epoch, splits, data, machine)
    best = None
    if state.best is not None:
        best = last
        if state.best.epoch != epoch:
            _, model = checkpoint.restore(state.best, best_checkpoint(folder))
            best, logits = measure_weights(machine.place(model), state.best.epoch, splits, data, machine)
    return summarize(state, network, machine, best, last, splits.held_out[0]), logits.argmax(1)


def measure_weights(
    model: nn.Module, epoch: int, splits: Splits, data: DataConfig, machine: Machine
) -> tuple[Figures, Tensor]:
    """The figures of the weights in `model`, and its logits `[N, classes]` on the test split."""
    measured = {"train": splits.train_subset, "validation": splits.validation, "test": splits.test}
    logits = {name: predict(model, split.images, data, machine) for name, split in measured.items() if split}
    scores = {name: score(logits[name], split.labels) for name, split in measured.items() if split}
    return Figures(epoch, scores["train"], scores.get("validation"), scores["test"]), logits["test"]


def summarize(
    state: State,
    network: Inspection | None,
    machine: Machine,
    best: Figures | None,
    last: Figures,
    held_out: str,
) -> Summary:
    """What is said of the whole run, whose curves have the held-out split of that name."""
    history = state.progress.history
    return Summary(
        chosen="last" if best is None else "best",
        best=best,
        last=last,
        overfitting_onset=overfitting_onset([row[f"loss/{held_out}"] for row in history]),
        overfitting_rule=ONSET_RULE,
        images_per_second=float(np.median([row["images_per_second"] for row in history])),
        seconds=state.progress.seconds,
        parameters=sum(weight.numel() for weight in state.model.parameters()),
        multiply_adds=network.trace.multiply_adds if network else None,
        receptive_field=network.trace.receptive_field if network and network.last else None,
        device=str(machine),
        torch=torch.__version__,
        class_names=state.class_names,
    )


def overfitting_onset(held_out_losses: list[float]) -> int | None:
    """The epoch, from 1, from which the held-out loss only rose, or None.

    Single epochs are noisy, so the rule looks at the mean of three neighbouring epochs: the onset is the
    epoch after the lowest mean's last one, where at least three epochs follow and the last mean lies at
    least 1% above the lowest.
    """
    if len(held_out_losses) < ONSET_WINDOW:
        return None
    means = np.convolve(held_out_losses, np.ones(ONSET_WINDOW) / ONSET_WINDOW, mode="valid")
    lowest = int(means.argmin())
    onset = lowest + ONSET_WINDOW + 1
    follow = len(held_out_losses) - (onset - 1)
    return onset if follow >= ONSET_WINDOW and means[-1] >= 1.01 * means[lowest] else None
