"""Sweeps in processes of their own and searches, by the launchers and sweepers of the extra `sweep`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.reading import read_sessions

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Require = Callable[[str], None]


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), "-m", *arguments]


@pytest.fixture
def run(tiny: list[str], tmp_path: Path) -> Run:
    """Sweep over tiny runs of one epoch in `tmp_path`."""

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        whole = command(*tiny, "epochs=1", *arguments)
        return subprocess.run(whole, cwd=tmp_path, capture_output=True, text=True, check=False)

    return call


def processes(folder: Path) -> set[int]:
    """The processes that trained the runs in a sweep's folder, as TensorBoard's files name them."""
    return {int(path.name.split(".")[-2]) for path in folder.glob("*/events.out.tfevents.*")}


def failures(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("failed:")]


def test_joblib_runs_jobs_side_by_side_lists_the_failed_and_skips_the_finished(
    require_engine: Require, run: Run, tmp_path: Path
) -> None:
    require_engine("joblib_launcher")
    arguments = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "name=rates"]
    arguments += ["model.dilations=[1,1,1],[9,9,9],[1,2,5]"]
    done = run(*arguments)
    folder = tmp_path / "outputs" / "rates"
    assert done.returncode == 1, done.stderr
    assert {path.parent.name for path in folder.glob("*/summary.json")} == {
        "dilations-1-1-1",
        "dilations-1-2-5",
    }
    (failed,) = failures(done)
    assert failed.startswith("failed: outputs/rates/dilations-9-9-9: model.dilations=[9,9,9]: expected a map")
    assert failed.endswith((folder / "dilations-9-9-9" / "error.txt").read_text().strip())
    for job in ("dilations-1-1-1", "dilations-1-2-5"):
        assert "epoch 1/1" in (folder / job / "train.log").read_text()
        assert f"[{job}] epoch 1/1" in done.stdout
    assert not list(folder.glob(".jobs-*"))

    assert (done.stdout + done.stderr).count("expected a map") == 1
    assert "compare:     python" in done.stdout

    again = run(*arguments)
    assert again.returncode == 1
    assert again.stdout.count("finished before") == 2
    assert failures(again) == [failed]


def test_submitit_runs_each_job_in_a_process_of_its_own(
    require_engine: Require, run: Run, tmp_path: Path
) -> None:
    require_engine("submitit_launcher")
    done = run("hydra/launcher=submitit_local", "model.dilations=[9,9,9],[1,1,1],[1,2,5]", "name=rates")
    assert not [path for path in tmp_path.rglob("*") if "%" in path.name]
    folder = tmp_path / "outputs" / "rates"
    assert done.returncode == 1, done.stderr
    assert len(failures(done)) == 1
    assert "layer 2 meets a 14x14 map" in failures(done)[0]
    assert len(processes(folder)) == 2
    for job in ("dilations-1-1-1", "dilations-1-2-5"):
        assert (folder / job / "summary.json").is_file()
        assert "epoch 1/1" in (folder / job / "train.log").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_the_tasks_of_a_submitit_job_train_one_network_and_end_together(
    require_engine: Require, run: Run, tmp_path: Path, tiny: list[str]
) -> None:
    require_engine("submitit_launcher")
    # Adam divides tiny gradients by their own size; some processes have no image of the last batch.
    same = ["optimizer=sgd", "optimizer.lr=0.01", "data.train=94", "batch_size=31", "schedule=constant"]
    tasks = [
        "hydra/launcher=submitit_local",
        "hydra.launcher.tasks_per_node=2",
        "hydra.launcher.gpus_per_node=0",
    ]
    assert run(*same, "seed=0,1", "name=one").returncode == 0
    done = run(*same, "seed=0,1", "name=two", *tasks)
    assert done.returncode == 0, done.stderr
    for job in ("seed-0", "seed-1"):
        one, two = (tmp_path / "outputs" / name / job for name in ("one", "two"))
        alone, together = (checkpoint.load(folder / "checkpoints" / "last.pt").model for folder in (one, two))
        for name, weights in alone.items():
            assert torch.allclose(weights, together[name], atol=1e-5), name
        assert len(list(two.glob("events.*"))) == 1
        assert (two / "train.log").read_text().count("epoch 1/1") == 1
        (session,) = read_sessions(two)
        assert session.processes == 2
        assert "train.py -m" in session.command
    printed = [path.read_text().count("] epoch 1/1") for path in tmp_path.rglob(".submitit/*_log.out")]
    assert sorted(printed) == [0, 0, 1, 1]

    endless = command(*tiny, "epochs=100000", "save_minutes=60", "name=lost", *tasks)
    with subprocess.Popen(endless, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        log = tmp_path / "outputs" / "lost" / "dilated_125" / "train.log"
        wait_for(lambda: log.is_file() and "epoch 1/" in log.read_text(), process)
        os.kill(task(tmp_path, 1), signal.SIGKILL)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    (failed,) = [line for line in told.splitlines() if line.startswith("failed:")]
    assert "process 0 of 2: lost contact to another process" in failed


def task(place: Path, number: int) -> int:
    """The process with that number of a submitit job that was started in `place`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile
            told = (folder / "environ").read_bytes().split(b"\0")
            if f"SUBMITIT_LOCAL_LOCALID={number}".encode() in told and (folder / "cwd").resolve() == place:
                found.append(int(folder.name))
    (process,) = found
    return process


def test_a_search_goes_by_validation_accuracy_leaves_out_failed_trials_and_continues(
    require_engine: Require, run: Run, tmp_path: Path
) -> None:
    require_engine("optuna_sweeper")
    # The sampler's seed makes the first two trials fail.
    arguments = ["hydra/sweeper=optuna", "hydra.sweeper.n_jobs=2", "name=search"]
    arguments += [
        "model.dilations=choice([1,1,1],[9,9,9],[1,2,5])",
        "optimizer.lr=tag(log,interval(0.001,0.1))",
    ]
    done = run(*arguments, "hydra.sweeper.n_trials=3")
    folder = tmp_path / "outputs" / "search"
    assert done.returncode == 1, done.stderr
    summaries = [json.loads(path.read_text()) for path in folder.glob("*/summary.json")]
    assert len(summaries) == 1
    assert len(failures(done)) == len(list(folder.glob("*/error.txt"))) == 2
    assert {path.name for path in folder.glob("*/")} == {"trial-00", "trial-01", "trial-02"}
    found = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    assert found["best_value"] == summaries[0]["best"]["validation"]["accuracy"]
    assert found["best_params"]["model.dilations"] == "[1,1,1]"

    longer = run(*arguments, "hydra.sweeper.n_trials=4")
    assert longer.stdout.count("finished before") == 1
    values = [
        json.loads(path.read_text())["best"]["validation"]["accuracy"]
        for path in folder.glob("*/summary.json")
    ]
    assert yaml.safe_load((folder / "optimization_results.yaml").read_text())["best_value"] == max(values)


def test_a_search_without_held_out_images_is_refused_job_by_job(require_engine: Require, run: Run) -> None:
    require_engine("optuna_sweeper")
    done = run("hydra/sweeper=optuna", "data.validation=0", "seed=choice(0,1)", "hydra.sweeper.n_trials=1")
    assert done.returncode == 1
    assert "data.validation=0: expected images to hold out" in failures(done)[0]
    assert "Traceback" not in done.stderr


def wait_for(fact: Callable[[], bool], process: "subprocess.Popen[str] | None" = None) -> None:
    deadline = time.monotonic() + 300
    while not fact():
        assert process is None or process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        # A process that has ended and that nobody has asked for is still listed, as a zombie.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_a_killed_or_stopped_sweep_leaves_no_process_behind_and_continues(
    require_engine: Require, tiny: list[str], tmp_path: Path
) -> None:
    require_engine("joblib_launcher")
    arguments = command(*tiny, "epochs=100000", "seed=0,1", "name=cut", "hydra/launcher=joblib")
    folder = tmp_path / "outputs" / "cut"

    def epochs() -> list[int]:
        return [path.read_text().count("validation loss") for path in folder.glob("*/train.log")]

    def trained_on(before: int) -> bool:
        return len(epochs()) == 2 and min(epochs()) > 0 and sum(epochs()) > before + 4

    for number, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 128 + signal.SIGINT)):
        trained = sum(epochs())
        with (
            (tmp_path / "stderr").open("w") as stderr,
            subprocess.Popen(
                [*arguments, "hydra.launcher.n_jobs=2"],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            wait_for(partial(trained_on, trained), process)
            # A terminal's Ctrl-C reaches every process; what kills the command reaches it alone.
            if number is signal.SIGINT:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        assert process.returncode == status, (tmp_path / "stderr").read_text()
        wait_for(lambda: not any(alive(worker) for worker in processes(folder)))
        assert len(list(folder.glob("*/checkpoints/last.pt"))) == 2
        assert not list(folder.glob("*/error.txt"))

    assert (
        "stopped; the state is saved in outputs/cut; continue with: python"
        in (tmp_path / "stderr").read_text()
    )
    for log in folder.glob("*/train.log"):
        assert "continuing after epoch" in log.read_text()
