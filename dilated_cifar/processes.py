"""The processes that train one network together, as torchrun or submitit starts them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from dilated_cifar.errors import ContactError, ProcessError, RunError, UserError

if TYPE_CHECKING:
    # Importing torch takes seconds, and this is asked before anything is known to be right.
    import torch
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup

Value = TypeVar("Value")

TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells each process of the others."""
SETUP = timedelta(minutes=30)
"""How long a process waits for the others before the first step: one may be downloading the data set."""
SILENCE = timedelta(minutes=5)
"""How long it waits in training. A process that ended is noticed at once, a machine without power is not."""


def launched() -> bool:
    """Whether a launcher such as torchrun started this process, as one of several or alone."""
    return all(name in os.environ for name in TOLD)


def announce_tasks() -> None:
    """Tell this task of a submitit job of the other tasks of the job, if there are any, as torchrun would."""
    from submitit import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    if JobEnvironment().num_tasks > 1:
        # Each takes a GPU by its number, so all stay visible. What the cluster's shell had set is of no use.
        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)


def leads() -> bool:
    """Whether this process is the one that writes, logs and prints."""
    return not launched() or os.environ["RANK"] == "0"


@dataclass(frozen=True)
class Processes:
    """One process among those that train one network, each on its part of every batch."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    """Its number on this machine."""
    group: "ProcessGroup | None" = None

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes, logs and prints."""
        return self.rank == 0

    def part(self, items: int) -> slice:
        """The part of that many items that is this process's; no item is in two parts."""
        return slice(items * self.rank // self.count, items * (self.rank + 1) // self.count)

    def highest(self, *values: int) -> list[int]:
        """The highest value that any process gave, at each place: on what all of them then agree."""
        if self.count == 1:
            return list(values)
        import torch
        from torch.distributed import ReduceOp, all_reduce

        tensor = torch.tensor(values)
        all_reduce(tensor, ReduceOp.MAX, group=self.group)
        return tensor.tolist()

    def total(self, tensor: "Tensor") -> "Tensor":
        """The sum over all processes, without a gradient."""
        if self.count > 1:
            from torch.distributed import all_reduce

            tensor = tensor.detach().clone()
            all_reduce(tensor, group=self.group)
        return tensor

    def whole(self, part: "Tensor", items: int) -> "Tensor":
        """The rows of all processes, `[items, ...]`, where each has those of its part of `items`."""
        if self.count == 1:
            return part
        rows = part.new_zeros(items, *part.shape[1:])
        rows[self.part(items)] = part
        return self.total(rows)

    def share(self, make: Callable[[], Value]) -> Value:
        """What `make` returns in the first process, in all of them."""
        if self.count == 1:
            return make()
        from torch.distributed import broadcast_object_list

        values = [make() if self.first else None]
        broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]  # the first process filled it

    def parallel(self, model: "nn.Module", device: "torch.device") -> "nn.Module":
        """`model` with gradients that are means over the processes; its weights become the first one's."""
        if self.count == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        places = [device] if device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=places, process_group=self.group)

    @contextmanager
    def in_contact(self) -> Iterator[None]:
        """Say which process an error is of, and in one line that another one was lost.

        Raises:
            ProcessError: in place of a UserError of this process alone.
            ContactError: in place of what torch raises when it waits in vain for another.
        """
        try:
            yield
        except UserError as error:
            if self.first:
                raise
            raise ProcessError(f"process {self.rank} of {self.count}: {error}") from error
        except RuntimeError as error:
            if self.count == 1 or not _is_loss(error):
                raise
            raise ContactError(
                f"process {self.rank} of {self.count}: lost contact to another process, which ended or does "
                "not answer; the last saved state stays, and the same command continues from it"
            ) from error


ALONE = Processes()


def _is_loss(error: RuntimeError) -> bool:
    """Whether torch raised this because another process is gone or silent."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or "gloo" in str(error)


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that the launcher started, or this one alone.

    Raises:
        RunError: the others cannot be reached.
    """
    if not launched() or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    import torch
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    cuda = torch.cuda.is_available() and distributed.is_nccl_available()
    try:
        store, rank, count = next(rendezvous("env://", timeout=SETUP))
        # torchrun keeps the store when it restarts the processes; the addresses of those that died are in it.
        store = PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        distributed.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=SETUP)
        group = distributed.new_group(timeout=SILENCE)
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise RunError(f"the processes of this run do not reach each other: {reason}") from error
    assert isinstance(group, distributed.ProcessGroup)
    # Not left in order after an error: the end of this process tells the others, while torch would wait.
    yield Processes(rank, count, int(os.environ["LOCAL_RANK"]), group)
    distributed.destroy_process_group()
