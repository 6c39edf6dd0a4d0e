"""What the embedded data set is for: which distances a network can tell shows its receptive field's holes."""

import json
from pathlib import Path

import pytest

from dilated_cifar.cli import evaluate, train


@pytest.fixture
def recall(tmp_path: Path, request: pytest.FixtureRequest) -> dict[int, float]:
    """Train the demo, somewhat smaller and on clearer images; returns the recall of each distance."""
    rates, *sizes = request.param
    words = ["experiment=demo", f"model.dilations={rates}", "data.validation=100", "data.train_subset=100"]
    words += ["pictures=0", "progress=false", "threads=1", f"output_dir={tmp_path}", "name=run"]
    assert train.main([*words, *sizes]) == 0
    assert evaluate.main([f"run={tmp_path / 'run'}", "threads=1"]) == 0
    figures = json.loads((tmp_path / "run" / "evaluation" / "best-test.json").read_text())
    return {int(row["name"].split()[0]): row["recall"] for row in figures["classes"]}


SIX = [
    "data.largest=7",
    "data.noise=0",
    "model.channels=[16,32,32]",
    "data.train=2400",
    "data.test=300",
    "epochs=3",
]
"""Distances 2 to 7, which a small network learns in seconds."""
ALL = [
    "data.pairs=6",
    "model.channels=[16,32,64]",
    "data.train=5000",
    "data.test=500",
    "batch_size=64",
    "epochs=5",
]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.slow
@pytest.mark.parametrize("recall", [["[1,2,5]", *ALL]], indirect=True)
def test_hdc_rates_see_every_distance(recall: dict[int, float]) -> None:
    assert min(recall.values()) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("recall", [["[1,1,1]", *ALL]], indirect=True)
def test_a_field_of_seven_is_lost_beyond_it(recall: dict[int, float]) -> None:
    assert min(recall[distance] for distance in (2, 3, 4)) > 0.8
    assert mean([recall[distance] for distance in range(7, 12)]) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("recall", [["[2,2,2]", *ALL]], indirect=True)
def test_equal_rates_see_even_distances_and_no_odd_ones(recall: dict[int, float]) -> None:
    assert min(recall[distance] for distance in (2, 4, 6, 8, 10)) > 0.8
    assert mean([recall[distance] for distance in (3, 5, 7, 9, 11)]) < 0.35


@pytest.mark.parametrize("recall", [["[2,2,2]", *SIX]], indirect=True)
def test_equal_rates_tell_even_distances_from_all_and_odd_ones_not_from_each_other(
    recall: dict[int, float],
) -> None:
    assert min(recall[distance] for distance in (2, 4, 6)) > 0.8
    assert mean([recall[distance] for distance in (3, 5, 7)]) < 0.6
