"""Files that a kill at any instant leaves whole: the old one or the new one, never a part."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def write(path: Path, content: bytes, *, previous: Path | None = None) -> None:
    """Write `content` beside `path` and put it in its place in one step; a write that fails changes nothing.

    Args:
        path: The file.
        content: All of it.
        previous: Another name, which the file that is replaced keeps.

    Raises:
        OSError: the file cannot be written.
    """
    partial = partial_of(path)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.is_file():
            keep(path, previous)
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()  # on a full disk it is in the way
        raise
    sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 so that a reader never sees half of it."""
    write(path, text.encode())


def keep(path: Path, name: Path) -> None:
    """Give the file at `path` the other name as well, in place of what has it."""
    partial = partial_of(name)
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(path)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, partial)
    partial.replace(name)
    # Renaming one of two names of the same file does nothing.
    partial.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Have what was renamed in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def partial_of(path: Path) -> Path:
    """Where a file lies until it is whole."""
    return path.with_name(f".{path.name}.partial")


def remove_partial_files(folder: Path) -> None:
    """Remove what a process that was killed left of files below `folder`."""
    for partial in [*folder.glob(".*.partial"), *folder.glob("checkpoints/.*.partial")]:
        partial.unlink(missing_ok=True)
