"""Where a run computes and in which precision."""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dilated_cifar.errors import RunError, UserError, one_line
from dilated_cifar.freed_memory import keep_freed_memory
from dilated_cifar.processes import ALONE, Processes

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Machine:
    """A device and how to compute on it."""

    device: torch.device
    bf16: bool
    memory_format: torch.memory_format
    processes: Processes = ALONE
    """Those that train together; each computes its part of every batch."""
    compile: bool = False
    """Whether torch.compile makes the kernels of training."""

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which forward passes and losses run."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def place(self, module: Module) -> Module:
        """Move `module` to the device, its weights in the memory format; returns it."""
        return module.to(self.device).to(memory_format=self.memory_format)

    def compiled(self, network: nn.Module) -> nn.Module:
        """`network` for training, compiled where that is wanted, on CUDA into graphs.

        It keeps the parameters of `network`. The compiler runs at its first call, and once more for each
        other size of a batch or of its images.
        """
        if not self.compile:
            return network
        mode = "reduce-overhead" if self.device.type == "cuda" else "default"
        return cast(nn.Module, torch.compile(network, mode=mode, dynamic=False))

    def synchronize(self) -> None:
        """Wait for queued kernels, so that a clock read afterwards is honest."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else ""
        threads = f"{torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        processes = f"{self.processes.count} processes" if self.processes.count > 1 else ""
        precision = "bf16" if self.bf16 else "fp32"
        compiled = "compiled" if self.compile else ""
        details = ", ".join(part for part in (name, threads, processes, precision, compiled) if part)
        return f"{self.device} ({details})"


def choose_machine(
    device: str,
    *,
    precision: str = "auto",
    channels_last: bool = True,
    deterministic: bool = False,
    processes: Processes = ALONE,
    compiled: bool = False,
) -> Machine:
    """Resolve the keys `device` and `precision` and set the switches of torch and glibc for them.

    Args:
        device: auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:N or mps.
        precision: fp32, bf16, or auto: bf16 autocast on CUDA, fp32 elsewhere (on CPUs without bf16 units
            autocast is several times slower).
        channels_last: Lay features out as NHWC.
        deterministic: Refuse operations that do not repeat bit for bit.
        processes: Those that train together; on CUDA each takes a GPU of its own.
        compiled: Have torch.compile make the kernels of training.

    Raises:
        UserError: the device is unknown or not there.
    """
    keep_freed_memory()
    if deterministic:
        # Read by cuBLAS when CUDA starts, without which matrix products are refused.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if deterministic != torch.are_deterministic_algorithms_enabled():
        # Only then: torch imports its compiler for it, which takes longer than the first step of a run.
        torch.use_deterministic_algorithms(deterministic)
    chosen = resolve_device(device) if processes.count == 1 else device_of(processes, device)
    if chosen.type == "cuda":
        torch.backends.cudnn.benchmark = not deterministic
        torch.backends.cudnn.deterministic = deterministic
    return Machine(
        device=chosen,
        bf16=precision == "bf16" or (precision == "auto" and chosen.type == "cuda"),
        memory_format=torch.channels_last if channels_last else torch.contiguous_format,
        processes=processes,
        compile=compiled,
    )


def has_bf16_units() -> bool:
    """Whether this machine's CPU multiplies bf16 numbers, which autocast then makes faster, not slower."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def onto(device: torch.device, array: NDArray[Any]) -> Tensor:
    """The array as a tensor on the device, where nothing waits for it.

    From pageable memory a copy to a GPU would wait for all that is queued there.
    """
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


@contextmanager
def operations_named() -> Iterator[None]:
    """Say in one line which operation torch cannot do in a way that repeats, or why it cannot compile.

    Raises:
        RunError: in place of torch's refusal with deterministic=true or compile=true.
    """
    try:
        yield
    except RuntimeError as error:
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            reason = one_line(error).partition(" Set TORCHDYNAMO")[0]  # then how to debug torch
            raise RunError(f"compile=true: torch.compile failed ({reason}); write compile=false") from error
        if not (operation := re.match(r"(\S+) does not have a deterministic implementation", str(error))):
            raise
        raise RunError(
            f"deterministic=true: {operation[1]} has no deterministic implementation on this device; write "
            "deterministic=false, or device=cpu"
        ) from error


def device_of(processes: Processes, device: str) -> torch.device:
    """The device of this one of several processes: the CPU, or a GPU of its own.

    Raises:
        UserError: there are fewer GPUs than processes on this machine, or all would share one.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise UserError(f"device={device}: expected auto, cpu or cuda with several processes")
    if device == "cpu":
        return torch.device("cpu")
    resolve_device(device)
    count = torch.cuda.device_count()
    if processes.local_rank >= count:
        raise UserError(
            f"device={device}: {count} CUDA devices are here for process {processes.local_rank + 1} of this "
            f"machine; start {count} processes a machine, or write device=cpu"
        )
    chosen = torch.device("cuda", processes.local_rank)
    torch.cuda.set_device(chosen)
    return chosen


def use_threads(count: int | None) -> None:
    """Compute with that many CPU threads; None for as many as torch takes by itself."""
    if count is not None:
        torch.set_num_threads(count)


def resolve_device(device: str) -> torch.device:
    """The device a user's word stands for, checked to be there.

    Raises:
        UserError: the device is unknown or not there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", device):
        raise UserError(f"device={device}: expected auto, cpu, cuda, cuda:N or mps")
    chosen = torch.device(device)
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UserError(f"device={device}: no CUDA device is here; write device=auto or device=cpu")
        if (chosen.index or 0) >= count:
            raise UserError(f"device={device}: expected cuda:0 to cuda:{count - 1}, of the {count} here")
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("device=mps: no MPS device is here; write device=auto or device=cpu")
    return chosen
