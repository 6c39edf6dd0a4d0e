"""What glibc does with freed blocks, on which a step of training on a CPU depends by a fifth of its time."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), from malloc.h: free bytes at the end of the heap from which they go back to the
kernel; size of a block from which it is mapped by itself, and goes back when it is freed."""


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks: the maps of the next step take them again without a page fault.

    Does nothing where libc is another one, as the next two.
    """
    set_thresholds(mapped_from=2**25, trimmed_from=2**26)  # the most that glibc takes by itself


def return_freed_memory() -> None:
    """Have glibc hand what is free, and from now on every freed feature map, back to the kernel."""
    set_thresholds(mapped_from=2**20, trimmed_from=2**17)
    trim_freed_memory()


def trim_freed_memory() -> None:
    """Have glibc hand what is free now back to the kernel."""
    if (libc := glibc()) is not None:
        libc.malloc_trim(0)


def set_thresholds(*, mapped_from: int, trimmed_from: int) -> None:
    """Set glibc's thresholds, in bytes."""
    if (libc := glibc()) is not None:
        libc.mallopt(M_MMAP_THRESHOLD, mapped_from)
        libc.mallopt(M_TRIM_THRESHOLD, trimmed_from)


@cache
def glibc() -> ctypes.CDLL | None:
    """The C library of this process, where it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Within it freed blocks are handed back to the kernel, before and after it they are kept.

    The maps of evaluation are of other sizes than those of a step: kept, the blocks of both would add up, and
    few would be taken again, for glibc wants room to align a block (its bug 14581).
    """
    return_freed_memory()
    try:
        yield
    finally:
        keep_freed_memory()
