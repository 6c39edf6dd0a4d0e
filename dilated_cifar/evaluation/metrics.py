"""The figures of one network on one split, and the tables that show them."""

from dataclasses import dataclass

import torch
from rich import box
from rich.table import Table
from torch import Tensor

from dilated_cifar.evaluation.intervals import wilson_interval
from dilated_cifar.evaluation.predict import confusion_matrix, score
from dilated_cifar.percentages import percent

CALIBRATION_BINS = 15
MOST_COLUMNS, MOST_CONFUSIONS = 15, 20
"""Classes up to which the screen shows the whole confusion matrix, and of more classes the pairs instead."""
LETTERS = 5
"""Of a class's name above its column: ten of them fit in 80 columns of text."""


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class against all others."""

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
    """Compute all figures of logits [N, classes] against labels [N]."""
    logits, labels = logits.cpu(), labels.cpu()
    count = len(class_names)
    plain = score(logits, labels)
    predicted = logits.argmax(1)
    confusion = confusion_matrix(logits, labels)
    best = logits.topk(min(5, count)).indices
    return Figures(
        images=len(labels),
        accuracy=plain.accuracy,
        accuracy_interval=wilson_interval(int((predicted == labels).sum()), len(labels)),
        loss=plain.loss,
        top5=(best == labels[:, None]).any(1).float().mean().item(),
        calibration_error=calibration_error(logits.softmax(1), labels),
        classes=class_figures(confusion, class_names),
        confusion=confusion.tolist(),
    )


def class_figures(confusion: Tensor, class_names: list[str]) -> list[ClassFigures]:
    """The figures of each class from counts [classes, classes], rows the true one; 0 where none is."""
    right, images, told = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    shares = (
        (right / told).nan_to_num(0),
        (right / images).nan_to_num(0),
        (2 * right / (told + images)).nan_to_num(0),
    )
    columns = (each.tolist() for each in (images, *shares))
    return [ClassFigures(*row) for row in zip(class_names, *columns, strict=True)]


def calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    """Mean distance of accuracy and confidence over bins of confidence, weighted by their images.

    Args:
        probabilities: [N, classes], rows sum to 1.
        labels: [N].
    """
    confidence, predicted = probabilities.max(1)
    # Of weights that are no numbers the confidence is none either, and so is the mean: any bin will do.
    bins = (confidence * CALIBRATION_BINS).nan_to_num(0).long().clamp(max=CALIBRATION_BINS - 1)
    # In each bin right answers minus confidence, summed: the number of its images cancels out.
    distances = torch.zeros(CALIBRATION_BINS, dtype=torch.float64)
    distances.index_add_(0, bins, (predicted == labels).double() - confidence.double())
    return distances.abs().sum().item() / len(labels)


def figures_table(figures: Figures) -> Table:
    """Lay out the figures of all images."""
    low, high = map(percent, figures.accuracy_interval)
    table = Table(show_header=False)
    for name, value in (
        ("images", f"{figures.images:,}"),
        ("accuracy", f"{percent(figures.accuracy)}  (95% interval {low} to {high}, Wilson)"),
        ("loss", f"{figures.loss:.4f}"),
        ("top-5 accuracy", percent(figures.top5)),
        ("calibration error", percent(figures.calibration_error)),
    ):
        table.add_row(name, value)
    return table


def class_table(figures: Figures) -> Table:
    """Lay out the figures of each class."""
    table = Table("class")
    for column in ("images", "precision", "recall", "F1"):
        table.add_column(column, justify="right")
    for each in figures.classes:
        shares = map(percent, (each.precision, each.recall, each.f1))
        table.add_row(each.name, str(each.images), *shares)
    return table


def confusion_table(figures: Figures) -> Table:
    """Lay out the confusion matrix; columns have the names of the classes, cut off where they are long.

    Of many classes the most frequent confusions instead.
    """
    if len(figures.classes) > MOST_COLUMNS:
        return frequent_confusions(figures)
    title = "confusion matrix; rows are the true classes"
    table = Table(title=title, title_justify="left", padding=(0, 1, 0, 0), box=box.SIMPLE)
    table.add_column("", no_wrap=True)
    for each in figures.classes:
        table.add_column(each.name.split()[0][:LETTERS], justify="right", no_wrap=True)
    for each, counts in zip(figures.classes, figures.confusion, strict=True):
        table.add_row(each.name, *(str(count) for count in counts))
    return table


def frequent_confusions(figures: Figures) -> Table:
    """Lay out the pairs of classes that are confused most often; the JSON file has the whole matrix."""
    pairs = [
        (count, row, column)
        for row, counts in enumerate(figures.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    table = Table("true class", "predicted as", title="most frequent confusions", title_justify="left")
    for name in ("images", "of its class"):
        table.add_column(name, justify="right")
    for count, row, column in sorted(pairs, key=lambda pair: -pair[0])[:MOST_CONFUSIONS]:
        true = figures.classes[row]
        share = percent(count / true.images, 1)
        table.add_row(true.name, figures.classes[column].name, str(count), share)
    return table
