"""Figures against worked examples and torchmetrics."""

import pytest
import torch
from torchmetrics.functional import classification as theirs

from dilated_cifar.evaluation.metrics import confusion_table, evaluate

NAMES = ["cat", "dog", "owl"]


def logits_of(predicted: list[int], confidence: float = 0.8) -> torch.Tensor:
    """Logits whose softmax gives the predicted class `confidence` and shares the rest."""
    probabilities = torch.full((len(predicted), 3), (1 - confidence) / 2)
    probabilities[range(len(predicted)), predicted] = confidence
    return probabilities.log()


def test_a_worked_example() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    figures = evaluate(logits_of([0, 0, 0, 1, 1, 1, 0, 2, 2, 2]), labels, NAMES)
    assert figures.accuracy == 0.8
    assert figures.confusion == [[3, 1, 0], [1, 2, 0], [0, 0, 3]]
    # Wilson's interval of 8 in 10, as in Brown, Cai and DasGupta (2001).
    assert figures.accuracy_interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    cat, dog, owl = figures.classes
    assert (cat.images, cat.precision, cat.recall) == (4, pytest.approx(3 / 4), pytest.approx(3 / 4))
    assert (dog.precision, dog.recall, dog.f1) == (
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    )
    assert owl.f1 == pytest.approx(1)
    loss = -(8 * torch.tensor(0.8).log() + 2 * torch.tensor(0.1).log()) / 10
    assert figures.loss == pytest.approx(loss.item(), rel=1e-5)
    # All confidences are 0.8 and so is the accuracy: perfectly calibrated.
    assert figures.calibration_error == pytest.approx(0, abs=1e-6)
    assert figures.top5 == 1


def test_overconfidence_is_the_calibration_error() -> None:
    labels = torch.tensor([0, 1, 2, 0])
    figures = evaluate(logits_of([0, 1, 1, 1], confidence=0.9), labels, NAMES)
    assert figures.calibration_error == pytest.approx(0.4, abs=1e-5)


def test_top5_counts_the_five_highest() -> None:
    logits = torch.arange(10.0).repeat(10, 1)
    figures = evaluate(logits, torch.arange(10), [str(number) for number in range(10)])
    assert figures.top5 == pytest.approx(0.5)
    assert figures.accuracy == pytest.approx(0.1)


def test_of_a_hundred_classes_the_most_frequent_confusions_fit_the_screen() -> None:
    names = [f"class {number}" for number in range(100)]
    labels = torch.arange(400) % 100
    predicted = labels.clone()
    predicted[[3, 103, 7]] = torch.tensor([9, 9, 8])
    table = confusion_table(evaluate(torch.eye(100)[predicted], labels, names))
    columns = [list(column.cells) for column in table.columns]
    assert columns == [["class 3", "class 7"], ["class 9", "class 8"], ["2", "1"], ["50.0%", "25.0%"]]


def test_the_figures_are_those_of_torchmetrics() -> None:
    random = torch.Generator().manual_seed(0)
    # Of the last two classes one is never predicted and one has no image.
    labels = torch.randint(0, 7, (500,), generator=random)
    logits = torch.randn(500, 8, generator=random) + 2 * torch.eye(8)[labels]
    logits[:, 6] = -20
    found = evaluate(logits, labels, [str(number) for number in range(8)])
    for name in ("precision", "recall", "f1_score"):
        expected = getattr(theirs, f"multiclass_{name}")(logits, labels, 8, average="none").tolist()
        assert [getattr(each, name.removesuffix("_score")) for each in found.classes] == pytest.approx(
            expected
        )
    error = theirs.multiclass_calibration_error(logits.softmax(1), labels, 8, n_bins=15)
    assert found.calibration_error == pytest.approx(error.item(), abs=1e-6)
    top5 = theirs.multiclass_accuracy(logits, labels, 8, average="micro", top_k=5)
    assert found.top5 == pytest.approx(top5.item())
