"""Names of run folders, and of the commands in hints."""

import os
import sys
from pathlib import Path

import pytest

from dilated_cifar.cli.naming import command_line, program, run_name
from dilated_cifar.cli.trials import trial_folder


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


def test_hints_name_programs_with_their_path_where_nothing_is_activated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "tensorboard"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert program("tensorboard") == str(programs / "tensorboard")
    monkeypatch.chdir(tmp_path)
    assert program("tensorboard") == ".venv/bin/tensorboard"
    assert command_line("evaluate") == ".venv/bin/python evaluate.py"
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    assert program("tensorboard") == "tensorboard"


def test_a_trial_has_one_short_folder_for_the_same_values(tmp_path: Path) -> None:
    (tmp_path / "trial-01").mkdir()
    values = [{"optimizer.lr": "0.1"}, {"optimizer.lr": "0.2", "model.dilations": "[1,2,5]"}]
    folders = [trial_folder(tmp_path, values[number]).name for number in (0, 1, 0, 1)]
    assert folders == ["trial-00", "trial-02", "trial-00", "trial-02"]
    assert (tmp_path / "trials.csv").read_text().splitlines() == [
        "trial,optimizer.lr,model.dilations", "trial-00,0.1,", 'trial-02,0.2,"[1,2,5]"',
    ]  # fmt: skip


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
