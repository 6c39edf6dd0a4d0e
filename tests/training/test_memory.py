"""How much memory a run takes, in processes of their own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peaks are read from /proc"),
]

ALLOWED = 700
"""MiB of a run beyond `import torch`."""

CIFAR10 = 60_000 * 3 * 32 * 32 / 2**20
"""MiB of them that are images."""


@pytest.fixture(scope="module")
def torch_alone() -> float:
    """The peak of a process that imports torch, in MiB."""
    code = "import torch; print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    return int(subprocess.check_output([sys.executable, "-c", code])) / 1024


@contextmanager
def started(folder: Path, *overrides: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run on the CPU, ended with the context."""
    arguments = [f"output_dir={folder.parent}", f"name={folder.name}", "device=cpu", "threads=1"]
    command = [sys.executable, "train.py", *arguments, "progress=false", *overrides]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def peaks(process: subprocess.Popen[bytes]) -> Iterator[float]:
    """The largest memory of the process so far, in MiB, again and again until it ends."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        if found := status.read_text().partition("VmHWM:")[2]:  # none where it is just ending
            yield int(found.split()[0]) / 1024
        time.sleep(0.05)


@pytest.mark.parametrize("model", ["dilated_125", "plain", "resnet"])
def test_training_on_cifar10_needs_little_more_than_torch_and_the_images(
    torch_alone: float, cifar10_root: Path, tmp_path: Path, model: str
) -> None:
    last = tmp_path / "run" / "checkpoints" / "last.pt"
    saved: set[float] = set()
    largest = 0.0
    with started(last.parents[1], f"model={model}", f"data.root={cifar10_root}", "save_minutes=1") as process:
        for peak in peaks(process):
            largest = peak
            if last.is_file():
                saved.add(last.stat().st_mtime)
            if len(saved) == 2:  # before the first step, and after a minute
                break
    assert len(saved) == 2
    assert largest - torch_alone <= ALLOWED


def test_memory_does_not_grow_over_twenty_epochs(
    torch_alone: float, cifar10_root: Path, tmp_path: Path
) -> None:
    few = ["data.train=256", "data.validation=200", "data.test=200", "data.train_subset=200"]
    curves = tmp_path / "run" / "metrics.csv"
    after = {}
    with started(curves.parent, f"data.root={cifar10_root}", *few, "epochs=20", "pictures=20") as process:
        for peak in peaks(process):
            after[len(curves.read_text().splitlines()) - 1 if curves.is_file() else 0] = peak
    assert process.returncode == 0
    assert after[20] - after[3] <= 24
    assert after[20] - torch_alone <= ALLOWED - CIFAR10
