"""What a run's figures depend on beside its configuration: versions, machine and code."""

import logging
import platform
import shlex
import socket
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

import dilated_cifar
from dilated_cifar.errors import UserError
from dilated_cifar.runs.reading import read_sessions
from dilated_cifar.runs.record import Session
from dilated_cifar.runs.writing import write_sessions

logger = logging.getLogger(__name__)


def add_session(
    folder: Path, epoch: int, step: int, device: str, processes: int, command: str | None
) -> None:
    """Add this start of a run to `sessions.json`; the arguments are those of `Session`.

    Args:
        folder: The run's.
        epoch: Completed epochs.
        step: Completed steps of the epoch under way.
        device: Where it computes.
        processes: How many train together.
        command: What was typed; None for what this process was called with.
    """
    try:
        sessions = read_sessions(folder)
    except UserError as error:
        logger.warning("%s; begun anew with this one", error)
        sessions = []
    commit, changed = code_state()
    session = Session(
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        epoch=epoch,
        step=step,
        command=command or shlex.join(sys.argv),
        host=socket.gethostname(),
        platform=platform.platform(),
        processor=processor(),
        device=device,
        threads=torch.get_num_threads(),
        processes=processes,
        versions={
            "python": platform.python_version(),
            "dilated-cifar": dilated_cifar.__version__,
            "torch": str(torch.__version__),
            **{name: version(name) for name in ("torchvision", "numpy")},
        },
        commit=commit,
        changed=changed,
    )
    write_sessions(folder, [*sessions, session])


def processor() -> str:
    """The processor's name, as Linux has it, or else Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@cache  # what this process runs is what lay there when it began
def code_state() -> tuple[str | None, bool]:
    """Commit of the checkout that the package lies in, and whether files differ from it; else None."""
    checkout = Path(dilated_cifar.__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        return None, False
    git = ["git", "-C", str(checkout)]
    try:
        commit, changes = (
            subprocess.run([*git, *arguments], capture_output=True, text=True, check=True, timeout=10).stdout
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None, False
    return commit.strip(), bool(changes)
