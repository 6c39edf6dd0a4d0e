"""What a run loads before its first step, in a process of its own."""

import subprocess
import sys
from pathlib import Path

FIRST_STEP = """
import os, sys
from torch.optim.optimizer import register_optimizer_step_post_hook
from dilated_cifar.cli.train import main

SLOW = {"matplotlib", "requests", "scipy", "sympy", "torch._dynamo", "torchmetrics", "torchvision"}


def look(*_):
    print("loaded:", *sorted(SLOW & sys.modules.keys()))
    sys.stdout.flush()
    os._exit(0)


register_optimizer_step_post_hook(look)
main(sys.argv[1:])
"""


def test_the_first_step_waits_for_no_library_that_it_does_not_use(tiny: list[str], tmp_path: Path) -> None:
    arguments = [*tiny, "pictures=10", f"output_dir={tmp_path}"]
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_STEP, *arguments], capture_output=True, text=True, check=False
    )
    assert ran.stdout.splitlines()[-1:] == ["loaded:"], ran.stderr
