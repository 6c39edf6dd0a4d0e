"""The figures of one network on one split."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from dilated_cifar.evaluation.intervals import wilson_interval
from dilated_cifar.evaluation.predict import score

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassFigures:
    """How one class fares against all others."""

    name: str
    images: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Figures:
    """What `evaluate.py` prints and writes."""

    images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """95% interval of the accuracy over draws of the test images (Wilson 1927)."""
    loss: float
    """Mean cross-entropy."""
    top5: float
    """Share of images whose class is among the five with the highest logits."""
    calibration_error: float
    """Expected calibration error, 15 bins of equal width (Naeini et al. 2015; Guo et al. 2017)."""
    classes: list[ClassFigures]
    confusion: list[list[int]]
    """Counts; rows are the true classes, columns the predicted ones."""


def evaluate(logits: Tensor, labels: Tensor, class_names: list[str]) -> Figures:
    """Accuracy, its interval and all else that logits [N, classes] say against labels [N]."""
    logits, labels = logits.cpu(), labels.cpu()
    count = len(class_names)
    plain = score(logits, labels)
    right = round(plain.accuracy * len(labels))
    predicted = logits.argmax(1)
    per_class = {
        name: figure(predicted, labels, count, average="none")
        for name, figure in (
            ("precision", multiclass_precision),
            ("recall", multiclass_recall),
            ("f1", multiclass_f1_score),
        )
    }
    probabilities = logits.softmax(1)
    return Figures(
        images=len(labels),
        accuracy=plain.accuracy,
        accuracy_interval=wilson_interval(right, len(labels)),
        loss=plain.loss,
        top5=multiclass_accuracy(logits, labels, count, average="micro", top_k=min(5, count)).item(),
        calibration_error=multiclass_calibration_error(
            probabilities, labels, count, n_bins=CALIBRATION_BINS
        ).item(),
        classes=[
            ClassFigures(
                name=class_names[index],
                images=int((labels == index).sum()),
                **{name: values[index].item() for name, values in per_class.items()},
            )
            for index in range(count)
        ],
        confusion=multiclass_confusion_matrix(predicted, labels, count).to(torch.int64).tolist(),
    )
