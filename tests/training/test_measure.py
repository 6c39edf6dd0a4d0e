import pytest

from dilated_cifar.runs.reading import read_summary
from dilated_cifar.training.measure import overfitting_onset


def test_onset_is_the_first_epoch_after_the_lowest_mean_of_three() -> None:
    # The means of three are 2.0, 1.2, 1.0, 1.1, 1.3, 1.6: the lowest covers epochs 3 to 5.
    assert overfitting_onset([3.0, 2.0, 1.0, 0.6, 1.4, 1.3, 1.2, 2.3]) == 6


def test_a_falling_loss_has_no_onset() -> None:
    assert overfitting_onset([3.0, 2.0, 1.5, 1.2, 1.1, 1.0, 0.9]) is None


def test_a_rise_of_less_than_a_hundredth_is_no_onset() -> None:
    assert overfitting_onset([2.0, 1.0, 1.0, 1.0, 1.005, 1.005, 1.005]) is None


def test_a_rise_of_less_than_three_epochs_is_no_onset() -> None:
    assert overfitting_onset([3.0, 2.0, 1.0, 1.0, 1.0, 2.0, 3.0]) is None


def test_a_single_bad_epoch_does_not_hide_the_onset() -> None:
    losses = [2.0, 1.0, 0.9, 1.0, 1.2, 1.1, 1.3, 1.5, 1.6]
    assert overfitting_onset(losses) == 5


@pytest.mark.parametrize("epochs", [*range(6), 6])
def test_a_doubling_loss_is_seen_from_six_epochs_on_and_shorter_runs_say_that_they_cannot_tell(
    runs, epochs: int
) -> None:
    onset = overfitting_onset([2.0**epoch for epoch in range(epochs)])
    assert onset == (4 if epochs == 6 else None)
    summary = read_summary(runs.write("run", epochs=max(1, epochs), onset=onset))
    assert summary.onset == ("from epoch 4 on" if epochs == 6 else "too few epochs to tell")
