"""Names of run folders, and of the commands in hints."""

import sys
from pathlib import Path

import pytest

from dilated_cifar.cli.naming import command_line, run_name


def test_run_names_are_legible_and_do_not_depend_on_the_order() -> None:
    one = ["model=plain", "seed=1", "model.dilations=[1,2,3]", "device=cpu"]
    assert run_name(one, "run") == "plain__dilations-1-2-3__seed-1"
    assert run_name(reversed(one), "run") == run_name(one, "run")
    assert run_name([], "dilated_125") == "dilated_125"
    assert run_name(["seed=1"], "dilated_125") == "seed-1"
    assert run_name(["experiment=demo", "model=plain"], "run") == "plain__demo"
    long = run_name([f"optimizer.lr={'0.1,' * 60}"], "run")
    assert len(long) <= 120
    assert long != run_name([f"optimizer.lr={'0.2,' * 60}"], "run")


def test_what_hydra_is_told_names_no_folder() -> None:
    arguments = ["model=plain", "seed=1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert run_name(arguments, "run") == "plain__seed-1"


@pytest.mark.parametrize(
    ("called", "told"),
    [
        ("train.py", "python evaluate.py 'a b'"),
        ("../clone/train.py", "python ../clone/evaluate.py 'a b'"),
        ("../clone/scripts/explain.py", "python ../clone/evaluate.py 'a b'"),
        ("/opt/bin/dilated-cifar-train", "dilated-cifar-evaluate 'a b'"),
        ("C:/bin/dilated-cifar-train.exe", "dilated-cifar-evaluate 'a b'"),
        ("/usr/lib/python3/site-packages/pytest/__main__.py", "python evaluate.py 'a b'"),
    ],
)
def test_hints_name_the_command_as_it_was_called(
    called: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert command_line("evaluate", "a b") == told
    script = command_line("compare")
    assert script.startswith("dilated-cifar-compare") or script.endswith(str(Path("scripts/compare.py")))
