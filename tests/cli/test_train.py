"""The command as a user runs it, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Collection
from pathlib import Path

import pytest
import torch
import yaml
from omegaconf import DictConfig

from dilated_cifar.cli import train
from dilated_cifar.cli.arguments import quote_path, run_name
from dilated_cifar.runs import checkpoint

ROOT = Path(__file__).resolve().parents[2]


def command(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *words]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(folder / "checkpoints" / "last.pt").model


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_cut_by_a_signal_continues_with_the_same_command(
    number: signal.Signals, tiny: list[str], tmp_path: Path
) -> None:
    words = [*tiny, "epochs=12", "name=cut"]
    with subprocess.Popen(command(*words), cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        metrics = tmp_path / "outputs" / "cut" / "metrics.csv"
        deadline = time.monotonic() + 300
        while not (metrics.is_file() and len(metrics.read_text().splitlines()) > 2):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, error = process.communicate()
    if number is signal.SIGINT:
        assert process.returncode == 128 + signal.SIGINT
        assert f"continue with: python {ROOT / 'train.py'} experiment=demo" in error
        assert "Traceback" not in error
    assert not (tmp_path / "outputs" / "cut" / "summary.json").exists()

    done = subprocess.run(command(*words), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "continuing after epoch" in done.stdout
    subprocess.run(command(*words[:-1], "name=whole"), cwd=tmp_path, capture_output=True, check=True)
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
    assert "holds a run with optimizer.lr=0.01, this one has optimizer.lr=0.5" in error


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


def test_a_sweep_gives_each_job_a_folder_and_outlives_a_failing_one(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "epochs=1", "-m", "model.dilations=[1,1,1],[9,9,9],[1,2,5]", "seed=0,1", "name=rates"]
    done = subprocess.run(command(*words), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
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
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed:")]
    assert len(failed) == 2
    assert all("layer 2 meets a 14x14 map" in line for line in failed)
    for folder in finished:
        assert "epoch 1/1" in (folder / "train.log").read_text()

    again = subprocess.run(command(*words), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.stdout.count("finished before") == 4


def test_the_value_of_a_job_is_its_validation_accuracy(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = []
    original = train.train_once

    def keep(composed: DictConfig, fixed: Collection[str]) -> float | None:
        values.append(original(composed, fixed))
        return values[-1]

    monkeypatch.setattr(train, "train_once", keep)
    assert train.main([*tiny, "epochs=2", "name=one"]) == 0
    summary = json.loads((tmp_path / "outputs" / "one" / "summary.json").read_text())
    assert values == [summary["best"]["validation"]["accuracy"]]


def test_two_processes_do_not_train_in_one_folder(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "epochs=100000", "name=one"]
    with subprocess.Popen(command(*words), cwd=tmp_path, stdout=subprocess.DEVNULL) as first:
        while not (tmp_path / "outputs" / "one" / "config.yaml").is_file():
            assert first.poll() is None
            time.sleep(0.01)
        second = subprocess.run(command(*words), cwd=tmp_path, capture_output=True, text=True, check=False)
        first.kill()
    assert second.returncode == 2
    assert "another process trains here" in second.stderr


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["model=resnet", "--cfg", "job"]])
def test_help_and_configuration_import_no_torch(words: list[str], tmp_path: Path) -> None:
    script = (
        f"import sys; sys.argv = {['train.py', *words]!r}\n"
        "from dilated_cifar.cli.train import main\n"
        "status = main()\n"
        "sys.exit(status or ('torch' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "dilated_125" in done.stdout or yaml.safe_load(done.stdout)["epochs"] == 60


def test_help_names_every_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--help"]) == 0
    text = capsys.readouterr().out
    for file in (ROOT / "conf").glob("*/*.yaml"):
        assert f"  {file.stem} " in text
    assert text.count("  python train.py") >= 5
    assert max(len(line) for line in text.splitlines()) <= 110


def test_the_wheel_brings_its_configuration(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, capture_output=True, check=True)
    wheel = next(tmp_path.glob("*.whl"))
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    script = (
        "import sys; sys.argv = ['dilated-cifar-train', 'model=resnet', '--cfg', 'job']\n"
        "import dilated_cifar.cli.train as train\n"
        f"assert train.__file__.startswith({str(installed)!r})\n"
        f"assert str(train.conf_folder()).startswith({str(installed)!r})\n"
        "sys.exit(train.main())"
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
    assert yaml.safe_load(done.stdout)["model"]["family"] == "resnet"
    entry_points = next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    assert "dilated-cifar-train = dilated_cifar.cli.train:main" in entry_points


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


def test_file_names_survive_hydras_grammar() -> None:
    assert quote_path("checkpoint=a,b=c/[1].pt") == "checkpoint='a,b=c/[1].pt'"
    assert quote_path("run=it's") == "run='it\\'s'"
    assert quote_path("seed=1,2") == "seed=1,2"
    assert quote_path("images=[a,b]") == "images=[a,b]"
