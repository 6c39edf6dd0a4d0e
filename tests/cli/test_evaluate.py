"""Evaluating what a real run saved."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dilated_cifar.cli import evaluate, train

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def finished(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, in a folder whose name Hydra's grammar would trip over."""
    folder = tmp_path_factory.mktemp("runs") / "with, a=strange [name]"
    assert train.main([*tiny, f"output_dir={folder}", "name=one"]) == 0
    return folder / "one"


@pytest.fixture
def run_folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / finished.parent.name / finished.name))


def test_it_needs_nothing_but_the_checkpoint(run_folder: Path, tmp_path: Path) -> None:
    lone = tmp_path / "[red] lone.pt"  # brackets that a terminal library might take for a colour
    shutil.move(run_folder / "checkpoints" / "best.pt", lone)
    summary = json.loads((run_folder / "summary.json").read_text())
    shutil.rmtree(run_folder)
    done = subprocess.run(
        [sys.executable, str(ROOT / "evaluate.py"), lone.name, "threads=1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "evaluation" / "[red] lone-test.json").read_text())
    assert figures["accuracy"] == pytest.approx(summary["best"]["test"]["accuracy"])
    assert figures["loss"] == pytest.approx(summary["best"]["test"]["loss"], rel=1e-5)
    low, high = figures["accuracy_interval"]
    assert f"{figures['accuracy']:.2%}  (95% interval {low:.2%} to {high:.2%}, Wilson)" in done.stdout
    assert "11 pixels" in done.stdout
    assert f"{lone.name}, epoch" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if "│" in line) <= 80
    with Image.open(tmp_path / "evaluation" / "[red] lone-test-confusion.png") as picture:
        assert picture.width > 300


@pytest.mark.parametrize("split", ["validation", "train_subset"])
def test_any_split_gives_the_runs_own_figures(run_folder: Path, split: str) -> None:
    assert evaluate.main([f"run={run_folder}", f"split={split}", "threads=1"]) == 0
    figures = json.loads((run_folder / "evaluation" / f"best-{split}.json").read_text())
    summary = json.loads((run_folder / "summary.json").read_text())["best"]
    expected = summary["train" if split == "train_subset" else split]
    assert figures["accuracy"] == pytest.approx(expected["accuracy"])
    assert np.array(figures["confusion"]).sum() == figures["images"] == 40


def test_several_runs_have_their_files_beside_each_other(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stopped = Path(shutil.copytree(run_folder, tmp_path / "stopped"))
    (stopped / "summary.json").unlink()
    out = tmp_path / "out"
    assert evaluate.main([str(run_folder), str(stopped), f"output={out}", "threads=1"]) == 0
    assert {path.name for path in out.glob("*.json")} == {"one-best-test.json", "stopped-best-test.json"}
    said = capfd.readouterr().out
    assert said.count("not the result of a whole run") == 1
    assert f"{stopped} is unfinished: 3 of 3 epochs; the same command continues it" in said


def test_flip_is_another_figure_in_another_file(run_folder: Path) -> None:
    for arguments in ([], ["flip=true"]):
        assert evaluate.main([f"run={run_folder}", "threads=1", *arguments]) == 0
    plain, flipped = (
        json.loads((run_folder / "evaluation" / f"best-test{suffix}.json").read_text())
        for suffix in ("", "-flip")
    )
    assert flipped["flip"] is True
    assert plain["loss"] != flipped["loss"]


def test_own_pictures_get_a_class_and_its_probability(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (100, 50), 90).save(tmp_path / "grey, one.png")
    Image.new("RGBA", (20, 30), (200, 0, 0, 100)).save(tmp_path / "red=two.png")
    pictures = [str(path) for path in sorted(tmp_path.glob("*.png"))]
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    arguments = [f"run={run_folder}", f"images={pictures[0]}", str(tmp_path / "broken.gif"), pictures[1]]
    assert evaluate.main([*arguments, "threads=1"]) == 2
    content = json.loads((run_folder / "evaluation" / "best-images.json").read_text())
    assert [row["picture"] for row in content["pictures"]] == pictures
    for row in content["pictures"]:
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["class"] == max(row["probabilities"], key=row["probabilities"].get)
    captured = capfd.readouterr()
    assert content["pictures"][0]["class"] in captured.out
    (refusal,) = captured.err.splitlines()
    assert refusal.startswith(f"error: images={tmp_path / 'broken.gif'}: cannot be read")
    assert content["refused"] == [refusal.removeprefix("error: ")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["images=missing.png"], "images=missing.png: no pictures there"),
        (["output=/dev/null/x"], "output=/dev/null/x: cannot be written"),
        (["device=cuda:9"], "device=cuda:9: "),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run_folder: Path, arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main([f"run={run_folder}", "threads=1", *arguments]) == 2
    error = capfd.readouterr().err
    assert len(error.splitlines()) == 1
    assert told in error


def test_a_split_that_was_not_held_out_is_refused(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main([*tiny, "epochs=1", "data.validation=0", "name=one"]) == 0
    assert evaluate.main(["run=outputs/one", "split=validation"]) == 2
    assert "data.validation=0" in capfd.readouterr().err
    assert evaluate.main(["run=outputs/one"]) == 0
    assert (tmp_path / "outputs" / "one" / "evaluation" / "last-test.json").is_file()
