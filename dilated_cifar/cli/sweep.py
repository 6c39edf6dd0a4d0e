"""The jobs of a sweep, in this process or in others, and what they tell the command that started them."""

import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from filelock import FileLock
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from dilated_cifar.cli.arguments import conf_folder, override_value
from dilated_cifar.config.run import Config
from dilated_cifar.errors import Interrupted, one_line
from dilated_cifar.runs.folder import acquired
from dilated_cifar.runs.record import write_text
from dilated_cifar.training.signals import StopSignals

logger = logging.getLogger("dilated_cifar")

PARENT = os.getppid()
"""The process that started this one; another one takes its place when it dies."""

ENGINES = ("joblib_launcher", "submitit_launcher", "optuna_sweeper")
"""The plugins of the extra `sweep`."""

taken_gpus: list[tuple[int, FileLock]] = []
"""This process's GPU and the lock on it, kept until the process ends."""


@dataclass(frozen=True)
class Roll:
    """Where the jobs of one command sign in and out: a folder, which processes and machines share."""

    folder: Path
    process: tuple[str, int]
    """Host and id of the command's own process."""

    @classmethod
    def of(cls, sweep: Path) -> "Roll":
        """A roll of this process's own in the folder of a sweep; nothing is written before a job signs."""
        name = f".jobs-{uuid.uuid4().hex[:8]}"
        return cls(sweep.resolve() / name, (socket.gethostname(), os.getpid()))

    @property
    def elsewhere(self) -> bool:
        """Whether this is asked in another process than the command's."""
        return (socket.gethostname(), os.getpid()) != self.process

    def sign(self, number: int, folder: Path, outcome: str | None) -> None:
        """Note what has become of a job: None for the best, else what went wrong."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entry = {"folder": str(folder), "outcome": outcome}
        write_text(self.folder / f"{number:06}.json", json.dumps(entry))

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Folder and outcome of every job that began, in the order in which they were listed."""
        entries = [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]
        return [(entry["folder"], entry["outcome"]) for entry in entries]

    def stop(self) -> None:
        """Ask every job to save its state and end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "stop").touch()

    @property
    def stopped(self) -> bool:
        """Whether the jobs are asked to end, or nobody is left to tell."""
        return (self.folder / "stop").exists() or os.getppid() != PARENT

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


class StopJobs(StopSignals):
    """While entered, the first Ctrl-C or SIGTERM has all jobs save and end; a second one acts at once."""

    def __init__(self, roll: Roll) -> None:
        super().__init__()
        self._roll = roll

    def _note(self, number: int, frame: FrameType | None) -> None:
        super()._note(number, frame)
        self._roll.stop()
        print("\nstopping: the jobs save their state; a second signal ends this at once", file=sys.stderr)


def run_job(roll: Roll, number: int, folder: Path, train: Callable[[], float | None]) -> float | None:
    """Call `train` and sign its outcome, so that one failing job neither ends nor hides the others.

    Returns:
        What `train` returns; None, which a search takes for a failed trial, where it raised.
    """
    if roll.elsewhere and roll.stopped:
        end_if_alone(roll)
        return None
    # This stands if nothing can be signed any more.
    roll.sign(number, folder, "ended without a word: killed, perhaps for want of memory")
    try:
        if roll.elsewhere:
            with own_process(roll, folder.name):
                value = train()
        else:
            value = train()
    except Interrupted as stop:
        roll.sign(number, folder, " ".join(str(stop).split()))
        if roll.elsewhere:
            # Raised in another process it would take the launcher down, and other jobs unsaved with it.
            end_if_alone(roll)
            return None
        raise
    except Exception as error:
        roll.sign(number, folder, one_line(error))
        return None
    roll.sign(number, folder, None)
    return value


def end_if_alone(roll: Roll) -> None:
    """End this process where the command that started it has died."""
    if os.getppid() != PARENT:
        roll.close()
        # The launcher's workers would wait for another job for minutes.
        os._exit(1)


@contextmanager
def own_process(roll: Roll, name: str) -> Iterator[None]:
    """Give a job in another process its lines on the screen, and an ear for the end of the command."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(f"[{name}] %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    # Ctrl-C in a terminal reaches every process. Training hears it; elsewhere it would end this process
    # without a word, and with it the launcher.
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    ended = threading.Event()
    listener = threading.Thread(target=listen, args=(roll, ended), daemon=True)
    listener.start()
    try:
        yield
    finally:
        ended.set()
        listener.join()
        for number, handle in previous.items():
            signal.signal(number, handle)
        logger.removeHandler(handler)


def listen(roll: Roll, ended: threading.Event) -> None:
    """Pass the command's wish to stop, or its death, on to the training in this process."""
    while not ended.wait(1.0):
        if roll.stopped:
            # Again and again: before training begins, nothing hears it.
            os.kill(os.getpid(), signal.SIGTERM)


def for_this_process(config: Config, roll: Roll, number: int) -> Config:
    """`config` for a job beside others: no bar on the shared screen, and a GPU of its own where it can."""
    gpus = count_gpus()
    if config.device == "auto" and gpus > 1:
        config = replace(config, device=f"cuda:{take_gpu(roll.folder, gpus, number)}")
    return replace(config, progress=False)


def take_gpu(folder: Path, gpus: int, number: int) -> int:
    """The first GPU that no other process of the sweep has; where all are taken, they are shared in turn.

    A process keeps its GPU to its end, for a CUDA context stays where it was made.
    """
    if taken_gpus:
        return taken_gpus[0][0]
    for gpu in range(gpus):
        lock = FileLock(folder / f"{socket.gethostname()}-gpu-{gpu}.lock", timeout=0)
        if acquired(lock):
            taken_gpus.append((gpu, lock))
            return gpu
    return number % gpus


def jobs_at_once() -> int:
    """How many jobs this machine runs side by side: one a GPU, or one a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count_gpus() or cores or 1


def jobs_a_batch(launcher: str) -> int | None:
    """How many jobs a launcher is given at once: None for all, where it has a queue of its own."""
    return jobs_at_once() if launcher.endswith(".LocalLauncher") else None


def count_gpus() -> int:
    """The number of CUDA devices here."""
    import torch

    return torch.cuda.device_count()


def register_engines() -> None:
    """Give Hydra's launchers and sweepers the defaults in conf/engines, which may ask what is here."""
    OmegaConf.register_new_resolver("jobs_at_once", jobs_at_once, replace=True)
    OmegaConf.register_new_resolver("jobs_a_batch", jobs_a_batch, replace=True)
    OmegaConf.register_new_resolver("gpus", count_gpus, replace=True)
    # A plugin stores defaults of its own under its name as soon as Hydra finds it. A file of that name on
    # Hydra's search path would be merged into them with a warning, so ours take their place.
    Plugins.instance()
    # Optuna's data base tells of each part it loads, though none is used.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for file in (conf_folder() / "engines").glob("*/*.yaml"):
        engine = OmegaConf.load(file)
        ConfigStore.instance().store(
            group=f"hydra/{file.parent.name}",
            name=file.stem,
            node=engine,
            package="_global_" if "hydra" in engine else None,
        )


def engines_installed() -> bool:
    """Whether the packages of every launcher and sweeper are here."""
    try:
        return all(find_spec(f"hydra_plugins.hydra_{name}") for name in ENGINES)
    except ModuleNotFoundError:
        return False


def is_sweep(words: Sequence[str]) -> bool:
    """Whether the words ask for a sweep."""
    return "-m" in words or "--multirun" in words


def runs_elsewhere(words: Sequence[str]) -> bool:
    """Whether the words choose a launcher that runs jobs in other processes."""
    return override_value(words, "hydra/launcher") not in (None, "basic")
