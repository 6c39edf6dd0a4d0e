"""Command lines that nobody means to type end well, or with one line and status 2, and leave nothing."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def keys(fuzz: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The keys of every command, in a folder with a finished run."""
    here, environment = Path.cwd(), dict(os.environ)
    yield fuzz.prepare(tmp_path_factory.mktemp("fuzz"))
    os.chdir(here)
    os.environ.clear()
    os.environ.update(environment)


FOUND = [
    ("train", "experiment=0"),
    ("train", "data=0.9"),
    ("train", "hydra/launcher=2"),
    ("train", "-sc"),
    ("train", "-sc", "model"),
    ("train", "--resolve"),
    ("train", "hydra.verbose=257"),
    ("train", "hydra.job.name=[1,2,3]"),
    ("train", "data.test=18446744073709551615"),
    ("train", "threads=2147483648"),
    ("train", "threads=1000"),
    ("train", "model=resnet", "model.width=100000"),
    ("train", "model=resnet", "model.blocks=[99999999999999999999,1,1]"),
    ("train", "optimizer.lr=1.7e308"),
    ("train", "device=cuda:99999999999", "name=on_a_gpu"),
    ("train", "data=cifar10", "data.root=nowhere", "data.validation=10", "name=no_data"),
    ("train", "name=../../x"),
    ("train", "~hydra/sweeper"),
    ("train", "~output_dir"),
    ("train", "~name"),
    ("train", "hydra.sweeper.params=9223372036854775808"),
    ("train", "output_dir=" + "x" * 5000),
    ("train", "epochs=" + "9" * 5000),
    ("evaluate", "runs/tiny", "images=[[]]"),
    ("evaluate", "/dev/zero"),
    ("evaluate", "name=plain"),
    ("evaluate", "~nobody/run"),
    ("explain", "layer=${oc.env:NO_SUCH}"),
    ("explain", "--shell-completion", "all"),
    ("localize", "runs/tiny", "threshold=glob(*)"),
    ("compare", "x" * 5000),
    ("compare", "baseline=--help"),
    ("benchmark", "data.root=range(3)"),
]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(("command", "arguments"), [(each[0], list(each[1:])) for each in FOUND])
def test_what_once_ended_otherwise(fuzz: Any, command: str, arguments: list[str]) -> None:
    base = fuzz.SMALL if command == "train" and arguments[0][:2] not in ("-s", "--") else []
    if command == "benchmark":
        base = fuzz.BASES[command]
    if "data=cifar10" in arguments:
        base = ["epochs=1", "device=cpu", "threads=1"]
    assert fuzz.fault_of(command, [*base, *arguments]) is None


# The next two hundred are tried by .ci/run, five thousand by `make fuzz`.
@pytest.mark.parametrize("first", range(0, 100, 25))
def test_random_command_lines(fuzz: Any, keys: Any, first: int) -> None:
    faults = []
    for number in range(first, first + 25):
        command, arguments = fuzz.command_line(number, keys)
        if fault := fuzz.fault_of(command, arguments):
            faults.append(f"{number}: {command} {arguments}\n{fault}")
    assert not faults, "\n\n".join(faults)
