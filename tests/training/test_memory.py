"""How much memory a run takes, in processes of their own."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peaks are read from /proc"),
]

ALLOWED = 700
"""MiB beyond `import torch`, of which 184 are CIFAR-10."""


def peak(pid: int | str) -> float:
    """The largest resident memory of a living process so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def peak_after_epochs(folder: Path, *overrides: str) -> list[float]:
    """Peaks of a run in MiB: before the first epoch ends, before the second..., and over all."""
    arguments = [f"output_dir={folder.parent}", f"name={folder.name}", "device=cpu", "threads=1"]
    command = [sys.executable, "train.py", *arguments, "progress=false", *overrides]
    curves = folder / "metrics.csv"
    peaks: list[float] = [0.0]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            epochs = len(curves.read_text().splitlines()) - 1 if curves.is_file() else 0
            peaks += [0.0] * (epochs + 1 - len(peaks))
            try:
                peaks[-1] = peak(process.pid)
            except (OSError, IndexError):  # it has just ended
                break
            time.sleep(0.05)
    assert process.returncode == 0
    return peaks


@pytest.mark.parametrize("model", ["dilated_125", "resnet"])
def test_a_run_on_cifar10_needs_little_more_than_torch_and_its_images(
    model: str, cifar10_root: Path, tmp_path: Path
) -> None:
    code = "import torch; print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    torch_alone = int(subprocess.check_output([sys.executable, "-c", code])) / 1024
    run = peak_after_epochs(tmp_path / model, f"model={model}", f"data.root={cifar10_root}", "epochs=1")
    assert run[-1] - torch_alone <= ALLOWED


def test_memory_does_not_grow_over_twenty_epochs(cifar10_root: Path, tmp_path: Path) -> None:
    small = ["data.train=640", "data.validation=500", "data.test=500", "data.train_subset=500"]
    often = ["epochs=20", "pictures=20"]
    peaks = peak_after_epochs(tmp_path / "run", f"data.root={cifar10_root}", *small, *often)
    assert len(peaks) == 21
    assert peaks[20] - peaks[3] <= 24
