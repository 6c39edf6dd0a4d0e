"""Run folders with damaged files, and runs that are made longer: the same command mends or refuses them."""

import csv
import errno
import fcntl
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dilated_cifar.config.families import families
from dilated_cifar.config.optimization import ScheduleConfig
from dilated_cifar.config.run import Config
from dilated_cifar.errors import UserError
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.folder import Found, opened
from dilated_cifar.runs.reading import read_config
from dilated_cifar.runs.writing import write_config
from dilated_cifar.training.loop import train
from dilated_cifar.training.optimizer import learning_rate

MakeConfig = Callable[..., Config]


@pytest.fixture(scope="module")
def config(make_config: MakeConfig, tiny: list[str]) -> Config:
    return make_config(*tiny, "schedule=constant", "epochs=2")


@pytest.fixture(scope="module")
def finished(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    with opened(folder, config):
        train(config, folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a run leaves, without what the clock says."""
    found: dict[str, Any] = {}
    for name in ("best", "last"):
        saved = checkpoint.load(folder / "checkpoints" / f"{name}.pt")
        found[name] = {key: value.tolist() for key, value in saved.model.items()}, saved.epoch
    rows = csv.DictReader((folder / "metrics.csv").read_text().splitlines())
    found["metrics"] = [
        {key: value for key, value in row.items() if key not in ("seconds", "images_per_second")}
        for row in rows
    ]
    found["config"] = (folder / "config.yaml").read_text()
    summary = (folder / "summary.json").read_text().splitlines()
    found["summary"] = [line for line in summary if "seconds" not in line and "per_second" not in line]
    board = EventAccumulator(str(folder)).Reload()
    found["steps"] = {name: [each.step for each in board.Scalars(name)] for name in board.Tags()["scalars"]}
    return found


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("config.yaml", cut),
        ("config.yaml", Path.unlink),
        ("metrics.csv", cut),
        ("summary.json", cut),
        ("test_predictions.npz", cut),
        ("events.out.tfevents.*", flip),
        ("checkpoints/best.pt", flip),
        ("checkpoints/last.pt", flip),
    ],
)
def test_a_damaged_file_is_written_again_by_the_same_command(
    name: str,
    harm: Callable[[Path], None],
    folder: Path,
    finished: Path,
    config: Config,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (path,) = folder.glob(name)
    harm(path)
    with caplog.at_level(logging.WARNING, "dilated_cifar"), opened(folder, config) as found:
        if found is Found.STARTED:
            train(config, folder)
    assert str(path) in caplog.text
    assert contents(folder) == contents(finished)
    with opened(folder, config) as found:
        assert found is Found.FINISHED


def test_a_run_without_any_whole_state_is_no_new_run(folder: Path, config: Config) -> None:
    (folder / "summary.json").unlink()
    for name in ("last", "previous"):
        flip(folder / "checkpoints" / f"{name}.pt")
    with (
        opened(folder, config),
        pytest.raises(UserError, match=r"last\.pt: damaged.*previous\.pt is missing or"),
    ):
        train(config, folder)
    for name in ("last", "previous"):
        (folder / "checkpoints" / f"{name}.pt").unlink()
    with pytest.raises(UserError, match=r"last\.pt: missing, while best\.pt says"), opened(folder, config):
        pass


def test_a_longer_run_goes_on_to_the_same_bits(folder: Path, config: Config, tmp_path: Path) -> None:
    longer = replace(config, epochs=3)
    with opened(folder, longer) as found:
        assert found is Found.STARTED
        train(longer, folder)
    with opened(tmp_path / "whole", longer):
        train(longer, tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")
    with (
        pytest.raises(UserError, match="holds a run with epochs=3, this one has epochs=2"),
        opened(folder, config),
    ):
        pass


def test_a_configuration_that_was_edited_changes_no_run(folder: Path, config: Config) -> None:
    edited = replace(config, optimizer=replace(config.optimizer, lr=0.5))
    write_config(folder, edited)
    (folder / "summary.json").unlink()
    with (
        pytest.raises(UserError, match=r"holds a run with optimizer\.lr=0\.5, this one has optimizer\.lr="),
        opened(folder, config),
    ):
        pass
    with (
        opened(folder, edited),
        pytest.raises(
            UserError, match=r"its config\.yaml was changed to optimizer\.lr=0\.5; .* remove config"
        ),
    ):
        train(edited, folder)
    (folder / "config.yaml").unlink()
    with opened(folder, config) as found:
        assert found is Found.STARTED
        assert read_config(folder)["optimizer"]["lr"] == config.optimizer.lr


@pytest.mark.parametrize("choices", [["schedule=cosine"], ["schedule=constant", "augment.crop=[20,24]"]])
def test_what_follows_the_length_refuses_more_epochs(
    folder: Path, make_config: MakeConfig, tiny: list[str], choices: list[str]
) -> None:
    config = make_config(*tiny, *choices, "epochs=2")
    shutil.rmtree(folder)
    with opened(folder, config):
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "last.pt").touch()
    expected = re.escape(f"epochs=3, with which {choices[-1]} would have trained")
    with pytest.raises(UserError, match=expected), opened(folder, replace(config, epochs=3)):
        pass


@pytest.mark.parametrize("family", families(ScheduleConfig))
def test_schedules_say_whether_their_rates_follow_the_length(family: str) -> None:
    schedule = families(ScheduleConfig)[family]()
    assert isinstance(schedule, ScheduleConfig)
    short, long = (
        [learning_rate(schedule, 1.0, step, steps_per_epoch=3, epochs=epochs) for step in range(9)]
        for epochs in (3, 5)
    )
    assert schedule.follows_length == (short != long)


def test_other_threads_on_resume_are_told(
    folder: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "summary.json").unlink()
    try:
        with caplog.at_level(logging.WARNING, "dilated_cifar"), opened(folder, config):
            train(replace(config, threads=2), folder)
    finally:
        torch.set_num_threads(1)
    assert "saved on cpu (1 threads, fp32)" in caplog.text
    assert "now on cpu (2 threads, fp32)" in caplog.text


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_costs_a_warning(
    number: int,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with opened(tmp_path / "run", config) as found:
        assert found is Found.NOTHING
    assert "its file system has no locks (no locks)" in caplog.text
