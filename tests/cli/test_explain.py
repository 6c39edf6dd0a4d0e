"""Explaining networks, lists of rates and checkpoints from the command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from dilated_cifar.cli import explain, train

ROOT = Path(__file__).resolve().parents[2]
Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Told:
    """Run the command in an empty folder; returns what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> str:
        assert explain.main(list(arguments)) == 0
        captured = capfd.readouterr()
        assert captured.err == ""
        return " ".join(captured.out.split())

    return run


@pytest.fixture(scope="module")
def runs(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs, one of them with holes."""
    folder = tmp_path_factory.mktemp("runs")
    for name, rates in (("plain", "[1,1,1]"), ("gridded", "[2,2,2]")):
        arguments = [*tiny, f"model.dilations={rates}", "epochs=1", f"output_dir={folder}", f"name={name}"]
        assert train.main(arguments) == 0
    return folder


def test_a_process_of_its_own_explains_a_network_in_80_columns(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "explain.py"), "model=dilated_125"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert max(len(line) for line in done.stdout.splitlines()[:-1]) <= 80
    for fact in ("94,762", "32.11M", "field 17x17, 100.0% covered, no holes", "M_1 to M_3: 1, 2, 5"):
        assert fact in done.stdout
    folder = tmp_path / "outputs" / "explain" / "dilated_125"
    for name in ("count_map", "layers"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.width > 600
    numbers = json.loads((folder / "explanation.json").read_text())
    assert numbers["receptive_field"] == 17
    assert numbers["unit"]["covered"] == 1.0
    assert torch.tensor(numbers["unit"]["counts"]).sum() == 729


def test_rates_with_holes_get_their_verdicts_and_a_way_out(told: Told, tmp_path: Path) -> None:
    said = told("model=plain", "model.dilations=[2,2,2]")
    assert "receptive field 13x13, 29.0% covered, nearest hole 1 pixel from the centre" in said
    assert "exact criterion fail rate 2 is larger than 1" in said
    assert "published distance pass" in said
    assert "common factor fail all of [2, 2, 2] are multiples of 2" in said
    assert "nearest without holes [1, 2, 2] or [1, 2, 3]" in said
    assert (tmp_path / "outputs" / "explain" / "plain__dilations-2-2-2" / "count_map.png").is_file()


def test_lists_of_rates_are_judged_and_drawn_side_by_side(told: Told, tmp_path: Path) -> None:
    said = told("rates=[[1,2,5],[2,2,2],[1,2,3,1,2,3]]", "output=out")
    assert "rates 1, 2, 3, 1, 2, 3, 3x3 kernels: receptive field 25x25, 100.0% covered" in said
    numbers = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert [verdict["receptive_field"] for verdict in numbers["lists"]] == [17, 13, 25]
    with Image.open(tmp_path / "out" / "comparison.png") as picture:
        assert picture.width > 2 * picture.height
    assert "rates 1, 2, 5x5 kernels: receptive field 13x13" in told(
        "rates=[1,2]", "kernel_size=5", "output=out"
    )


def test_a_residual_network_is_counted_itself(told: Told, tmp_path: Path) -> None:
    said = told("model=resnet", "output=out")
    assert "no rule on lists of rates applies" in said
    assert "195,738" in said
    assert "exact criterion" not in said
    assert "unit (4, 4) of features (8x8): receptive field 53x53" in said
    numbers = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert numbers["verdict"] is None
    assert numbers["unit"]["covered"] == 1.0


def test_any_unit_of_any_layer_may_be_chosen(told: Told, tmp_path: Path) -> None:
    said = told("layer=features.conv2", "position=[0,3]", "output=out")
    assert "unit (0, 3) of features.conv2 (26x26): receptive field 7x7" in said
    assert "rows 0 to 6, columns 3 to 9" in said
    counts = torch.tensor(json.loads((tmp_path / "out" / "explanation.json").read_text())["unit"]["counts"])
    assert counts.sum() == 81
    assert counts[:7, 3:10].sum() == 81


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["layer=features.conv9"], "layer=features.conv9: expected features.conv"),
        (["position=[99,0]"], "position=[99,0]: outside the 16x16 map of features"),
        (["position=[1]"], "position=[1]: expected a row and a column"),
        (["layer=classifier", "position=[0,0]"], "the output of classifier is no map"),
        (["kernel_size=4"], "kernel_size=4: expected an odd number"),
        (["model.kernel_size=4"], "model.kernel_size=4: expected an odd number"),
        (["rates=[[]]"], "the list of rates is empty"),
        (["rates=[[1,0]]"], "rates=[1,0]: rate 0"),
        (["rates=[[1,2],3]"], "rates=[[1,2],3]: expected lists of rates"),
        (["rates=abc"], "rates=[abc]: rate 'abc' in ['abc'] is no dilation"),
        (["rates=[[9000]]"], "a receptive field of at most 999 pixels"),
        (["model.dilations=[]"], "model.dilations=[]: expected 3 rates"),
        (["model.dilations=[1,2,30]"], "a map that does not vanish: layer 3"),
        (["model=resnt"], "model=resnt: expected resnet?"),
        (["checkpoint=none.pt"], "none.pt: no such file"),
        (["checkpoint=."], ".: no checkpoint there"),
        ([f"checkpoint={ROOT / 'train.py'}"], "not a checkpoint"),
        (["checkpoint=none.pt", "model=plain"], "a checkpoint brings its own network"),
        (["images=a.png"], "write the folder of its run first"),
        (["controls=1"], "controls=1: expected a whole number from 2"),
    ],
)
def test_wrong_input_gets_one_line_and_writes_nothing(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert explain.main(arguments) == 2
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("error: ")
    assert expected in captured.err
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_measured_beside_randomly_initialised_networks(told: Told, runs: Path) -> None:
    said = told(f"checkpoint={runs / 'gridded'}", "samples=16", "controls=2", "threads=1")
    assert "lattice share gridded 1.00 1.00" in said
    assert "lattice share: does not separate gridded from random initialisation." in said
    assert "Luo et al. 2016" in said
    folder = runs / "gridded" / "explain"
    assert {path.name for path in folder.iterdir()} == {
        "count_map.png",
        "layers.png",
        "explanation.json",
        "effective_field.png",
        "lattice.png",
        "class_maps.png",
        "strongest.png",
        "inspection.json",
    }
    numbers = json.loads((folder / "inspection.json").read_text(), parse_constant=pytest.fail)
    (network,) = numbers["networks"]
    assert network["stage"] == {"input_of": "features.conv1", "rate": 2}
    assert network["images"] == 16
    assert network["measures"]["overlap_image"]["trained"] == 0.0
    assert len(network["measures"]["radius_95"]["randomly_initialised"]) == 2


def test_several_checkpoints_stand_side_by_side_with_ones_own_pictures(
    told: Told, runs: Path, tmp_path: Path
) -> None:
    pictures = [tmp_path / "one, two.png", tmp_path / "three.png"]
    for number, path in enumerate(pictures):
        Image.new("RGB", (40, 60), (200 * number, 90, 30)).save(path)
    both = [str(runs / "plain" / "checkpoints" / "best.pt"), str(runs / "gridded")]
    said = told(
        f"checkpoint={both[0]}", both[1], f"images={pictures[0]}", str(pictures[1]), "samples=8", "controls=2"
    )
    assert "lattice share plain - gridded 1.00" in said
    assert "lattice share: does not apply to plain." in said
    folder = tmp_path / "outputs" / "explain" / "plain__gridded"
    names = {path.name for path in folder.iterdir()}
    assert {"plain-count_map.png", "gridded-count_map.png", "strongest.png", "effective_field.png"} <= names
    numbers = json.loads((folder / "inspection.json").read_text())
    assert [network["label"] for network in numbers["networks"]] == ["plain", "gridded"]
    listed = told(f"checkpoint=[{both[0]},{both[1]}]", "samples=8", "controls=2", "output=other")
    assert "lattice share plain - gridded 1.00" in listed


def test_a_run_begins_with_a_warning_of_its_holes_and_goes_on(runs: Path) -> None:
    warned = (runs / "gridded" / "train.log").read_text()
    assert warned.count("leave holes") == 1
    assert "an output sees 29.0% of its 13x13 receptive field" in warned
    assert "leave holes" not in (runs / "plain" / "train.log").read_text()
    assert (runs / "gridded" / "summary.json").is_file()


def test_a_run_begins_with_its_layers_and_its_count_map(runs: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(runs / "gridded"))
    events.Reload()
    (text,) = events.Tensors("network/text_summary")
    table = text.tensor_proto.string_val[0].decode()
    assert "| features.conv3 | conv 3x3 | 2 |" in table
    assert "29.0% covered" in table
    assert events.Images("count map")[0].width > 300
