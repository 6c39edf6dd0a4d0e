"""What fails around a run costs what it must and no more: the last good state stays, and one line tells."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.optim.optimizer import register_optimizer_step_post_hook

from dilated_cifar.cli.train import main
from dilated_cifar.evaluation import pictures
from dilated_cifar.runs import checkpoint

RUN = Path("outputs/run")
LAST = RUN / "checkpoints" / "last.pt"


@contextmanager
def at_step(acts: dict[int, Callable[[], object]]) -> Iterator[None]:
    """Call an act after the optimizer's step of its number, counted from 1; an epoch has three."""
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        acts.get(seen, lambda: None)()

    handle = register_optimizer_step_post_hook(count)
    try:
        yield
    finally:
        handle.remove()


def no_room() -> None:
    """Have every file that grows beyond a kilobyte fail, by the kernel, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))


def room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def arguments(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return [*tiny, "name=run"]


def steps() -> list[int]:
    return [point.step for point in EventAccumulator(str(RUN)).Reload().Scalars("loss/train")]


def test_without_room_the_last_state_stays_and_the_same_command_goes_on(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        with at_step({4: no_room}):
            assert main(arguments) == 1
    finally:
        room()
    told = capfd.readouterr().err
    assert "Traceback" not in told
    (line,) = [line for line in told.splitlines() if line.startswith("error:")]
    assert line.startswith("error: outputs/run: the run cannot be saved (File too large); make room")
    assert checkpoint.load(LAST).epoch == 1
    assert not list(RUN.rglob("*.partial"))
    assert main(arguments) == 0
    assert "continuing after epoch 1" in capfd.readouterr().out
    assert steps() == [1, 2, 3]


def test_a_folder_that_vanishes_ends_the_run_in_one_line(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with at_step({4: lambda: shutil.move(RUN, "elsewhere")}):
        assert main(arguments) == 1
    told = capfd.readouterr().err
    assert "Traceback" not in told
    assert "it is gone; move it back, and give the same command again" in told
    assert not RUN.exists()
    shutil.move("elsewhere", RUN)
    assert main(arguments) == 0
    assert steps() == [1, 2, 3]


def test_curves_that_cannot_be_written_come_later_and_the_run_goes_on(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    def block() -> None:
        (path,) = RUN.glob("events.*")
        path.unlink()
        path.mkdir()  # the next write to it fails

    def clear() -> None:
        (path,) = RUN.glob("events.*")
        path.rmdir()

    with at_step({4: block, 7: clear}):
        assert main(arguments) == 0
    out, error = capfd.readouterr()
    assert (out + error).count("TensorBoard's event file cannot be written") == 1
    assert "Traceback" not in out + error
    assert steps() == [1, 2, 3]


def test_a_picture_that_cannot_be_drawn_is_left_out(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no font")

    monkeypatch.setattr(pictures, "confusion_figure", fail)
    monkeypatch.setattr(pictures, "mistakes_figure", fail)
    assert main([*arguments, "epochs=2", "pictures=2"]) == 0
    told = "".join(capfd.readouterr())
    assert told.count("the picture confusion cannot be drawn and is left out: ValueError: no font") == 1
    assert steps() == [1, 2]


def test_a_log_that_cannot_be_written_ends_and_the_run_goes_on(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "epochs=1"]) == 0
    (RUN / "train.log").unlink()
    (RUN / "train.log").symlink_to("/dev/full")
    (RUN / "summary.json").unlink()
    capfd.readouterr()
    assert main([*arguments, "epochs=1"]) == 0
    told = "".join(capfd.readouterr())
    assert told.count("train.log: cannot be written ([Errno 28] No space left on device); it ends here") == 1
    assert "Traceback" not in told


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Lay a read-only file system over a folder; the test is skipped where nobody may mount one."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "none", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mount: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_file_system_that_turns_read_only_ends_the_run_in_one_line(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        with at_step({4: lambda: stack.enter_context(read_only(LAST.parent))}):
            assert main(arguments) == 1
        told = capfd.readouterr().err
        assert "Traceback" not in told
        assert "outputs/run: the run cannot be saved (Read-only file system); make room or make it" in told
    assert checkpoint.load(LAST).epoch == 1
    assert main(arguments) == 0
    assert steps() == [1, 2, 3]


def test_a_read_only_place_is_refused(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "disk").mkdir()
    with read_only(tmp_path / "disk"):
        assert main([*arguments, "output_dir=disk"]) == 2
    error = capfd.readouterr().err
    assert "disk/run: cannot be written (Read-only file system); choose another place" in error
    assert error.count("\n") == 1


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="/proc is a place that nobody can write to")
def test_a_place_that_cannot_be_written_is_refused(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["-m", "seed=0,1"]):
        assert main([*arguments, "output_dir=/proc/nowhere", *more]) == 2
        error = capfd.readouterr().err
        assert "cannot be written (No such file or directory); choose another place" in error
        assert error.count("\n") == 1
