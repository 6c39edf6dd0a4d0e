"""Rates, shares and peaks, with a clock that waits for the device."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from dilated_cifar.benchmark.figures import PARTS
from dilated_cifar.benchmark.ways import project_steps
from dilated_cifar.data.splits import Split
from dilated_cifar.device import Machine
from dilated_cifar.training.state import State


def rate(steps: Iterator[int], machine: Machine, *, seconds: float, warm_up: int) -> float:
    """Images a second of the next steps, over at least that time, after `warm_up` steps not counted."""
    for _ in islice(steps, warm_up):
        pass
    machine.synchronize()
    start, images, now = time.perf_counter(), 0, 0.0
    while now < seconds:
        images += next(steps)
        machine.synchronize()
        now = time.perf_counter() - start
    return images / now


def shares(state: State, split: Split, machine: Machine, *, seconds: float) -> dict[str, float]:
    """The share of time in each of PARTS, in the project's own steps with a clock at torch's hooks."""
    spent, clock = dict.fromkeys(PARTS, 0.0), 0.0

    def note(part: str) -> None:
        nonlocal clock
        machine.synchronize()
        now = time.perf_counter()
        spent[part] += now - clock
        clock = now

    def before_step(_optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        note("backward")

    def after_step(_optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        note("optimizer")

    steps = project_steps(state, split, machine)
    next(steps)
    handles = [
        state.model.register_forward_pre_hook(lambda *_: note("data")),
        state.model.register_forward_hook(lambda *_: note("forward")),
        state.optimizer.register_step_pre_hook(before_step),
        state.optimizer.register_step_post_hook(after_step),
    ]
    clock = time.perf_counter()
    while sum(spent.values()) < seconds:
        next(steps)
        note("rest")
    for handle in handles:
        handle.remove()
    total = sum(spent.values())
    return {part: value / total for part, value in spent.items()}


def matrix_product_peak(machine: Machine, *, seconds: float) -> float:
    """The most operations a second of square matrix products in the precision of training, over sizes."""
    best = 0.0
    for side in (512, 1024, 2048) if machine.device.type == "cpu" else (2048, 4096, 8192):
        one, other = (torch.rand(side, side, device=machine.device) for _ in range(2))
        with machine.autocast():
            torch.mm(one, other)
            begin = time.perf_counter()
            while time.perf_counter() - begin < seconds / 3:
                machine.synchronize()
                start = time.perf_counter()
                torch.mm(one, other)
                machine.synchronize()
                best = max(best, 2 * side**3 / (time.perf_counter() - start))
    return best


@contextmanager
def peak_memory(machine: Machine) -> Iterator[list[float]]:
    """A list that gets the MB by which memory grew inside, of the device on CUDA, else of this process.

    It stays empty where neither can be had, off Linux.
    """
    found: list[float] = []
    if machine.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(machine.device)
        before = torch.cuda.memory_allocated(machine.device)
        yield found
        found.append((torch.cuda.max_memory_allocated(machine.device) - before) / 1e6)
        return
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    try:
        reset.write_text("5")  # the peak is what is held now
        before = kilobytes(status, "VmRSS:")
    except (OSError, IndexError, ValueError):
        yield found
        return
    yield found
    found.append((kilobytes(status, "VmHWM:") - before) * 1024 / 1e6)


def kilobytes(status: Path, name: str) -> int:
    """A figure of Linux's account of a process."""
    return int(status.read_text().partition(name)[2].split()[0])
