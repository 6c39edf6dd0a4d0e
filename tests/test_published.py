"""Weights that are read by name: published from a run, found, listed, refused."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch

import dilated_cifar
from dilated_cifar.cli import evaluate, explain, export, localize, train
from dilated_cifar.config.published import FOLDER, MOST_BYTES, described, path_of, published
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.trained import open_all
from dilated_cifar.runs.reading import read_summary
from dilated_cifar.runs.weights import figures_in

COMMANDS = [evaluate, explain, localize, export]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    assert train.main([*tiny, f"output_dir={folder}", "name=one", "epochs=2"]) == 0
    return folder / "one"


@pytest.fixture(scope="module")
def folder(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of published weights, filled by the script."""
    folder = tmp_path_factory.mktemp("published")
    assert publish(str(run), "tiny_125", f"--folder={folder}", "--samples=20") == 0
    return folder


def publish(*arguments: str) -> int:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return int(__import__("publish").main(arguments))
    finally:
        sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, where the published weights are known."""
    monkeypatch.setenv("DILATED_CIFAR_PUBLISHED", str(folder))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_published_weights_are_those_of_the_run_with_its_figures(run: Path, folder: Path) -> None:
    loaded, trained = dilated_cifar.load("published:tiny_125"), dilated_cifar.load(run)
    assert loaded.trained.label == "tiny_125"
    weights, expected = (each.trained.model.state_dict() for each in (loaded, trained))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert figures_in(folder / "tiny_125.safetensors") == read_summary(run).selected
    accuracy = read_summary(run).selected.test.accuracy
    assert described(folder / "tiny_125.safetensors") == (
        f"data=spacing, epoch {read_summary(run).selected.epoch}, test accuracy {100 * accuracy:.2f}%"
    )
    # As explain and localize open them, beside a run.
    labels = [each.label for each in open_all(["published:tiny_125", str(run)], device="cpu")]
    assert labels == ["tiny_125", "one"]


def test_commands_take_them_and_write_into_outputs(here: Path, run: Path, folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert evaluate.main(["published:tiny_125", "threads=1", "progress=false"]) == 0
    found = here / "outputs" / "published" / "tiny_125"
    (figures,) = (found / "evaluation").glob("*.json")
    accuracy = read_summary(run).selected.test.accuracy
    assert json.loads(figures.read_text())["accuracy"] == pytest.approx(accuracy)
    taken = ["run=published:tiny_125", "formats=safetensors", "samples=20", "progress=false"]
    assert export.main(taken) == 0
    # What the file says was measured is said again.
    assert "test split |" in (found / "export" / "README.md").read_text()
    assert figures_in(found / "export" / "model.safetensors") == read_summary(run).selected
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.COMMAND.name)
def test_an_unknown_name_is_one_line_with_the_names_there_are(
    command, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["published:tiny_15"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: published:tiny_15: no such published weights; expected tiny_125? (one of ")
    assert list(here.iterdir()) == []


@pytest.mark.usefixtures("here")
def test_help_lists_the_names_with_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "weights that are published, as RUN: published:NAME:" in shown
    assert re.search(r"  tiny_125 +data=spacing, epoch \d, test accuracy \d+\.\d\d%", shown)


def test_without_any_the_refusal_says_that_none_is_published(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        path_of("published:dilated_125", [tmp_path])
    expected = "expected a run's folder or a file: none is published here"
    assert str(refused.value) == f"published:dilated_125: no such published weights; {expected}"


@pytest.mark.parametrize(
    ("name", "told"),
    [("tiny_125", "is there already"), ("a/b", "a/b: expected a name of letters"), ("", "expected a name")],
)
def test_a_name_that_is_none_or_taken_is_refused(
    name: str, told: str, run: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert publish(str(run), name, f"--folder={folder}") == 2
    assert told in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_weights_of_which_nothing_was_measured_are_not_published(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone.pt"
    alone.write_bytes((run / "checkpoints" / "best.pt").read_bytes())
    assert publish(str(alone), "other", f"--folder={tmp_path}", "--samples=20") == 2
    assert "nothing was measured of these weights" in capsys.readouterr().err
    assert not (tmp_path / "other.safetensors").exists()


def test_what_the_package_publishes_is_small_and_says_what_was_measured() -> None:
    files = list(published([FOLDER]).values())
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    for trained in open_all([str(path) for path in files], device="cpu"):
        assert figures_in(trained.path) is not None
        assert described(trained.path)
