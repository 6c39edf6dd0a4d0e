"""What the pictures of predictions show."""

import numpy as np
import torch

from dilated_cifar.evaluation.pictures import confusion_figure, mistakes_figure

NAMES = ["cat", "dog", "owl"]


def test_the_confusion_matrix_shows_shares_of_the_true_class_and_writes_counts() -> None:
    counts = np.array([[3, 1, 0], [1, 2, 0], [0, 0, 0]])
    axes = confusion_figure(counts, NAMES, title="title").axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25, 0], [1 / 3, 2 / 3, 0], [0, 0, 0]])
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(column, row): str(counts[row, column]) for row in range(3) for column in range(3)}
    assert [label.get_text() for label in axes.get_yticklabels()] == NAMES


def test_mistakes_are_drawn_from_the_most_confident_on() -> None:
    images = torch.randint(
        0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    probabilities = torch.tensor([[0.6, 0.4, 0], [0.1, 0.9, 0], [0.2, 0.0, 0.8], [0.0, 0.3, 0.7]])
    labels = torch.tensor([1, 1, 0, 1])
    figure = mistakes_figure(images, labels, probabilities, NAMES, most=2)
    assert figure is not None
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["owl 80%\ntrue: cat", "owl 70%\ntrue: dog"]
    for image, index in zip(axes.images, (2, 3), strict=True):
        assert np.array_equal(image.get_array(), images[index].permute(1, 2, 0))
    assert mistakes_figure(images, probabilities.argmax(1), probabilities, NAMES) is None


def test_a_confusion_matrix_of_a_hundred_classes_stays_a_picture_of_a_page() -> None:
    names = [f"class {number}" for number in range(100)]
    figure = confusion_figure(np.eye(100, dtype=np.int64), names, title="title")
    assert max(figure.get_size_inches()) < 14
    assert not figure.axes[0].texts
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
