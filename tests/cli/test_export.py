"""A real run taken along: every file gives what the run gives, and says what it is."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open

from dilated_cifar.cli import evaluate, explain, export, train
from dilated_cifar.evaluation.trained import Trained, open_all
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.record import best_checkpoint

FILES = ["model.safetensors", "model.onnx", "model.pt2"]


@pytest.fixture(scope="module")
def exported(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, in a folder that nobody else is to learn of, exported in every format."""
    folder = tmp_path_factory.mktemp("runs") / "home of someone"
    assert train.main([*tiny, f"output_dir={folder}", "name=one", "data=spacing_clear"]) == 0
    assert export.main([str(folder / "one"), "threads=1"]) == 0
    return folder / "one"


@pytest.fixture
def run(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "one", ignore=shutil.ignore_patterns("evaluation")))


@pytest.fixture
def network(exported: Path) -> Trained:
    return open_all([str(exported)], device="cpu")[0]


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_every_file_is_compared_with_the_network_and_the_outcome_recorded(exported: Path) -> None:
    checks = read(exported / "export" / "export.json")["files"]
    assert [each["file"] for each in checks] == FILES
    for each in checks:
        assert each["bytes"] == (exported / "export" / each["file"]).stat().st_size
        assert each["images"] == each["same_classes"] == 40
        assert 0 <= each["largest_difference"] <= each["tolerance"] == pytest.approx(1e-5)


def test_a_folder_that_was_sent_elsewhere_is_taken_for_a_run_and_gives_its_figures(
    run: Path, tmp_path: Path
) -> None:
    measured = read(run / "summary.json")["best"]
    (expected,) = open_all([str(run)], device="cpu")
    folder = Path(shutil.move(run / "export", tmp_path / "from the hub"))
    (found,) = open_all([str(folder)], device="cpu")
    assert (found.label, found.epoch, found.class_names) == (
        "from-the-hub", expected.epoch, expected.class_names
    )  # fmt: skip
    weights = expected.model.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in found.model.state_dict().items())
    assert evaluate.main([str(folder), "threads=1"]) == 0
    assert evaluate.main([str(folder / "model.onnx"), "threads=1"]) == 0
    figures = [read(folder / "evaluation" / f"{name}-test.json") for name in FILES[:2]]
    for each in figures:
        assert (each["epoch"], each["accuracy"]) == (measured["epoch"], measured["test"]["accuracy"])
        assert each["loss"] == pytest.approx(measured["test"]["loss"], rel=1e-5)
        assert each["confusion"] == figures[0]["confusion"]


@pytest.mark.parametrize("images", [1, 3, 150])
def test_the_program_of_torch_export_takes_batches_of_any_size(
    exported: Path, network: Trained, images: int
) -> None:
    program = torch.export.load(exported / "export" / "model.pt2").module()
    pixels = torch.randint(0, 256, (images, 3, 32, 32), dtype=torch.uint8)
    expected = network.model.eval()(network.inputs(pixels))
    torch.testing.assert_close(program(pixels.float() / 255), expected, rtol=0, atol=1e-5)


def test_the_card_states_what_was_measured_and_its_code_runs(
    exported: Path, network: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = (exported / "export" / "README.md").read_text()
    _, head, text = card.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["license"] == "mit"
    measured = read(exported / "summary.json")["best"]
    (result,) = metadata["model-index"][0]["results"]
    assert [each["value"] for each in result["metrics"]] == [
        measured["test"]["accuracy"], measured["test"]["loss"]
    ]  # fmt: skip
    for split in ("train", "validation", "test"):
        assert f"{measured[split]['loss']:.4f}" in text
    assert "| seed | `0` |" in text
    monkeypatch.chdir(exported / "export")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    expected = network.model.eval()(network.inputs(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)))
    for block in blocks:
        found: dict[str, Any] = {}
        exec(block, found)
        if "logits" in found:
            np.testing.assert_allclose(
                np.asarray(found["logits"].detach() if "torch" in found else found["logits"]),
                expected.detach().numpy(),
                atol=1e-5,
            )
        else:
            assert set(found["weights"]) == set(network.model.state_dict())


def test_the_files_say_what_they_are_and_not_where_they_were_made(exported: Path) -> None:
    folder = exported / "export"
    config = read(folder / "config.json")
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        texts = file.metadata()
    assert texts["format"] == "pt"
    for key in ("config", "class_names", "input", "figures", "epoch"):
        assert json.loads(texts[key]) == config[key]
    assert config["input"]["mean"] == config["config"]["data"]["mean"] == [0.5, 0.5, 0.5]
    assert config["id2label"]["0"] == config["class_names"][0] == "2 pixels"
    assert config["figures"] == read(exported / "summary.json")["best"]
    for path in folder.iterdir():
        assert exported.parent.name.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tolerance=1e-12", "formats=safetensors"], "model.safetensors: a logit differs by"),
        (["formats=onyx"], "formats=onyx: expected onnx? (one of safetensors, onnx, torch)"),
        (["formats=torch,torch"], "formats=[torch,torch]: expected each once"),
        (["device=cuda"], "device=cuda: expected cpu"),
        (["license='Free beer!'"], "license=Free beer!: expected a name of the hub's list"),
        (["output=/dev/null/x"], "output=/dev/null/x: cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    run: Path, arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "export")
    before = sorted(run.rglob("*"))
    assert export.main([str(run), *arguments, "threads=1"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert told in line
    assert sorted(run.rglob("*")) == before


def test_weights_that_are_no_numbers_are_not_exported(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    best = best_checkpoint(run)
    saved = checkpoint.load(best)
    saved.model["classifier.bias"][0] = torch.nan
    checkpoint.save(saved, best)
    assert export.main([str(run), "threads=1"]) == 2
    assert f"{best}: 1 of its weights are nan or infinite" in capfd.readouterr().err


def test_without_the_extra_it_is_said_what_to_install(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    graph = run / "export" / "model.onnx"
    for command, typed, what in ((export, run, "formats=onnx"), (evaluate, graph, str(graph))):
        assert command.main([str(typed), "threads=1"]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert what in line
        assert line.endswith("needs onnxruntime, not installed here; pip install -e '.[export]'")


@pytest.mark.parametrize("name", FILES[1:])
def test_graphs_cannot_be_looked_into(exported: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert explain.main([str(exported / "export" / name), "threads=1"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert f"{name}: a graph without the parts of its network; expected model.safetensors" in line


@pytest.mark.parametrize("argument", ["device=cuda", "precision=bf16"])
def test_a_graph_runs_on_the_cpu(exported: Path, argument: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([str(exported / "export" / "model.onnx"), argument]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert f"{argument}: " in line


@pytest.mark.slow
@pytest.mark.parametrize("model", ["plain", "resnet", "drn_a", "drn_b", "drn_c", "drn_d", "dilated_sawtooth"])
def test_every_family_is_exported_and_evaluated_alike(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shape = [each for each in tiny if not each.startswith("model.")]
    width = [] if model in ("plain", "dilated_sawtooth") else ["model.width=4"]
    assert train.main([*shape, f"model={model}", *width, "epochs=1", "name=one"]) == 0
    assert export.main(["outputs/one"]) == 0
    graph = "outputs/one/export/model.onnx"
    assert evaluate.main(["outputs/one", graph, "output=out", "threads=1"]) == 0
    one, other = (read(path) for path in sorted(Path("out").glob("*.json")))
    assert one["confusion"] == other["confusion"]
