"""The functions of `import dilated_cifar`: the commands' numbers, as data."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import dilated_cifar as dc
from dilated_cifar.cli.compare import main as compare_main
from dilated_cifar.cli.evaluate import main as evaluate_main
from dilated_cifar.errors import UserError
from dilated_cifar.notebook.display import table
from dilated_cifar.notebook.results import FinishedRun


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    small = ["data.train=96", "data.validation=40", "data.test=40", "data.train_subset=40", "epochs=2"]
    place = f"output_dir={tmp_path_factory.mktemp('outputs')}"
    chosen = ["experiment=demo", "model.channels=[4,6,8]", "name=small", "progress=false", "pictures=0"]
    return dc.train(*chosen, *small, place)


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, dilated_cifar as dc; print(dc.__version__, 'torch' in sys.modules, dir(dc))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"{dc.__version__} False")
    assert all(name in told for name in dc.__all__)


def test_a_run_says_what_its_folder_says(run: FinishedRun) -> None:
    saved = json.loads((run.folder / "summary.json").read_text())
    assert run.summary.last.test.accuracy == saved["last"]["test"]["accuracy"]
    assert list(run.curves.index) == [1, 2]
    assert run.curves["accuracy/validation"].iloc[-1] == saved["last"]["validation"]["accuracy"]
    assert f"best (epoch {saved['best']['epoch']}, selected)" in run._repr_html_()


def test_the_same_call_reports_the_finished_run(run: FinishedRun) -> None:
    before = (run.folder / "summary.json").stat().st_mtime_ns
    again = dc.train(f"config={run.folder / 'config.yaml'}", f"output_dir={run.folder.parent}")
    assert again.folder == run.folder
    assert (run.folder / "summary.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("split", ["test", "train_subset"])
def test_evaluate_gives_the_numbers_of_the_command(run: FinishedRun, tmp_path: Path, split: str) -> None:
    found = dc.evaluate(run.folder, split)
    assert evaluate_main([str(run.folder), f"split={split}", f"output={tmp_path}", "device=cpu"]) == 0
    written = json.loads((tmp_path / f"best-{split}.json").read_text())
    assert (found.accuracy, found.loss) == (written["accuracy"], written["loss"])
    assert found.confusion_matrix.to_numpy().tolist() == written["confusion"]
    assert found.by_class["images"].sum() == found.images


def test_compare_gives_the_numbers_of_the_command(run: FinishedRun, tmp_path: Path) -> None:
    found = dc.compare(run.folder)
    assert compare_main([str(run.folder), f"output={tmp_path}"]) == 0
    written = json.loads((tmp_path / "comparison.json").read_text())
    assert list(found.groups["test_accuracy"]) == [row["test_accuracy"] for row in written["groups"]]
    assert list(found.runs["seed"]) == [row["seed"] for row in written["runs"]]
    assert len(found.curves["epoch"].unique()) == 2
    assert "One run only, small" in found._repr_html_()


def test_of_runs_that_cannot_be_read_compare_warns(run: FinishedRun, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "damaged")
    (tmp_path / "damaged" / "summary.json").write_text("{")
    with pytest.warns(UserWarning, match=r"damaged.summary\.json"):
        found = dc.compare(run.folder, tmp_path)
    assert len(found.runs) == 1


def test_a_loaded_network_takes_files_and_images_alike(run: FinishedRun, tmp_path: Path) -> None:
    loaded = dc.load(run.folder, device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    ready = loaded.preprocess(image)
    assert not loaded.network.training
    assert torch.equal(ready, loaded.preprocess(tmp_path / "one.png"))
    with torch.inference_mode():
        shares = loaded.network(ready).softmax(1)
    predicted = loaded.predict(image)
    assert list(predicted.columns) == loaded.class_names
    np.testing.assert_allclose(predicted.to_numpy(), shares.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("images", [torch.zeros(3, 32, 32), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)])
def test_images_that_a_network_cannot_take_are_told(run: FinishedRun, images: torch.Tensor) -> None:
    with pytest.raises(UserError, match=r"expected uint8 \[N, 3, 32, 32\]"):
        dc.load(run.folder, device="cpu").predict(images)


def test_a_sweep_and_a_wrong_key_are_told() -> None:
    with pytest.raises(UserError, match=r"expected one run"):
        dc.train("-m", "seed=0,1")
    with pytest.raises(UserError, match=r"^epoch"):
        dc.train("epoch=3")


def test_theory_shows_itself() -> None:
    judged = dc.judge([2, 2, 2])
    assert judged.receptive_field == 13
    assert "29.0% covered" in judged._repr_html_()
    counts = dc.count_map([1, 2, 3])
    assert counts.counts[6].tolist() == [3 * each for each in (1, 1, 2, 2, 3, 3, 3, 3, 3, 2, 2, 1, 1)]
    assert "<img" in counts._repr_html_()
    network = dc.build("model=dilated_125", "model.channels=[4,6,8]")
    layers = dc.trace(network)
    assert layers.receptive_field == 17
    assert layers.frame.loc["features.conv3", "receptive_field"] == (17, 17)
    assert (dc.count_map(network, layer="features").counts > 0).sum() == 17 * 17


def test_a_network_is_built_for_the_images_of_a_data_set() -> None:
    network = dc.build("model=plain", "model.channels=[4,6,8]", "data=cifar100")
    assert network(torch.rand(1, 3, 32, 32)).shape == (1, 100)
    with pytest.raises(UserError, match="data=folder: expected a data set whose classes are known"):
        dc.build("model=plain", "data=folder")


def test_any_module_is_traced() -> None:
    layers = dc.trace(
        nn.Sequential(nn.Conv2d(1, 2, 5, dilation=2), nn.Flatten(), nn.Linear(2 * 8 * 8, 3)), (1, 16, 16)
    )
    assert layers.receptive_field == 9


def test_texts_in_a_table_are_escaped() -> None:
    assert "<b>" not in table(["<b>"], [["<b>", "two\nlines"]], "<b>")
    assert "two<br>lines" in table([], [["two\nlines"]])
