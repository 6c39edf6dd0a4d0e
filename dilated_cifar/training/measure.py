"""The figures of an epoch, and of a set of weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from dilated_cifar.config.data import DataConfig
from dilated_cifar.data.splits import Splits
from dilated_cifar.device import Machine
from dilated_cifar.evaluation.predict import Score, predict, score
from dilated_cifar.training.state import Row, State

WINDOW = 3
ONSET_RULE = (
    "first epoch after the lowest 3-epoch mean of the held-out loss, where at least 3 epochs follow and "
    "the last mean lies at least 1% above the lowest"
)


@dataclass(frozen=True)
class Weights:
    """The figures of one set of weights."""

    epoch: int
    train: Score
    """On the fixed, unaugmented subset of the training split."""
    validation: Score | None
    test: Score


def measure_epoch(state: State, splits: Splits, machine: Machine, rate: float) -> tuple[Row, Tensor]:
    """The row of a completed epoch, keyed by the names of the curves, and the held-out logits [N, classes].

    `train` is the running objective on augmented images, with label smoothing where there is any;
    `train_subset` and the held-out split are measured alike, so the gap is theirs.
    """
    progress, data = state.progress, state.config.data
    name, held_out = splits.held_out
    subset_logits, held_out_logits = (
        predict(state.evaluated, split.images, data, machine) for split in (splits.train_subset, held_out)
    )
    subset_score = score(subset_logits, splits.train_subset.labels)
    held_out_score = score(held_out_logits, held_out.labels)
    loss, right, images, norms = progress.sums
    row = {
        "epoch": progress.epoch + 1,
        "loss/train": loss / images,
        "accuracy/train": right / images,
        "loss/train_subset": subset_score.loss,
        "accuracy/train_subset": subset_score.accuracy,
        f"loss/{name}": held_out_score.loss,
        f"accuracy/{name}": held_out_score.accuracy,
        "gap/loss": held_out_score.loss - subset_score.loss,
        "gap/accuracy": subset_score.accuracy - held_out_score.accuracy,
        "learning_rate": rate,
        "images_per_second": images / progress.epoch_seconds,
        "norm/weights": get_total_norm([p.detach() for p in state.model.parameters()]).item(),
        "norm/gradients": norms / progress.step,
    }
    return row, held_out_logits


def measure_weights(
    model: nn.Module, epoch: int, splits: Splits, data: DataConfig, machine: Machine
) -> tuple[Weights, Tensor]:
    """The figures of the weights in `model` on every split, and its logits [N, classes] on the test split."""
    logits = {
        name: (predict(model, split.images, data, machine), split.labels)
        for name, split in (
            ("train", splits.train_subset),
            ("validation", splits.validation),
            ("test", splits.test),
        )
        if split is not None
    }
    scores = {name: score(*pair) for name, pair in logits.items()}
    weights = Weights(epoch, scores["train"], scores.get("validation"), scores["test"])
    return weights, logits["test"][0]


def overfitting_onset(held_out_losses: list[float]) -> int | None:
    """The epoch, from 1, from which the held-out loss only rose, or None.

    Single epochs are noisy, so the rule looks at the mean of three neighbouring epochs: the onset is the
    epoch after the lowest mean's last one, where at least three epochs follow and the last mean lies at
    least 1% above the lowest.
    """
    if len(held_out_losses) < WINDOW:
        return None
    means = torch.tensor(held_out_losses, dtype=torch.float64).unfold(0, WINDOW, 1).mean(1)
    lowest = int(means.argmin())
    onset = lowest + WINDOW + 1
    follow = len(held_out_losses) - (onset - 1)
    return onset if follow >= WINDOW and means[-1] >= 1.01 * means[lowest] else None
