"""The jobs of a sweep, in this process or in others, and what they tell the command that started them."""

import json
import logging
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from dilated_cifar.cli.errors import LineFormatter
from dilated_cifar.errors import ContactError, Interrupted, ProcessError, UserError, one_line
from dilated_cifar.locks import acquired, lock_at
from dilated_cifar.processes import launched, leads
from dilated_cifar.runs.atomic import write_text
from dilated_cifar.training.signals import StopSignals

logger = logging.getLogger("dilated_cifar")

PARENT = os.getppid()
"""The process that started this one; another one takes its place when it dies."""


@dataclass(frozen=True)
class JobStatus:
    """What has become of the jobs of one command: files in a folder that processes and machines share."""

    folder: Path
    process: tuple[str, int]
    """Host and id of the command's own process."""
    command: str
    """As it was typed."""

    @classmethod
    def below(cls, sweep: Path) -> "JobStatus":
        """A folder of this command's own in that of the sweep."""
        name = f".jobs-{uuid.uuid4().hex[:8]}"
        return cls(sweep.resolve() / name, (socket.gethostname(), os.getpid()), shlex.join(sys.argv))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder, removed at the end, and remove those of commands that were killed.

        Raises:
            UserError: the folder cannot be made.
        """
        sweep = self.folder.parent
        lock = lock_at(self.folder / ".lock")
        try:
            made = [folder for folder in (sweep, *sweep.parents) if not folder.exists()]
            self.folder.mkdir(parents=True)
            acquired(lock)  # for as long as this command lives, and not longer
        except OSError as error:
            raise UserError(
                f"{sweep}: cannot be written ({error.strerror}); choose another place with output_dir=FOLDER"
            ) from error
        for other in sweep.glob(".jobs-*"):
            if other != self.folder:
                remove_if_left(other)
        try:
            yield
        finally:
            lock.release()
            self.close()
            with suppress(OSError):  # a command that was refused leaves no empty folders
                for folder in made:
                    folder.rmdir()

    @property
    def elsewhere(self) -> bool:
        """Whether this is asked in another process than the command's."""
        return (socket.gethostname(), os.getpid()) != self.process

    def report(self, number: int, folder: Path, outcome: str | None) -> None:
        """Note what has become of a job, or of one of its processes: None for success, or what went wrong."""
        entry = {"folder": str(folder), "outcome": outcome}
        name = f"{number:06}" if leads() else f"{number:06}-{os.environ['RANK']}"
        with suppress(FileNotFoundError):  # the command was killed, and another one has cleared up
            write_text(self.folder / f"{name}.json", json.dumps(entry))

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Folder and outcome of every job that began, in the order in which they were listed.

        A job of several processes may have more than one: what failed in each.
        """
        entries = [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]
        return list(dict.fromkeys((entry["folder"], entry["outcome"]) for entry in entries))

    def stop(self) -> None:
        """Ask every job to save its state and end."""
        (self.folder / "stop").touch()

    @property
    def stopped(self) -> bool:
        """Whether the jobs are asked to end, or the command that started them has died."""
        return (self.folder / "stop").exists() or os.getppid() != PARENT

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_if_left(folder: Path) -> None:
    """Remove the folder of a command unless it still runs."""
    lock = lock_at(folder / ".lock")
    with suppress(OSError):
        if acquired(lock) and lock.is_locked:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()


class StopJobs(StopSignals):
    """While entered, the first Ctrl-C or SIGTERM has all jobs save and end; a second one acts at once."""

    def __init__(self, jobs: JobStatus) -> None:
        super().__init__()
        self._jobs = jobs

    def _note(self, number: int, frame: FrameType | None) -> None:
        super()._note(number, frame)
        self._jobs.stop()
        print("\nstopping: the jobs save their state; a second signal ends this at once", file=sys.stderr)


def run_job(jobs: JobStatus, number: int, folder: Path, train: Callable[[], float | None]) -> float | None:
    """Call `train` and report its outcome, so that one failing job neither ends nor hides the others.

    Returns:
        What `train` returns; None, which a search takes for a failed trial, where it raised.
    """
    if not leads():
        assist(jobs, number, folder, train)
        return None
    if jobs.elsewhere and jobs.stopped and not launched():  # of several processes, all stop in training
        end_if_alone(jobs)
        return None
    # This stands if nothing can be reported any more.
    jobs.report(number, folder, "ended before reporting: killed, perhaps out of memory")
    try:
        if jobs.elsewhere:
            with own_process(jobs, folder.name):
                value = train()
        else:
            value = train()
    except Interrupted as stop:
        jobs.report(number, folder, " ".join(str(stop).split()))
        if jobs.elsewhere:
            # Raised in another process it would take the launcher down, and other jobs unsaved with it.
            end_if_alone(jobs)
            return None
        raise
    except Exception as error:
        jobs.report(number, folder, one_line(error))
        return None
    jobs.report(number, folder, None)
    return value


def assist(jobs: JobStatus, number: int, folder: Path, train: Callable[[], float | None]) -> None:
    """Call `train` in another process of a job than the first, which reports what became of the job.

    Only what went wrong here alone is reported here.
    """
    try:
        with own_process(jobs, folder.name):
            train()
    except (Interrupted, ContactError):
        pass
    except Exception as error:
        if isinstance(error, ProcessError) or not isinstance(error, UserError):
            jobs.report(number, folder, one_line(error))


def end_if_alone(jobs: JobStatus) -> None:
    """End this process where the command that started it has died."""
    if os.getppid() != PARENT:
        jobs.close()
        # The launcher's workers would wait for another job for minutes.
        os._exit(1)


@contextmanager
def own_process(jobs: JobStatus, name: str) -> Iterator[None]:
    """Give a job in another process its lines on the screen, and a listener for the end of the command."""
    handler = logging.StreamHandler(sys.stdout) if leads() else logging.NullHandler()
    handler.setFormatter(LineFormatter(f"[{name}] %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    logging.raiseExceptions = False  # where the command was killed nobody reads the lines any more
    # Ctrl-C in a terminal reaches every process. Training handles it; outside of training it would end this
    # process before it reports, and with it the launcher.
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    ended = threading.Event()
    listener = threading.Thread(target=listen, args=(jobs, ended), daemon=True)
    listener.start()
    try:
        yield
    finally:
        ended.set()
        listener.join()
        for number, handle in previous.items():
            signal.signal(number, handle)
        logger.removeHandler(handler)


def listen(jobs: JobStatus, ended: threading.Event) -> None:
    """Pass the command's request to stop, or its death, on to the training in this process."""
    while not ended.wait(1.0):
        if jobs.stopped:
            # Again and again: before training begins, the signal is ignored.
            os.kill(os.getpid(), signal.SIGTERM)
