"""How the project's speed grows with batch size, width, image size and threads."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from dilated_cifar.benchmark.figures import Spread
from dilated_cifar.benchmark.images import random_images, with_side
from dilated_cifar.benchmark.measure import rate
from dilated_cifar.benchmark.ways import project_steps
from dilated_cifar.config.benchmark import BenchmarkConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.splits import Split
from dilated_cifar.device import Machine
from dilated_cifar.progress import Steps
from dilated_cifar.training.state import new_state

QUARTERS, SIDES = (1, 2, 4, 8), (32, 48, 64)
"""Of the batch size; sides of images in pixels."""


def measure_growth(
    asked: BenchmarkConfig, widths: Mapping[int, Config], split: Split, machine: Machine, steps: Steps
) -> dict[str, dict[int, Spread]]:
    """The project's speed with the resnet, one thing changed at a time; large images in small batches."""
    base = widths[16]
    sizes = [max(1, quarters * base.batch_size // 4) for quarters in QUARTERS]
    cases: dict[str, dict[int, Config]] = {
        "batch size": {size: replace(base, batch_size=size) for size in sizes},
        "width": dict(widths),
        "image size": {side: with_side(replace(base, batch_size=sizes[0]), side) for side in SIDES},
    }
    threads = torch.get_num_threads()
    if machine.device.type == "cpu":
        powers = [2**power for power in range(threads.bit_length())]
        cases["threads"] = dict.fromkeys(sorted({*powers, threads}), base)
    found: dict[str, dict[int, Spread]] = {}
    for what, configs in cases.items():
        for value, config in configs.items():
            steps.begin(f"resnet: {what} {value}")
            torch.set_num_threads(value if what == "threads" else threads)
            images = random_images(value).to(machine.device) if what == "image size" else split
            found.setdefault(what, {})[value] = growth_rate(config, asked, images, machine)
    torch.set_num_threads(threads)
    return found


def growth_rate(config: Config, asked: BenchmarkConfig, split: Split, machine: Machine) -> Spread:
    """Images a second of the project's steps, over one round fewer than elsewhere."""
    assert asked.seconds is not None
    assert asked.rounds is not None
    trained = project_steps(new_state(config, config.data.class_names, machine), split, machine)
    rounds = max(1, asked.rounds - 1)  # there are many cases
    return Spread.of([rate(trained, machine, seconds=asked.seconds / 2, warm_up=1) for _ in range(rounds)])
