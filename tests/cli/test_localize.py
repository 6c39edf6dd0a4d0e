"""Localizing from the command line, on real CIFAR-10."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from dilated_cifar.cli import localize, train
from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.inspection.localization.localization import scenes_of
from dilated_cifar.progress import Steps

ROOT = Path(__file__).resolve().parents[2]
FEW = ["scenes=30", "tuning=20", "shown=3", "threads=1"]
Told = Callable[..., str]


@pytest.fixture(scope="module")
def runs(cifar10_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks, each after a few steps: DRN-C, its twin, one whose map ends in a single place."""
    folder = tmp_path_factory.mktemp("runs")
    arguments = ["data.train=128", "data.validation=50", "data.test=50", "data.train_subset=50", "epochs=1"]
    arguments += [f"data.root={cifar10_root}", "batch_size=64", "threads=1", "progress=false"]
    pooled = ["model=plain", "model.channels=[4,4,4,4,4,4]", "model.dilations=[1,1,1,1,1,1]"]
    for name, model in (
        ("drn_c", ["model=drn_c", "model.width=4"]),
        ("twin", ["model=resnet", "model.layout=S", "model.width=4"]),
        ("pooled", [*pooled, "model.pool=true", "model.padding=same"]),
    ):
        run = [*arguments, *model, f"output_dir={folder}", f"name={name}"]
        assert train.main(run) == 0
    return folder


@pytest.fixture
def told(
    tmp_path: Path, cifar10_root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Told:
    """Run the command in an empty folder; returns what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> str:
        assert localize.main([*arguments, *FEW, f"data.root={cifar10_root}"]) == 0
        captured = capfd.readouterr()
        assert captured.err == ""
        return captured.out

    return run


def test_networks_stand_in_one_table_beside_image_independent_baselines(
    told: Told, runs: Path, tmp_path: Path
) -> None:
    said = told(f"checkpoint={runs / 'drn_c'}", str(runs / "twin"))
    assert max(len(line.rstrip()) for line in said.splitlines()[:-1]) <= 80
    folder = tmp_path / "outputs" / "localize" / "drn_c__twin"
    names = {path.name for path in folder.iterdir()}
    assert names == {"localization.json", "localization.txt", "localization.png"}
    assert said.startswith("drn_c: localizes ")
    assert len(said.splitlines()) <= 24
    assert "by background" not in said
    assert "by background" in (folder / "localization.txt").read_text()
    with Image.open(folder / "localization.png") as picture:
        assert picture.width > picture.height
    numbers = json.loads((folder / "localization.json").read_text(), parse_constant=pytest.fail)
    rows = [(row["network"], row["box"]) for row in numbers["results"]]
    boxes = ["native", "upsampled", "whole", "centre"]
    assert rows == [(network, box) for network in ("drn_c", "twin") for box in boxes]
    for row in numbers["results"]:
        assert (row["threshold"] is None) == (row["box"] in ("whole", "centre"))
        assert {name: figures["scenes"] for name, figures in row["figures"].items()} == {
            "all": 30, "mean": 10, "noise": 10, "blur": 10
        }  # fmt: skip
        for figures in row["figures"].values():
            assert 0 <= figures["localized"]["value"] <= figures["accuracy"]["value"] <= 1
            assert (
                figures["localized"]["low"] <= figures["localized"]["value"] <= figures["localized"]["high"]
            )
    assert numbers["threshold"] is None
    # A box that does not depend on the image is the same for all networks, whatever class they predict.
    baselines = [row["figures"]["all"]["mean_iou"] for row in numbers["results"] if row["threshold"] is None]
    assert baselines[:2] == baselines[2:]


def test_the_same_seed_gives_the_same_figures_and_another_does_not(
    told: Told, runs: Path, tmp_path: Path
) -> None:
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        told(f"checkpoint={runs / 'drn_c'}", f"output={name}", f"seed={seed}")
    one, two, three = (
        json.loads((tmp_path / name / "localization.json").read_text())["results"]
        for name in ("one", "two", "three")
    )
    assert one == two
    assert one != three


def test_thresholds_are_not_chosen_on_the_boxes_of_the_test_scenes(runs: Path, cifar10_root: Path) -> None:
    config = LocalizeConfig(checkpoint=[str(runs / "drn_c")], scenes=40, tuning=40)
    data = Cifar10Config(root=str(cifar10_root), validation=50, train=128, test=50)
    tuning, scenes = (scenes_of(data, split, config, Steps(shown=False)) for split in ("train", "test"))
    assert (tuning.boxes == scenes.boxes).all(1).sum() < 2


def test_networks_of_one_folder_name_stay_apart(told: Told, runs: Path, tmp_path: Path) -> None:
    for name, source in (("a b", "drn_c"), ("a-b", "twin")):
        shutil.copytree(runs / source, tmp_path / name)
    told("checkpoint=a b", "a-b", "output=out")
    numbers = json.loads((tmp_path / "out" / "localization.json").read_text())
    assert len({row["network"] for row in numbers["results"]}) == 2
    assert len(numbers["results"]) == 8


def test_networks_may_normalise_differently_but_not_have_seen_other_images(
    told: Told, runs: Path, cifar10_root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, change in (("scaled", {"mean": [0.0] * 3, "train_subset": 9}), ("other", {"split_seed": 1})):
        saved = torch.load(runs / "twin" / "checkpoints" / "best.pt", weights_only=True)
        saved["config"]["data"].update(change)
        torch.save(saved, tmp_path / f"{name}.pt")
    told(f"checkpoint={runs / 'drn_c'}", "scaled.pt", "output=out")
    arguments = [f"checkpoint={runs / 'drn_c'}", "other.pt", f"data.root={cifar10_root}"]
    assert localize.main(arguments) == 2
    assert "other.pt: data.split_seed is not that of" in capfd.readouterr().err


def test_ones_own_pictures_get_a_heat_map_and_a_box(told: Told, runs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (90, 45), (200, 30, 30)).save(tmp_path / "a, wide one.png")
    Image.new("L", (50, 80), 99).save(tmp_path / "grey.jpg")
    said = told(f"checkpoint={runs / 'drn_c'}", "images=a, wide one.png", "grey.jpg", "threshold=-100")
    assert "grey.jpg" in said
    folder = runs / "drn_c" / "localize"
    assert {path.name for path in folder.iterdir()} == {"pictures.json", "pictures.png"}
    (network,) = json.loads((folder / "pictures.json").read_text())["networks"]
    assert [picture["size"] for picture in network["pictures"]] == [[45, 90], [80, 50]]
    for picture in network["pictures"]:
        top, left, bottom, right = picture["box"]
        assert 0 <= top < bottom <= picture["size"][0]
        assert 0 <= left < right <= picture["size"][1]
    assert "none above the threshold" in told(
        f"checkpoint={runs / 'drn_c'}", "images=grey.jpg", "threshold=1e9"
    )


def test_a_checkpoint_is_enough_for_pictures_where_the_threshold_is_given(runs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (20, 90, 200)).save(tmp_path / "$sky^$.png")
    arguments = [f"checkpoint={runs / 'twin'}", "images=$sky^$.png", "threshold=0", "data.root=nowhere"]
    arguments += ["data.download=false", "output=out"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "localize.py"), *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "pictures.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no run: expected the folder of one"),
        (["checkpoint=none.pt"], "none.pt: no such file"),
        (["canvas=16"], "canvas=16: expected 32 to 256 pixels"),
        (["canvas=40"], "canvas=40: expected at least the 48 pixels"),
        (["scales=[2,1]"], "scales=[2.0,1.0]: expected the smallest and the largest size"),
        (["scenes=51"], "scenes=51: expected at most the 50 images of the test split"),
        (["tuning=200"], "tuning=200: expected at most the 128 images of the train split"),
        (["threshold=nan"], "threshold=nan: expected a number"),
        (["shown=0"], "shown=0: expected a whole number from 1"),
        (["shown=1000"], "shown=1000: expected at most 100"),
        (["seed=18446744073709551616"], "expected a whole number from 0 to 2**64 - 1"),
        (["output=grey.png"], "output=grey.png: cannot be written"),
        (["images=none.png"], "images=none.png: no pictures there"),
        (["images=tiny.png"], "tiny.png: 8x8 pixels, fewer than the 32x32 cells of the class map of drn_c"),
        (["images=strip.png"], "class map of drn_c has 1x32 cells on 2x64 pixels"),
        (["checkpoint=POOLED", "canvas=32", "scales=[0.5,1]"], "class map of pooled has 1x1 cells"),
        (["images=grey.png", "data.root=nowhere", "data.download=false"], "CIFAR-10 is not in nowhere"),
    ],
)
def test_wrong_input_gets_one_line_and_writes_nothing(
    arguments: list[str],
    expected: str,
    runs: Path,
    cifar10_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, size in (("tiny", (8, 8)), ("strip", (960, 30)), ("grey", (64, 64))):
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    before = sorted(tmp_path.iterdir())
    arguments = [each.replace("POOLED", str(runs / "pooled")) for each in arguments]
    if arguments and not any(each.startswith("checkpoint=") for each in arguments):
        arguments = [f"checkpoint={runs / 'drn_c'}", *arguments]
    few = [
        each for each in FEW if each.partition("=")[0] not in {each.partition("=")[0] for each in arguments}
    ]
    if "data.root=nowhere" not in arguments:
        few.append(f"data.root={cifar10_root}")
    assert localize.main([*arguments, *few]) == 2
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("error: ")
    assert expected in captured.err
    assert sorted(tmp_path.iterdir()) == before


def test_distances_cannot_be_localized(
    tiny: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = [*tiny, "epochs=1", f"output_dir={tmp_path}", "name=dots"]
    assert train.main(arguments) == 0
    capfd.readouterr()
    assert localize.main([f"checkpoint={tmp_path / 'dots'}"]) == 2
    assert "trained with data=spacing, whose classes another size changes" in capfd.readouterr().err
