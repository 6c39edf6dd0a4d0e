"""Accuracy of each class, and what is taken for what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.intervals import mean_interval, wilson
from dilated_cifar.comparison.measures import without_interval
from dilated_cifar.runs.record import Predictions


@dataclass(frozen=True)
class ClassAccuracy:
    """How well a group does on one class."""

    name: str
    mean: float
    low: float | None
    high: float | None
    interval: str
    """What the interval is over, or why there is none."""


@dataclass(frozen=True, eq=False)
class Classes:
    """A group's test predictions, class by class."""

    group: Group
    names: list[str]
    """Of all classes of the data set."""
    accuracies: list[ClassAccuracy]
    """Of those classes that the test split has."""
    confusion: NDArray[np.float64]
    """[classes, classes]: share of each true class (row) taken for each class (column), mean over runs."""


def look_at_classes(group: Group) -> Classes | None:
    """The classes of a group, or None where no run has its predictions."""
    known = [run.predictions for run in group.runs if run.predictions is not None]
    if not known:
        return None
    names = group.runs[0].class_names
    counts = np.stack([count_confusion(each, len(names)) for each in known])
    totals = counts.sum(2)
    shares = counts / np.maximum(totals, 1)[:, :, None]
    accuracies = []
    for index, name in enumerate(names):
        right, images = counts[:, index, index], totals[:, index]
        if not images.all():
            continue  # a small test split may lack a class
        accuracies.append(class_accuracy(name, right, images, group))
    return Classes(group, names, accuracies, shares.mean(0))


def class_accuracy(
    name: str, right: NDArray[np.int64], images: NDArray[np.int64], group: Group
) -> ClassAccuracy:
    """Accuracy on one class, from each run's right answers and images [runs]."""
    if len(right) == 1:
        low, high = wilson(int(right[0]), int(images[0]))
        return ClassAccuracy(
            name, float(right[0] / images[0]), low, high, f"over {images[0]} images (Wilson)"
        )
    found = without_interval(mean_interval(list(right / images), bounds=(0, 1)), group.mixed)
    over = found.why_none or f"over {found.count} seeds (t)"
    return ClassAccuracy(name, found.mean, found.low, found.high, over)


def count_confusion(predictions: Predictions, classes: int) -> NDArray[np.int64]:
    """Images of each true class (row) taken for each class (column), [classes, classes]."""
    place = predictions.labels.astype(np.int64) * classes + predictions.predicted
    return np.bincount(place, minlength=classes**2).reshape(classes, classes)
