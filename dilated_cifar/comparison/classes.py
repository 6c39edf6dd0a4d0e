"""Accuracy of each class, and the confusion matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.measures import mean_of
from dilated_cifar.comparison.statistics import Estimate, share_interval
from dilated_cifar.runs.record import Predictions


@dataclass(frozen=True, eq=False)
class Classes:
    """A group's test predictions, class by class."""

    group: Group
    names: list[str]
    """Of all classes of the data set."""
    accuracies: dict[str, Estimate]
    """Of those classes that the test split has; over seeds or folds, or over the images of the only run."""
    confusion: NDArray[np.float64]
    """[classes, classes]: share of each true class (row) predicted as each class (column), mean over runs."""

    def confused(self, true: str, predicted: str) -> float | None:
        """Share of the images of a true class that are predicted as another; None for unknown classes."""
        if true not in self.names or predicted not in self.names:
            return None
        return float(self.confusion[self.names.index(true), self.names.index(predicted)])


def measure_classes(group: Group) -> Classes | None:
    """The classes of a group, or None where no run has its predictions."""
    runs = [run for run in group.runs if run.predictions is not None]
    known = [run.predictions for run in runs if run.predictions is not None]
    if not known:
        return None
    names = group.runs[0].class_names
    counts = np.stack([count_confusion(each, len(names)) for each in known])
    images = counts.sum(2)
    shares = counts / np.maximum(images, 1)[:, :, None]
    accuracies = {}
    for index, name in enumerate(names):
        if not images[:, index].all():
            continue  # a small test split may lack a class
        if len(known) == 1:
            accuracies[name] = share_interval(int(counts[0, index, index]), int(images[0, index]))
        else:
            found = shares[:, index, index].tolist()
            accuracies[name] = mean_of(group, runs, found, (0, 1))
    return Classes(group, names, accuracies, shares.mean(0))


def count_confusion(predictions: Predictions, classes: int) -> NDArray[np.int64]:
    """Images of each true class (row) predicted as each class (column), [classes, classes]."""
    place = predictions.labels.astype(np.int64) * classes + predictions.predicted
    return np.bincount(place, minlength=classes**2).reshape(classes, classes)
