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
    """Run the command in an empty folder; returns what it prints, which is to fit on a screen of 24x80."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> str:
        assert explain.main(list(arguments)) == 0
        captured = capfd.readouterr()
        assert captured.err == ""
        *lines, written = captured.out.splitlines()
        assert max(len(line) for line in lines) <= 80
        assert len(lines) + len(written) // 80 + 1 <= 24 or "details=true" in arguments
        return " ".join(captured.out.split())

    return run


@pytest.fixture(scope="module")
def runs(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs, one of them with holes."""
    folder = tmp_path_factory.mktemp("runs")
    for name, rates in (("plain", "[1,1,1]"), ("gridded", "[2,2,2]")):
        arguments = [*tiny, f"model.dilations={rates}", "epochs=1", f"output_dir={folder}", f"name={name}"]
        arguments.append("pictures=1")
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
    assert done.stdout.startswith("dilated_125: no holes\n")
    for fact in ("94,762", "32.11M", "17x17 pixels", "100.0% of it"):
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
    assert said.startswith("plain__dilations-2-2-2: holes receptive field 13x13 pixels; last map 20x20")
    assert "29.0% of it, nearest hole 1 pixel from the centre" in said
    assert "nearest without holes [1, 2, 2] (field 11x11) or [1, 2, 3] (field 13x13)" in said
    assert "exact criterion fail, published distance pass, common factor fail" in said
    assert "MACs: multiply-adds" not in said
    folder = tmp_path / "outputs" / "explain" / "plain__dilations-2-2-2"
    assert (folder / "count_map.png").is_file()
    details = " ".join((folder / "explanation.txt").read_text().split())
    for fact in (
        "features.conv3 conv 3x3 2",
        "rate 2 is larger than 1",
        "MACs: multiply-adds",
        "sort the rates",
    ):
        assert fact in details
    assert "rate 2 is larger than 1" in told("model=plain", "model.dilations=[2,2,2]", "details=true")


def test_rates_are_explained_alone_on_one_screen(told: Told, tmp_path: Path) -> None:
    said = told("rates=[2,2,2]")
    assert said.startswith("rates 2, 2, 2 with 3x3 kernels: holes receptive field 13x13 pixels covered 29.0%")
    assert "125" not in said
    folder = tmp_path / "outputs" / "explain" / "rates-2-2-2"
    assert {path.name for path in folder.iterdir()} == {
        "count_map.png", "layers.png", "explanation.html", "explanation.json", "explanation.txt"
    }  # fmt: skip


def test_lists_of_rates_are_judged_and_drawn_side_by_side(told: Told, tmp_path: Path) -> None:
    said = told("rates=[[1,2,5],[2,2,2],[1,2,3,1,2,3]]", "output=out")
    assert "1, 2, 3, 1, 2, 3 3x3 25x25 100.0% none" in said
    assert "2, 2, 2 3x3 13x13 29.0% 1 [1, 2, 2] or [1, 2, 3]" in said
    numbers = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert [verdict["receptive_field"] for verdict in numbers["lists"]] == [17, 13, 25]
    with Image.open(tmp_path / "out" / "comparison.png") as picture:
        assert picture.width > 2 * picture.height
    assert (tmp_path / "out" / "2-2-2-layers.png").is_file()


def test_kernels_may_be_even_or_one_a_rate(told: Told) -> None:
    said = told("rates=[1,2,4,8]", "kernel_size=2", "output=out")
    assert "with 2x2 kernels: no holes receptive field 16x16" in said
    assert "published distance n/a" in said
    said = told("rates=[2,3]", "kernel_size=[3,2]", "output=out")
    assert "with kernels 3x3, 2x2: holes receptive field 8x8" in said


def test_sizes_and_matrices_stand_below_the_verdict(told: Told, tmp_path: Path) -> None:
    said = told("rates=[1,2,5]", "size=32", "output=out")
    assert "1 3x3 1 1 0 32 30 32 900x1024 8,100" in said
    assert "3 3x3 5 1 0 26 16 26 256x676 2,304" in said
    (sizes,) = json.loads((tmp_path / "out" / "explanation.json").read_text())["sizes"]
    assert [layer["after"] for layer in sizes] == [30, 26, 16]
    said = told("rates=[1,2,5]", "size=32", "padding=same", "stride=[1,2,1]")
    assert "rates 1, 2, 10 with 3x3 kernels" in said
    assert "These are the rates at stride 1" in said
    assert "2 3x3 2 2 2 32 16 31 (+1) 256x1024" in said
    # An even kernel at an even rate has a middle too.
    assert "1 2x2 2 1 1 8 8 8 64x64" in told("rates=[2]", "kernel_size=2", "size=8", "padding=same")


def test_a_transposed_convolution_is_told_step_by_step(told: Told, tmp_path: Path) -> None:
    said = told("rates=[1]", "size=3", "stride=2", "padding=1", "transposed=true", "output=out")
    assert said.startswith(
        "layer 1: 3x3; 1 zero between the pixels: 5x5; 1 zero on every side: 7x7; convolved with the flipped "
        "kernel at stride 1, rate 1: 5x5; C^T 25x9 with 49 weights"
    )
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"explanation.html", "explanation.json", "explanation.txt"}
    many = told("rates=[1,1,1,1]", "size=3", "stride=2", "transposed=true", "output_padding=1")
    assert "4 3x3 1 2 0 38 75 80 78 6084x1444" in many


def test_a_residual_network_is_counted_itself(told: Told, tmp_path: Path) -> None:
    said = told("model=resnet", "output=out")
    assert said.startswith("resnet: no holes receptive field 53x53 pixels; last map 8x8, jump 4")
    assert "195,738" in said
    assert "exact criterion" not in said
    details = " ".join((tmp_path / "out" / "explanation.txt").read_text().split())
    assert "no rule on lists of rates applies" in details
    assert "unit (4, 4) of features (8x8): receptive field 53x53" in details
    numbers = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert numbers["verdict"] is None
    assert numbers["unit"]["covered"] == 1.0


def test_any_unit_of_any_layer_may_be_chosen(told: Told, tmp_path: Path) -> None:
    said = told("layer=features.conv2", "position=[0,3]", "output=out")
    assert "unit (0, 3) of features.conv2 (26x26): no holes receptive field 7x7" in said
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
        (["kernel_size=abc"], "kernel_size=abc: expected a whole number"),
        (["kernel_size=0", "rates=[1]"], "kernel_size=0: whole numbers of at least 1 were expected"),
        (["kernel_size=[3,2]", "rates=[1,2,3]"], "has 2 numbers for 3 rates"),
        (
            [f"rates={[2] * 36}".replace(" ", ""), f"kernel_size={[2, 3, 4] * 12}".replace(" ", "")],
            "expected fewer different sizes for so many rates",
        ),
        (["size=32"], "size=32: expected rates beside it; write 'rates=[1,2,5]'"),
        (["rates=[1]", "size=0"], "size=0: expected a side from 1 to 4096"),
        (["rates=[1]", "padding=1"], "padding=1: expected the size of a map beside it; write size=32"),
        (["rates=[1]", "stride=0"], "stride=0: expected a whole number from 1 to 4096"),
        (
            ["rates=[1,2]", "stride=[1]"],
            "stride=[1]: expected a whole number from 1 to 4096, or one for each",
        ),
        (["rates=[1]", "size=8", "padding=wide"], "padding=wide: expected a whole number from 0 to 4096, or"),
        (
            ["rates=[1]", "size=8", "padding=same", "kernel_size=2"],
            "layer 1 would need 1 rows around its map",
        ),
        (
            ["rates=[1,2,3]", "size=8"],
            "size=8: layer 3: a map of size 2 with padding 0 is smaller than the 7",
        ),
        (["rates=[1]", "size=8", "output_padding=1"], "transposed convolutions, which alone have it"),
        (["rates=[1]", "size=8", "transposed=true", "output_padding=1"], "output_padding=1 is too large"),
        (["rates=[1]", "size=1", "transposed=true", "padding=2"], "padding=2 cuts away all 3 pixels"),
        (["rates=[1]", "transposed=true"], "transposed=true: expected the size of a map beside it"),
        (
            [f"rates={[1] * 20}".replace(" ", ""), "stride=4", "size=9", "transposed=true"],
            "size=9: expected maps of at most",
        ),
        (["rates=[5000]", "kernel_size=1"], "rates=[5000]: expected numbers of at most 4096"),
        (["rates=[1,1,1]", "stride=99"], "write smaller rates or strides"),
        (["rates=[1,2]", "model=plain"], "model=plain: rates= is explained without a network"),
        (["rates=[1,2]", "position=[1,1]"], "position=[1,1]: rates= is explained without a network"),
        (["model.kernel_size=4"], "model.kernel_size=4: expected an odd number"),
        (["rates=[[]]"], "the list of rates is empty"),
        (["rates=[[1,0]]"], "rates=[1,0]: rate 0"),
        (["rates=[[1,2],3]"], "rates=[[1,2],3]: expected lists of rates"),
        (["rates=abc"], "rates=[abc]: rate 'abc' in ['abc'] is no dilation"),
        (["rates=[[900]]"], "a receptive field of at most 999 pixels"),
        (["model.dilations=[]"], "model.dilations=[]: expected 3 rates"),
        (["model.dilations=[1,2,30]"], "a map that does not vanish: layer 3"),
        (["model=resnt"], "model=resnt: expected resnet?"),
        (["checkpoint=none.pt"], "none.pt: no such file"),
        (["checkpoint=."], ".: no checkpoint there"),
        ([f"checkpoint={ROOT / 'train.py'}"], "not a checkpoint"),
        (["checkpoint=none.pt", "model=plain"], "a run brings its own network"),
        (["checkpoint=none.pt", "data=cifar100"], "data=cifar100: a run brings its own network and data set"),
        (["checkpoint=none.pt", "data.train=9"], "data.train=9: a run brings its own network and data set"),
        (["checkpoint=none.pt", "data.root=here"], "none.pt: no such file"),
        (["rates=[1,2]", "data=cifar100"], "data=cifar100: rates= is explained without a network"),
        (["data=folder", "data.root=pictures"], "data=folder: expected a data set whose classes are known"),
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


def test_classes_and_image_size_are_those_of_the_data_set(told: Told) -> None:
    said = told("model=plain", "data=cifar100", "data.labels=coarse")
    assert "96,052 parameters" in said  # 10 classes more than CIFAR-10's, 128 weights and a bias each
    assert "written to outputs/explain/plain__data-cifar100__labels-coarse" in said


def test_a_checkpoint_is_measured_beside_randomly_initialised_networks(told: Told, runs: Path) -> None:
    said = told(f"checkpoint={runs / 'gridded'}", "samples=16", "controls=2", "threads=1")
    assert said.startswith("gridded: holes receptive field 13x13")
    assert "Luo et al. 2016" not in said
    folder = runs / "gridded" / "explain"
    details = " ".join((folder / "explanation.txt").read_text().split())
    assert "lattice share: does not separate gridded from random initialisation." in details
    assert "Luo et al. 2016" in details
    assert {path.name for path in folder.iterdir()} == {
        "count_map.png",
        "layers.png",
        "explanation.html",
        "explanation.json",
        "explanation.txt",
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
    assert said.startswith("network field covered nearest hole")
    # The networks side by side stand before any layer table.
    assert "features.conv1" not in said
    folder = tmp_path / "outputs" / "explain" / "plain__gridded"
    names = {path.name for path in folder.iterdir()}
    assert {"plain-count_map.png", "gridded-count_map.png", "strongest.png", "effective_field.png"} <= names
    numbers = json.loads((folder / "inspection.json").read_text())
    assert [network["label"] for network in numbers["networks"]] == ["plain", "gridded"]
    assert "lattice share: does not apply to plain." in numbers["findings"]
    listed = told(f"checkpoint=[{both[0]},{both[1]}]", "samples=8", "controls=2", "output=other")
    assert listed.startswith("network field covered nearest hole")


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
