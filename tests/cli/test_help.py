"""What `--help` and the options that print instead of running say."""

import dataclasses
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dilated_cifar import __version__
from dilated_cifar.cli import benchmark, compare, evaluate, explain, export, localize, train
from dilated_cifar.cli.help import sentences
from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.config.families import families
from dilated_cifar.config.store import COMMANDS, GROUPS

ROOT = Path(__file__).resolve().parents[2]
MAINS = {
    "train": train.main,
    "evaluate": evaluate.main,
    "explain": explain.main,
    "localize": localize.main,
    "export": export.main,
    "compare": compare.main,
    "benchmark": benchmark.main,
}
Told = Callable[..., str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command in an empty folder; returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def call(command: str, *arguments: str) -> str:
        assert MAINS[command](arguments) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        assert not list(tmp_path.iterdir())
        return captured.out

    return call


@pytest.mark.parametrize("command", MAINS)
def test_help_gives_usage_examples_and_every_key_with_its_value_and_meaning(told: Told, command: str) -> None:
    text = told(command, "--help")
    assert text.count(command_of(command)) >= 4
    assert "usage:" in text
    assert "examples:" in text
    assert max(len(line) for line in text.splitlines()) <= 110
    # Words alone, for the text is wrapped.
    flat = " ".join(text.split())
    schema = COMMANDS["run" if command == "train" else command]
    groups = (*GROUPS, "augment", "data")
    for key, sentence in sentences(schema).items():
        if key not in groups:
            assert f" {key}=" in flat
            assert sentence in flat


def command_of(name: str) -> str:
    return f"python {name}.py" if name in ("train", "evaluate") else f"python scripts/{name}.py"


def test_every_key_has_a_sentence() -> None:
    schemas = [AugmentConfig, *COMMANDS.values()]
    schemas += [family for base in GROUPS.values() for family in families(base).values()]
    for schema in (schema for schema in schemas if schema.__module__.startswith("dilated_cifar.")):
        described = {*sentences(schema), *GROUPS, "augment"}
        assert {each.name for each in dataclasses.fields(schema)} <= described, schema


def test_help_of_train_names_every_choice_and_the_keys_of_those_taken(told: Told) -> None:
    text = told("train", "--help")
    for file in (ROOT / "conf").glob("*/**/*.yaml"):
        assert f"  {file.stem} " in text
    assert "hydra/launcher=NAME" in text
    for default in ("model.dilations=[1,2,5]", "data.train=null", "augment.pad=4", "optimizer.momentum=0.95"):
        assert f"  {default} " in text
    other = told("train", "--help", "model=drn_c", "experiment=demo", "epochs=7", "-m")
    for value in ("model.variant=c ", "data.train=4000 ", "optimizer.lr=0.02 ", "epochs=7 "):
        assert f"  {value}" in other
    assert "model.dilations=[1,2,5]" not in other


def test_the_examples_survive_any_shell() -> None:
    for module in (benchmark, compare, evaluate, explain, export, localize, train):
        for line in re.findall(r"^  \{.*", module.COMMAND.help, re.MULTILINE):
            typed = re.sub(r"'[^']*'", "", line.split("}", 1)[1].split("   ")[0])
            assert not re.search(r"[][*?(){}!<>|&;$#]", typed), f"zsh expands this: {line}"


def test_help_of_explain_names_networks_and_no_optimizer(told: Told) -> None:
    text = told("explain", "--help", "model=resnet")
    assert "dilated_sawtooth" in text
    assert "model.output_stride=null" in text
    assert "optimizer=" not in text
    assert "--multirun" not in text


def test_the_configuration_is_printed_for_every_command(told: Told) -> None:
    assert yaml.safe_load(told("train", "--cfg", "job", "epochs=3"))["epochs"] == 3
    assert yaml.safe_load(told("train", "-c", "job", "-p", "model", "model=resnet"))["family"] == "resnet"
    assert yaml.safe_load(told("evaluate", "run=a, b", "--cfg", "job"))["checkpoint"] == ["a, b"]
    assert yaml.safe_load(told("explain", "-c", "job", "rates=[[1,2]]"))["rates"] == [[1, 2]]
    assert yaml.safe_load(told("localize", "-c", "job", "checkpoint=x", "y"))["checkpoint"] == ["x", "y"]
    compared = yaml.safe_load(told("compare", "x", "y", "group_by=seed,epochs", "--cfg", "job"))
    assert (compared["paths"], compared["group_by"]) == (["x", "y"], ["seed", "epochs"])
    hydra = yaml.safe_load(told("train", "--cfg", "hydra", "--resolve", "-p", "hydra.sweep"))
    assert Path(hydra["dir"]).parts[0] == "outputs"


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"dilated-cifar {__version__}\n"


def test_info_says_where_the_configuration_comes_from(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    # Hydra adds a handler to the root logger, which would outlive this test.
    monkeypatch.setattr(logging.root, "handlers", [])
    text = told("train", "--info", "defaults", "model=resnet")
    assert "schema/model/resnet" in text
    assert "optimizer/muon" in text


def test_what_needs_no_torch_does_not_wait_for_it(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from dilated_cifar import __version__
from dilated_cifar.cli import benchmark, compare, evaluate, explain, export, localize, train
for module, arguments, status in (
    (train, ["--help"], 0), (train, ["model=resnet", "--cfg", "job"], 0), (train, ["epochs=0"], 2),
    (evaluate, ["--help"], 0), (evaluate, ["run=nowhere", "split=none"], 2),
    (explain, ["--help"], 0), (explain, ["kernel_size=4"], 2), (explain, ["model.dilations=[2,2,0]"], 2),
    (localize, ["--help"], 0), (localize, ["canvas=300", "checkpoint=x"], 2),
    (compare, ["--help"], 0), (compare, ["x", "accuracies=fast"], 2),
    (export, ["--help"], 0), (export, ["x", "formats=onyx"], 2),
    (benchmark, ["--help"], 0), (benchmark, ["models=resnets"], 2), (benchmark, ["rounds=0"], 2),
):
    assert module.main(arguments) == status, (module, arguments)
    assert not {{"torch", "pandas", "scipy", "matplotlib"}} & set(sys.modules), (module, arguments)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
