"""Where freed feature maps go, in processes of their own: the heap of another one holds what came before."""

import json
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told where they go")

STEPS = """
import json, resource, sys
import torch
from torch.nn import functional as F
from dilated_cifar.config.model import CnnConfig
from dilated_cifar.freed_memory import keep_freed_memory
from dilated_cifar.models import build

torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_freed_memory()
network = build(CnnConfig(dilations=[1, 2, 5]), 10)
images, labels = torch.zeros(64, 3, 32, 32), torch.zeros(64, dtype=torch.int64)
for step in range(8):
    if step == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    F.cross_entropy(network(images), labels).backward()
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""
"""Prints how many pages four steps of training are given."""

MAPS = """
import json, resource
import torch
from dilated_cifar.freed_memory import TRIM_EVERY, keep_freed_memory, trim_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20

keep_freed_memory()
before, found = resident(), []
maps = [torch.ones(2**22), torch.ones(1000), torch.ones(2**22), torch.ones(1000)]
del maps[2], maps[0]
found.append(resident() - before)
trim_freed_memory(TRIM_EVERY - 2)
found.append(resident() - before)
trim_freed_memory(2 * TRIM_EVERY - 1)
found.append(resident() - before)
print(json.dumps(found))
"""
"""Prints how many MiB two freed maps of 16 MiB hold: at once, and after trims that are not due and due."""


def printed(code: str, *arguments: str) -> float | list[float]:
    """What a program prints as JSON."""
    found: float | list[float] = json.loads(
        subprocess.check_output([sys.executable, "-c", code, *arguments], text=True)
    )
    return found


def test_the_maps_of_a_step_take_the_pages_of_the_last_one() -> None:
    kept, usual = printed(STEPS, "kept"), printed(STEPS, "usual")
    assert isinstance(kept, int)
    assert isinstance(usual, int)
    assert kept < usual / 2


def test_what_was_kept_goes_back_when_a_trim_is_due() -> None:
    found = printed(MAPS)
    assert isinstance(found, list)
    freed, not_due, trimmed = found
    assert freed > 24
    assert not_due > 24
    assert trimmed < 8
