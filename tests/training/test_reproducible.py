"""With deterministic=true two fresh processes end with the same bits, also on several threads."""

import subprocess
import sys
from pathlib import Path

import torch

from dilated_cifar.runs import checkpoint

ROOT = Path(__file__).resolve().parents[2]


def test_two_fresh_processes_end_with_the_same_weights(tiny: list[str], tmp_path: Path) -> None:
    # Maps large enough that torch divides them among the threads.
    arguments = [*tiny, "model.channels=[32,64,128]", "model.dropout=0.3", "augment=cutout", "epochs=1"]
    arguments += ["deterministic=true", "threads=2", f"output_dir={tmp_path}"]
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    started = [
        subprocess.Popen([*command, f"name={name}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for name in ("one", "two")
    ]
    for process in started:
        told, _ = process.communicate(timeout=240)
        assert process.returncode == 0, told
    one, two = (checkpoint.load(tmp_path / name / "checkpoints" / "last.pt") for name in ("one", "two"))
    for name, weights in one.model.items():
        assert torch.equal(weights, two.model[name]), name
    assert "(2 threads, fp32)" in (tmp_path / "one" / "train.log").read_text()
