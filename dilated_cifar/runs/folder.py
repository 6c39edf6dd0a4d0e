"""Run folders: who may write in one, and what the same command finds there."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from filelock import FileLock, Timeout

from dilated_cifar.config.base import as_typed
from dilated_cifar.config.run import Config, differing_keys, flatten
from dilated_cifar.config.store import to_container
from dilated_cifar.errors import UserError
from dilated_cifar.runs.reading import read_config
from dilated_cifar.runs.record import CONFIG, ERROR, SUMMARY, write_config


class Found(Enum):
    """What a run folder holds before the run."""

    NOTHING = auto()
    STARTED = auto()
    FINISHED = auto()


@contextmanager
def opened(folder: Path, config: Config, waits: Callable[[], bool] = lambda: False) -> Iterator[Found]:
    """Make or enter the run folder, alone, and tell what is there of a run of the same configuration.

    Args:
        folder: The run folder.
        config: The run that is to be there.
        waits: Asked each second whether to wait on where another process trains here.

    Raises:
        UserError: the folder cannot be written, is in use, holds a run of another configuration (the
            first key that differs is named) or holds files of something else.
    """
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        refuse_other_files(folder)
        folder.mkdir(parents=True, exist_ok=True)
        while not acquired(lock):
            if not waits():
                raise Timeout(lock.lock_file)
            time.sleep(1)
    except Timeout as error:
        raise UserError(f"{folder}: another process trains here; wait for it or write name=OTHER") from error
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}); choose another place with output_dir=FOLDER"
        ) from error
    try:
        found = found_in(folder)
        if found is Found.NOTHING:
            write_config(folder, config)
        else:
            refuse_other_config(folder, config)
        yield found
    finally:
        lock.release()


def acquired(lock: FileLock) -> bool:
    """Take the lock if nobody else has it."""
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


def found_in(folder: Path) -> Found:
    """How far the run in `folder` has come."""
    if (folder / SUMMARY).is_file():
        return Found.FINISHED
    return Found.STARTED if last_checkpoint(folder).is_file() else Found.NOTHING


def refuse_other_files(folder: Path) -> None:
    """Raise a UserError where `folder` is there and no run folder."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; expected a folder to write to; write name=OTHER")
    if (folder / CONFIG).is_file():
        try:
            read_config(folder)
        except UserError as error:
            raise UserError(f"{error}; write name=OTHER or output_dir=FOLDER") from error
    elif folder.is_dir():
        others = sorted(entry.name for entry in folder.iterdir() if entry.name not in (".lock", ERROR))
        if others:
            raise UserError(f"{folder}: holds {others[0]} and no run; write name=OTHER or output_dir=FOLDER")


def refuse_other_config(folder: Path, config: Config) -> None:
    """Raise a UserError where the run in `folder` computes something other than `config` says."""
    before, now = read_config(folder), to_container(config)
    differing = differing_keys(before, now)
    if differing:
        key = differing[0]
        old, new = (as_typed(flatten(container).get(key)) for container in (before, now))
        raise UserError(
            f"{folder}: holds a run with {key}={old}, this one has {key}={new}; "
            f"write {key}={old} to continue it or name=OTHER for a new run"
        )


def folder_of(checkpoint: Path) -> Path:
    """The run folder that a checkpoint lies in, or the folder it lies in."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def last_checkpoint(folder: Path) -> Path:
    """The state from which the run goes on."""
    return folder / "checkpoints" / "last.pt"


def best_checkpoint(folder: Path) -> Path:
    """The weights of the epoch with the best validation accuracy."""
    return folder / "checkpoints" / "best.pt"
