"""What glibc does with freed blocks, on which up to a quarter of a step's CPU time depends."""

import ctypes
import platform
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), from malloc.h: free bytes at the end of the heap from which they go back to the
kernel; size of a block from which it is mapped by itself, and goes back when it is freed."""
TRIM_EVERY = 16
"""Steps, or forward passes, after which freed memory goes back. Between them the maps of one take the blocks
of the last one and leave some over, since glibc wants room to align a block (its bug 14581): rarely enough to
cost little, often enough that these do not add up."""


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks: the next feature maps take them again without a page fault.

    Does nothing where libc is another one.
    """
    if (libc := glibc()) is not None:
        libc.mallopt(M_MMAP_THRESHOLD, 2**25)  # the most that it takes
        libc.mallopt(M_TRIM_THRESHOLD, 2**26)


def trim_freed_memory(number: int = TRIM_EVERY - 1) -> None:
    """Have glibc hand what is free back to the kernel, after the last of every TRIM_EVERY.

    Args:
        number: of the step or the forward pass, from 0.
    """
    if number % TRIM_EVERY == TRIM_EVERY - 1 and (libc := glibc()) is not None:
        libc.malloc_trim(0)


@cache
def glibc() -> ctypes.CDLL | None:
    """The C library of this process, where it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
