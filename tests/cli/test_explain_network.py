"""Any network explained from the command line, and what only a command line may name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dilated_cifar.cli import explain
from dilated_cifar.cli.choices import conf_folder

NETWORKS = """
import torch
from torch import nn

class Dilated(nn.Module):
    def __init__(self, rates=(2, 2, 2), width=4):
        super().__init__()
        layers = [nn.Conv2d(3, width, 3, padding=1)]
        layers += [nn.Conv2d(width, width, 3, padding=rate, dilation=rate) for rate in rates]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.body(x)
        return {"aux": x.mean((2, 3)), "out": nn.functional.interpolate(self.head(x), scale_factor=2.0)}

class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())

    def forward(self, x):
        x = self.first(x)
        return x * self.gate(x)

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, image, mask):
        return self.conv(image) * mask

class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3 * 8 * 8, 2)

    def forward(self, x):
        return self.head(x.flatten(1))

class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        self.conv(x)
        return "a word"

def deep(layers, kernel=1):
    return nn.Sequential(*(nn.Conv2d(3, 3, kernel, padding=1, bias=False) for _ in range(layers)))

number = lambda: 3
value = 4

def broken(size=1):
    raise RuntimeError("no such size")
"""
Told = Callable[..., str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a file of networks, in which commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETWORKS)
    return tmp_path


@pytest.fixture
def told(here: Path, capfd: pytest.CaptureFixture[str]) -> Told:
    """Explain a network; returns what is printed."""

    def run(*arguments: str) -> str:
        assert Path.cwd() == here
        assert explain.main([*arguments, "output=out"]) == 0
        captured = capfd.readouterr()
        assert captured.err == ""
        return " ".join(captured.out.split())

    return run


def numbers(folder: Path) -> dict:
    return json.loads((folder / "out" / "explanation.json").read_text())


def test_a_dilated_network_of_a_file_is_told_to_grid_where_and_what_mends_it(told: Told, here: Path) -> None:
    said = told("network=nets.py:Dilated", "input=[3,40,40]")
    assert "rate 2 grids: lattice share 1.00 at the input of body.1" in said
    assert "with rates 1, 2, 3 in place of 2" in said
    assert "aux: " in said
    found = numbers(here)
    # An interpolation by 2 reads one position each.
    assert found["receptive_field"] == 15
    assert found["last_map"]["module"] == "head"
    (grid,) = found["gridding"]
    assert (grid["outcome"], grid["mended_rates"]) == ("full", [1, 2, 3])
    assert grid["mended_share"] < 0.5
    assert {path.suffix for path in (here / "out").iterdir()} == {".html", ".png", ".json", ".txt"}


def test_a_gate_is_a_global_path_beside_the_field_along_convolutions(told: Told, here: Path) -> None:
    said = told("network=nets.py:Gated", "input=[3,16,16]", "layer=first")
    assert "3x3 pixels along convolutions; the whole input through global pooling" in said
    assert "global pooling in gate.0" in said
    counts = torch.tensor(numbers(here)["unit"]["counts"])
    assert counts.sum() == 9


def test_arguments_reach_the_builder_and_unproductive_layers_are_named(told: Told) -> None:
    said = told("network=nets.py:deep", "arguments.layers=6", "arguments.kernel=3", "input=[3,8,8]")
    assert "unproductive 4, 5: what enters sees the whole image already" in said


def test_weights_are_a_state_dict_of_plain_tensors(told: Told, here: Path) -> None:
    weights = {"head.weight": torch.zeros(2, 192), "head.bias": torch.zeros(2)}
    torch.save({"state_dict": weights}, here / "w.pt")
    assert "386 parameters" in told("network=nets.py:Fixed", "input=[3,8,8]", "weights=w.pt")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["network=nets.py"], "network=nets.py: expected a module or file and what builds"),
        (["network=other.py:make"], "network=other.py:make: no such file"),
        (["network=no_such_module:make"], "no module no_such_module; expected an installed one"),
        (["network=nets.py:Dilate"], "has no Dilate; expected Dilated"),
        (["network=torchvision.models:resnet5"], "has no resnet5; expected resnet"),
        (["network=bad.py:make"], "bad.py cannot be imported (bad.py, line 1): ZeroDivisionError"),
        (["network=nets.py:broken"], "the builder raised an error (nets.py, line"),
        (["network=nets.py:number"], "number returns a int; expected a torch.nn.Module"),
        (["network=nets.py:value"], "value is a int; expected a function that builds a network"),
        (
            ["network=nets.py:Dilated", "arguments.wdith=3"],
            "arguments.wdith: network=nets.py:Dilated takes",
        ),
        (["network=nets.py:Two", "input=[3,8,8]"], "missing 1 required positional argument: 'mask'"),
        (["network=nets.py:Fixed", "input=[3,9,9]"], "cannot run on an image of size [3, 9, 9]"),
        (["network=nets.py:Gated", "input=[1,16,16]"], "cannot run on an image of size [1, 16, 16]"),
        (["network=nets.py:Words", "input=[3,8,8]"], "puts out no tensor that depends on the image"),
        (["network=nets.py:Gated", "input=[3,16]"], "input=[3,16]: expected channels, height and width"),
        (["network=nets.py:Gated", "layer=nothing", "input=[3,9,9]"], "layer=nothing: expected"),
        (["network=nets.py:Gated", "model=plain"], "model=plain: network= is explained alone"),
        (["network=nets.py:Gated", "weights=none.pt"], "weights=none.pt: no such file"),
        (
            ["network=nets.py:Gated", "weights=nets.py"],
            "weights=nets.py: damaged, truncated or not a state",
        ),
        (["network=nets.py:Gated", "weights=other.pt"], "weights=other.pt: 'first.bias' is missing"),
        (["arguments.a=1"], "a network beside it; write network="),
        (["weights=other.pt"], "a network beside it; write network="),
    ],
)
def test_wrong_input_gets_one_line_and_writes_nothing(
    arguments: list[str], expected: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.py").write_text("1 / 0\n")
    torch.save({"first.weight": torch.zeros(4, 3, 3, 3)}, here / "other.pt")
    before = sorted(here.iterdir())
    assert explain.main(arguments) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert expected in line
    assert [path for path in sorted(here.iterdir()) if path.name != "__pycache__"] == before


def test_no_file_names_code(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "trap.py").write_text("import pathlib\npathlib.Path('sprung').touch()\n")
    shutil.copytree(conf_folder(), here / "conf")
    explained = here / "conf" / "explain.yaml"
    explained.write_text(explained.read_text() + "network: trap.py:make\n")
    (here / "trap.yaml").write_text("network: trap.py:make\n")
    for arguments in (
        ["--config-path", "conf"],
        ["--config-path", ".", "--config-name", "trap"],
        ["config=trap.yaml"],
    ):
        assert explain.main(arguments) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith("error: ")
    assert not (here / "sprung").exists()
