"""A cross-validation as a user runs it: a sweep over folds, and its record."""

from pathlib import Path

import pytest
import yaml

from dilated_cifar.cli import train
from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import compare

SMALL = [
    "experiment=demo", "model=plain", "model.channels=[4,6,8]", "data.train=50", "data.test=20",
    "data.train_subset=20", "batch_size=20", "epochs=1", "threads=1", "pictures=0", "progress=false",
]  # fmt: skip


def test_a_sweep_over_folds_trains_and_records_each_and_a_run_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main(["-m", *SMALL, "data.fold=0,1", "data.folds=2", "name=cv"]) == 0
    for fold in (0, 1):
        folder = tmp_path / "outputs" / "cv" / f"fold-{fold}"
        data = yaml.safe_load((folder / "config.yaml").read_text())["data"]
        assert (data["fold"], data["folds"], data["validation"]) == (fold, 2, 0)
        assert f"with 25 images, fold {fold} of 0 to 1 held out" in (folder / "train.log").read_text()
        assert not (folder / "checkpoints" / "best.pt").exists(), "a fold chooses nothing"
    (section,) = compare(collect([tmp_path / "outputs" / "cv"], progress=False)).sections
    assert [(each.group.held_out, each.accuracy.count) for each in section.groups] == [([0, 1], 2)]

    capfd.readouterr()
    again = [*SMALL, "data.folds=2", "name=cv/fold-0"]
    assert train.main([*again, "data.fold=0"]) == 0
    assert "finished before, left as it is" in capfd.readouterr().out
    assert train.main([*again, "data.fold=1"]) == 2
    assert "holds a run with data.fold=0, this one has data.fold=1" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (
            ["data.fold=0", "data.validation=10"],
            "data.validation=10: expected no other validation split beside",
        ),
        (["data.fold=5"], "data.fold=5: expected 0 to 4 (data.folds=5), or null; write data.fold=0"),
        (["data.folds=3"], "data.folds=3: expected data.fold beside it"),
    ],
)
def test_folds_that_cannot_be_are_one_line_and_status_2(
    typed: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main([*SMALL, *typed]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: {told}")
    assert not (tmp_path / "outputs").exists()
