"""Where freed feature maps go."""

import platform
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.freed_memory import TRIM_EVERY, keep_freed_memory, trim_freed_memory
from dilated_cifar.models import build

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told where they go")

MAP = 16 * 2**20
"""Bytes of a feature map."""


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    keep_freed_memory()
    yield
    trim_freed_memory()


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_the_maps_of_a_step_take_the_pages_of_the_last_one() -> None:
    network = build(CnnConfig(dilations=[1, 2, 5]), 10)
    images, labels = torch.zeros(64, 3, 32, 32), torch.zeros(64, dtype=torch.int64)
    maps = sum(x * (32 - y) ** 2 * 64 * 4 for x, y in ((32, 2), (64, 6), (128, 16)))
    for step in range(8):
        if step == 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        F.cross_entropy(network(images), labels).backward()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    # Of four steps; each fills the maps of three convolutions, norms and ReLUs, and their gradients.
    assert faults < maps / resource.getpagesize()


def test_what_was_kept_goes_back_when_it_is_trimmed() -> None:
    before = resident()
    maps = [torch.ones(MAP // 4), torch.ones(1000), torch.ones(MAP // 4), torch.ones(1000)]
    del maps[2], maps[0]
    assert resident() - before > 1.5 * MAP
    trim_freed_memory(TRIM_EVERY - 2)
    assert resident() - before > 1.5 * MAP
    trim_freed_memory(2 * TRIM_EVERY - 1)
    assert resident() - before < 0.5 * MAP
