"""What sweeps offer: presets, engines and their defaults, devices, an end by Ctrl-C."""

import itertools
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from hydra.core.override_parser.overrides_parser import OverridesParser

from dilated_cifar.cli import gpus, train
from dilated_cifar.config.run import Config
from dilated_cifar.models import build

ROOT = Path(__file__).resolve().parents[2]
Require = Callable[[str], None]


def test_processes_take_a_gpu_each_and_share_when_none_is_left(tmp_path: Path) -> None:
    assert not gpus.taken_gpus
    name = f"{socket.gethostname()}-gpu-{{}}-0.lock"
    with FileLock(tmp_path / name.format(0)):
        with FileLock(tmp_path / name.format(1)):
            assert [gpus.take_gpu(tmp_path, 2, number) for number in range(4)] == [0, 1, 0, 1]
        assert gpus.take_gpu(tmp_path, 2, 0) == 1
    assert gpus.take_gpu(tmp_path, 2, 0) == 1, "a process keeps its GPU"
    while gpus.taken_gpus:
        gpus.taken_gpus.pop()[1].release()


def test_several_jobs_a_gpu_fill_every_gpu_once_first(tmp_path: Path) -> None:
    taken, locks = [], []
    for number in range(4):
        taken.append(gpus.take_gpu(tmp_path, 2, number, jobs_per_gpu=2))
        locks.append(gpus.taken_gpus.pop())  # as in another process, which keeps its lock
    assert taken == [0, 1, 0, 1]
    assert len({lock.lock_file for _, lock in locks}) == 4
    for _, lock in locks:
        lock.release()


def test_the_preset_sweep_holds_networks_of_equal_parameters(make_config: Callable[..., Config]) -> None:
    preset = yaml.safe_load((ROOT / "conf" / "experiment" / "sweep_dilations.yaml").read_text())
    parser = OverridesParser.create()
    swept = [
        parser.parse_override(f"{key}={value}") for key, value in preset["hydra"]["sweeper"]["params"].items()
    ]
    jobs = list(itertools.product(*(list(override.sweep_string_iterator()) for override in swept)))
    keys = [override.key_or_group for override in swept]
    counts = set()
    for job in jobs:
        arguments = [f"{key}={value}" for key, value in zip(keys, job, strict=True)]
        config = make_config("experiment=sweep_dilations", *arguments)
        model = build(config.model, 10)
        counts.add(sum(parameter.numel() for parameter in model.parameters()))
    assert len(jobs) == 5
    assert counts == {94762}


def test_the_choices_of_a_preset_sweep_name_its_jobs(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main(["-m", *tiny[1:], "data=spacing", "epochs=1", "experiment=sweep_dilations"]) == 0
    folders = {path.parent.name for path in (tmp_path / "outputs").glob("*/*/summary.json")}
    assert len(folders) == 5
    assert {"dilations-2-2-2", "dilations-1-2-9"} < folders


@pytest.mark.parametrize(
    "arguments", [["experiment=sweep_dilations"], ["hydra/sweeper=optuna", "experiment=search"]]
)
def test_a_sweep_without_its_option_is_refused(
    require_engine: Require,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    require_engine("optuna_sweeper")
    monkeypatch.chdir(tmp_path)
    assert train.main(arguments) == 2
    error = capfd.readouterr().err
    assert "model.dilations=" in error
    assert "several values make a sweep; write: python train.py -m" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("argument", ["hydra/launcher=joblib", "experiment=search"])
def test_an_engine_that_is_not_installed_is_told_in_one_line(argument: str, tmp_path: Path) -> None:
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("hydra_plugins"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
sys.argv = ["train.py", "-m", {argument!r}, "seed=0,1"]
from dilated_cifar.cli.train import main
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "error: no such launcher or sweeper is installed: pip install -e '.[sweep]'"


def test_a_ctrl_c_that_python_loses_ends_a_sweep_before_its_next_job(tiny: list[str], tmp_path: Path) -> None:
    script = f"""
import os, signal, sys
from dilated_cifar.cli import one_run, train
signal.signal(signal.SIGINT, signal.default_int_handler)
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
def dropping(composed, to_config=one_run.to_config):
    Dropped()
    return to_config(composed)
one_run.to_config = dropping
sys.exit(train.main(["-m", *{tiny!r}, "epochs=1", "seed=0,1", "name=two"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Exception ignored in" in done.stderr
    assert done.returncode == 130
    assert "error: interrupted; continue with: " in done.stderr
    assert [path.parent.name for path in tmp_path.glob("outputs/two/*/summary.json")] == ["seed-0"]


def test_a_ctrl_c_during_the_last_test_of_a_job_ends_a_sweep_before_its_next_job(
    tiny: list[str], tmp_path: Path
) -> None:
    script = f"""
import os, signal, sys
from dilated_cifar.cli import train
from dilated_cifar.training import loop
signal.signal(signal.SIGINT, signal.default_int_handler)
def stopping(folder, summary, write_summary=loop.write_summary):
    write_summary(folder, summary)
    os.kill(os.getpid(), signal.SIGINT)
loop.write_summary = stopping
sys.exit(train.main(["-m", *{tiny!r}, "epochs=1", "seed=0,1", "name=two"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "continue with: python" in done.stderr
    assert [path.parent.name for path in tmp_path.glob("outputs/two/*/summary.json")] == ["seed-0"]
