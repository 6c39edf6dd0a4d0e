"""GPUs and cores of this machine, divided among the jobs of a sweep."""

import itertools
import os
import socket
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from dilated_cifar.config.run import Config
from dilated_cifar.locks import acquired, lock_at
from dilated_cifar.processes import launched

taken_gpus: list[tuple[int, FileLock]] = []
"""This process's GPU and the lock on it, kept until the process ends."""


def for_this_process(config: Config, locks: Path, number: int) -> Config:
    """`config` for a job beside others: no bar on the shared screen, and a GPU of its own where it can.

    The processes of one job divide the GPUs among themselves.

    Args:
        config: As it was given.
        locks: A folder that the jobs share, for the locks on GPUs.
        number: Of the job.
    """
    gpus = count_gpus()
    if config.device == "auto" and gpus > 1 and not launched():
        config = replace(config, device=f"cuda:{take_gpu(locks, gpus, number, config.jobs_per_gpu)}")
    return replace(config, progress=False)


def take_gpu(folder: Path, gpus: int, number: int, jobs_per_gpu: int = 1) -> int:
    """The GPU that the fewest other processes of the sweep have; where all are full, they are shared in turn.

    A process keeps its GPU to its end, for a CUDA context stays where it was made.
    """
    if taken_gpus:
        return taken_gpus[0][0]
    for place, gpu in itertools.product(range(jobs_per_gpu), range(gpus)):
        lock = lock_at(folder / f"{socket.gethostname()}-gpu-{gpu}-{place}.lock")
        if acquired(lock) and lock.is_locked:
            taken_gpus.append((gpu, lock))
            return gpu
    return number % gpus


def jobs_at_once(jobs_per_gpu: int = 1) -> int:
    """How many jobs this machine runs side by side: so many a GPU, or one a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count_gpus() * jobs_per_gpu or cores or 1


def count_gpus() -> int:
    """The number of CUDA devices here."""
    import torch

    return torch.cuda.device_count()
