"""The command as a user runs it, in processes of its own."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from dilated_cifar.cli import train
from dilated_cifar.config.published import FOLDER
from dilated_cifar.runs import checkpoint

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *arguments]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(folder / "checkpoints" / "last.pt").model


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_cut_by_ctrl_c_continues_with_the_same_command(tiny: list[str], tmp_path: Path) -> None:
    arguments = [*tiny, "epochs=12", "name=cut"]
    with subprocess.Popen(command(*arguments), cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        metrics = tmp_path / "outputs" / "cut" / "metrics.csv"
        deadline = time.monotonic() + 300
        while not (metrics.is_file() and len(metrics.read_text().splitlines()) > 2):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate()
    assert process.returncode == 128 + signal.SIGINT
    assert f"continue with: python {ROOT / 'train.py'} experiment=demo" in error
    assert "Traceback" not in error
    assert not (tmp_path / "outputs" / "cut" / "summary.json").exists()

    done = subprocess.run(command(*arguments), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "continuing after epoch" in done.stdout
    subprocess.run(command(*arguments[:-1], "name=whole"), cwd=tmp_path, capture_output=True, check=True)
    assert same(weights(tmp_path / "outputs" / "cut"), weights(tmp_path / "outputs" / "whole"))


def test_a_finished_run_is_reported_and_left_alone(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main([*tiny, "epochs=1"]) == 0
    first = capfd.readouterr().out
    folder = next((tmp_path / "outputs").iterdir())
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".pt", ".csv", ".json")
    }
    assert train.main([*tiny, "epochs=1", "device=cpu"]) == 0
    second = capfd.readouterr().out
    assert "finished before" in second
    assert [line for line in first.splitlines() if "│" in line] == [
        line for line in second.splitlines() if "│" in line
    ]
    assert {path: path.read_bytes() for path in before} == before


def test_another_configuration_in_the_same_folder_is_refused_by_its_first_key(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main([*tiny, "epochs=1", "name=one"]) == 0
    capfd.readouterr()
    assert train.main([*tiny, "epochs=1", "name=one", "optimizer.lr=0.5", "seed=4"]) == 2
    error = capfd.readouterr().err
    assert "holds a run with optimizer.lr=0.02, this one has optimizer.lr=0.5" in error


def test_the_saved_configuration_alone_reproduces_the_run(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.main([*tiny, "epochs=1", "seed=3"]) == 0
    folder = next((tmp_path / "outputs").iterdir())
    assert train.main([f"config={folder / 'config.yaml'}", "name=again"]) == 0
    assert same(weights(folder), weights(tmp_path / "outputs" / "again"))
    capfd.readouterr()
    assert train.main([*tiny, "epochs=1", "seed=3", "--cfg", "job"]) == 0
    (tmp_path / "printed.yaml").write_text(capfd.readouterr().out)
    assert train.main(["config=printed.yaml", "name=printed"]) == 0
    assert same(weights(folder), weights(tmp_path / "outputs" / "printed"))


def test_a_sweep_gives_each_job_a_folder_and_outlives_a_failing_one(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [*tiny, "epochs=1", "-m", "model.dilations=[1,1,1],[9,9,9],[1,2,5]", "seed=0,1", "name=rates"]
    assert train.main(arguments) == 1
    error = capfd.readouterr().err
    sweep = tmp_path / "outputs" / "rates"
    finished = {path.parent for path in sweep.glob("*/summary.json")}
    assert len(finished) == 4
    configs = [yaml.safe_load((folder / "config.yaml").read_text()) for folder in finished]
    assert {(tuple(c["model"]["dilations"]), c["seed"]) for c in configs} == {
        ((1, 1, 1), 0),
        ((1, 1, 1), 1),
        ((1, 2, 5), 0),
        ((1, 2, 5), 1),
    }
    assert {folder.name for folder in finished} == {
        f"dilations-{rates}__seed-{seed}" for rates in ("1-1-1", "1-2-5") for seed in (0, 1)
    }
    failed = [line for line in error.splitlines() if line.startswith("failed:")]
    assert len(failed) == 2
    assert all("layer 2 meets a 14x14 map" in line for line in failed)
    for folder in finished:
        assert "epoch 1/1" in (folder / "train.log").read_text()

    assert train.main(arguments) == 1
    assert capfd.readouterr().out.count("finished before") == 4


def test_two_processes_do_not_train_in_one_folder(tiny: list[str], tmp_path: Path) -> None:
    arguments = [*tiny, "epochs=100000", "name=one"]
    with subprocess.Popen(command(*arguments), cwd=tmp_path, stdout=subprocess.DEVNULL) as first:
        while not (tmp_path / "outputs" / "one" / "config.yaml").is_file():
            assert first.poll() is None
            time.sleep(0.01)
        second = subprocess.run(
            command(*arguments), cwd=tmp_path, capture_output=True, text=True, check=False
        )
        first.kill()
    assert second.returncode == 2
    assert "another process trains here" in second.stderr


def test_the_wheel_brings_its_configuration_and_published_weights(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, capture_output=True, check=True)
    wheel = next(tmp_path.glob("*.whl"))
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    published = sorted(path.name for path in FOLDER.iterdir())
    script = (
        "import sys; sys.argv = ['dilated-cifar-train', 'model=resnet', '--cfg', 'job']\n"
        "from dilated_cifar.cli import choices, train\n"
        "from dilated_cifar.config.published import FOLDER\n"
        f"assert sorted(path.name for path in FOLDER.iterdir()) == {published}\n"
        f"assert str(choices.conf_folder()).startswith({str(installed)!r})\n"
        "sys.exit(train.main() or train.main(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed, _, told = done.stdout.partition("Train a")
    assert yaml.safe_load(printed)["model"]["family"] == "resnet"
    assert "dilated-cifar-train -m" in told
    assert "Passes over the training split." in told
    assert "python train.py" not in told
    entry_points = next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    assert "dilated-cifar-train = dilated_cifar.cli.train:main" in entry_points
