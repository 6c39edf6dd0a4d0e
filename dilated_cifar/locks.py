"""Locks between processes, on file systems that have them."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def lock_at(path: Path) -> FileLock:
    """A lock that the kernel frees when its process ends, however it ends."""
    # Never a lock that is the file itself: after a kill it would stay, and on another machine nobody could
    # tell whether its process still lives.
    return FileLock(path, timeout=0, fallback_to_soft=False)


def acquired(lock: FileLock) -> bool:
    """Take the lock if nobody else has it; where the file system has no locks, warn and go on without.

    Raises:
        OSError: the lock file cannot be made.
    """
    try:
        lock.acquire()
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        folder = Path(lock.lock_file).parent
        logger.warning(
            "%s: its file system has no locks (%s); make sure that no other process writes there",
            folder, error.strerror,
        )  # fmt: skip
    return True


@contextmanager
def held(path: Path, waiting_for: str) -> Iterator[None]:
    """The lock at `path`, after whoever has it; `waiting_for` says in the log what is waited for."""
    lock = lock_at(path)
    if not acquired(lock):
        logger.info("waiting for another process that %s", waiting_for)
        lock.acquire(timeout=-1)
    try:
        yield
    finally:
        lock.release()
