"""Run folders: who may write in one, and what the same command finds there."""

import logging
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial
from pathlib import Path

from dilated_cifar.config.base import as_typed
from dilated_cifar.config.published import name_of
from dilated_cifar.config.run import Config, differing_keys, flatten
from dilated_cifar.config.store import data_classes, to_config, to_container
from dilated_cifar.errors import RunError, UserError
from dilated_cifar.locks import acquired, lock_at
from dilated_cifar.runs.atomic import remove_partial_files
from dilated_cifar.runs.reading import read_config, read_curves, read_predictions, read_summary
from dilated_cifar.runs.record import (
    CONFIG,
    ERROR,
    EXPORTS,
    METRICS,
    PREDICTIONS,
    SUMMARY,
    best_checkpoint,
    last_checkpoint,
    previous_checkpoint,
)
from dilated_cifar.runs.verified import read_verified
from dilated_cifar.runs.writing import write_config

logger = logging.getLogger(__name__)

OURS = (".lock", f".{CONFIG}.partial", ERROR)
"""What a run may have left in its folder before it began."""


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
            first key that differs is named), files of something else, or no checkpoint that can be read.
    """
    lock = lock_at(folder / ".lock")
    try:
        try:
            refuse_other_files(folder)
            folder.mkdir(parents=True, exist_ok=True)
            while not acquired(lock):
                if not waits():
                    raise UserError(f"{folder}: another process trains here; wait for it or write name=OTHER")
                time.sleep(1)
            remove_partial_files(folder)
            found = enter(folder, config)
        except OSError as error:
            raise UserError(
                f"{folder}: cannot be written ({error.strerror}); choose another place with output_dir=FOLDER"
            ) from error
        yield found
    finally:
        lock.release()


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Say in one line why a file of the run could not be written; those that were written before stay whole.

    Raises:
        RunError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        remedy = "make room or make it writable" if folder.is_dir() else "it is gone; move it back"
        raise RunError(
            f"{folder}: the run cannot be saved ({error.strerror or error}); {remedy}, and give the same "
            "command again, which continues from what was saved last"
        ) from error


def enter(folder: Path, config: Config) -> Found:
    """Tell what is in a folder that is ours, and make it that of `config`.

    Raises:
        UserError: it holds another run, or one that cannot go on.
    """
    found = found_in(folder)
    if found is Found.NOTHING:
        write_config(folder, config)
        return found
    if shorter := refuse_other_config(folder, config):
        logger.info("%s: the run of epochs=%d goes on to epochs=%d", folder, shorter, config.epochs)
        # In this order: with a summary the folder would count as a finished run of more epochs.
        for name in (SUMMARY, PREDICTIONS):
            (folder / name).unlink(missing_ok=True)
        write_config(folder, config)
        return Found.STARTED
    return found


def found_in(folder: Path) -> Found:
    """How far the run in `folder` has come; a damaged config.yaml is written anew.

    A finished run of which a file is damaged counts as started: going on writes what is missing again.

    Raises:
        UserError: files are damaged or missing that no checkpoint can give back.
    """
    states = [path for path in (last_checkpoint(folder), previous_checkpoint(folder)) if path.is_file()]
    if states:
        mend_config(folder)
    if (folder / SUMMARY).is_file():
        faults = list(damage(folder))
        if states and faults:
            for fault in faults:
                logger.warning("%s; written again from %s", fault, states[0])
            return Found.STARTED
        for fault in faults:
            logger.warning("%s; there is no %s to write it again from", fault, last_checkpoint(folder).name)
        return Found.FINISHED
    if states:
        return Found.STARTED
    lost = [path for path in (best_checkpoint(folder), folder / METRICS) if path.is_file()]
    if lost:
        raise UserError(
            f"{last_checkpoint(folder)}: missing, while {lost[0].name} says that the run had begun; put it "
            "back, or write name=OTHER for a new run"
        )
    return Found.NOTHING


def refuse_other_files(folder: Path) -> None:
    """Raise a UserError where `folder` is there and no run folder."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; expected a folder to write to; write name=OTHER")
    if last_checkpoint(folder).is_file() or previous_checkpoint(folder).is_file():
        return
    if (folder / CONFIG).is_file():
        try:
            read_config(folder)
        except UserError as error:
            raise UserError(f"{error}; write name=OTHER or output_dir=FOLDER") from error
    elif folder.is_dir():
        others = sorted(entry.name for entry in folder.iterdir() if entry.name not in OURS)
        if others:
            raise UserError(f"{folder}: holds {others[0]} and no run; write name=OTHER or output_dir=FOLDER")


def mend_config(folder: Path) -> None:
    """Write a missing or damaged config.yaml anew, as the run's checkpoint holds it.

    Raises:
        UserError: the checkpoint is damaged as well.
    """
    try:
        read_config(folder)
    except UserError as error:
        from dilated_cifar.runs import checkpoint  # imports torch, which takes seconds

        state, path = checkpoint.load_state(folder)
        write_config(folder, to_config(state.config))
        logger.warning("%s; written again from %s", error, path)


def damage(folder: Path) -> Iterator[str]:
    """What is missing or damaged in the folder of a finished run, one line each."""
    from dilated_cifar.runs.events import PATTERN, require_events  # imports TensorBoard

    config = read_config(folder)
    checks: list[Callable[[], object]] = [
        lambda: read_summary(folder, config),
        lambda: read_curves(folder, config["epochs"]),
        lambda: read_predictions(folder, len(data_classes(config["data"]))),
        lambda: require_events(sorted(folder.glob(PATTERN))),
    ]
    # Whoever needs the space may delete the checkpoints of a finished run.
    checks += [
        partial(read_verified, path)
        for path in (last_checkpoint(folder), best_checkpoint(folder))
        if path.is_file()
    ]
    for check in checks:
        try:
            check()
        except UserError as error:
            yield str(error)


def refuse_other_config(folder: Path, config: Config) -> int | None:
    """Raise a UserError where the run in `folder` computes something other than `config` says.

    Returns:
        The epochs of the run in `folder` where `config` has it go on for more, else None.
    """
    before, now = read_config(folder), to_container(config)
    differing = differing_keys(before, now)
    if not differing:
        return None
    key = differing[0]
    old, new = (as_typed(flatten(container).get(key)) for container in (before, now))
    told = f"{folder}: holds a run with {key}={old}, this one has {key}={new}"
    if differing == ["epochs"] and config.epochs > before["epochs"]:
        if not config.follows_length:
            require_state(folder)
            return int(before["epochs"])
        told += f", with which {config.follows_length} would have trained the epochs that are done otherwise"
    raise UserError(f"{told}; write {shlex.quote(f'{key}={old}')} to continue it or name=OTHER for a new run")


def folder_of(checkpoint: Path) -> Path:
    """The run folder that a checkpoint or an exported file lies in, or the folder it lies in.

    Of published weights it is one in `outputs`: nothing is written into the package.
    """
    if name := name_of(checkpoint):
        return Path("outputs") / "published" / name
    folder = checkpoint.parent
    exported = folder.name == EXPORTS and (folder.parent / CONFIG).is_file()
    return folder.parent if folder.name == "checkpoints" or exported else folder


def require_state(folder: Path) -> None:
    """Raise a UserError where no checkpoint is whole from which the run could go on."""
    if not (last_checkpoint(folder).is_file() or previous_checkpoint(folder).is_file()):
        raise UserError(
            f"{folder}: its checkpoints are not here, from which more epochs could go on; write name=OTHER "
            "to train it from the start"
        )
    try:
        read_verified(last_checkpoint(folder))
    except UserError:
        read_verified(previous_checkpoint(folder))
