"""How soon a training command takes its first step, beside a program that only imports torch."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import dilated_cifar
from dilated_cifar.benchmark.figures import Spread
from dilated_cifar.errors import RunError, one_line

FIRST_STEP = """
import os, sys
from dilated_cifar.cli.command import prepare_environment
from dilated_cifar.cli.train import main

prepare_environment()  # as the command does, but before the next line imports torch
from torch.optim.optimizer import register_optimizer_step_post_hook

register_optimizer_step_post_hook(lambda *_: os._exit(0))
main(sys.argv[1:])
sys.exit("no step was taken")
"""


def measure_start(overrides: Sequence[str], *, starts: int) -> dict[str, Spread]:
    """Seconds to `import torch` and to the first step of `train` with these overrides, in turn."""
    found: dict[str, list[float]] = {"import torch": [], "first step": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(starts):
            found["import torch"].append(seconds_of("import torch"))
            place = [f"output_dir={folder}", f"name=start{number}", "progress=false"]
            found["first step"].append(seconds_of(FIRST_STEP, *overrides, *place))
    return {name: Spread.of(values) for name, values in found.items()}


def seconds_of(program: str, *arguments: str) -> float:
    """How long a Python program takes.

    Raises:
        RunError: it failed.
    """
    above = str(Path(dilated_cifar.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [above, os.environ.get("PYTHONPATH")]))
    start = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    took = time.perf_counter() - start
    if ran.returncode:
        last = ran.stderr.strip().splitlines()[-1:] or ["without a message"]
        raise RunError(f"a command of the benchmark failed: {one_line(Exception(last[0]))}; write starts=0")
    return took
