"""A data set as it is published: its archive, its files and their checksums."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """A published archive and what is in it."""

    name: str
    """Of the file."""

    md5: str
    size: int
    """In bytes."""

    folder: str
    """The one that it unpacks."""

    files: list[str]
    """In that folder."""

    title: str = "the data set"
    """What it is called in a message."""


@dataclass(frozen=True)
class Release:
    """Pickled batches of images."""

    archive: Archive
    files: dict[str, str]
    """The MD5 of each file."""
    train: list[str]
    """The files of the training images, in their order."""
    test: list[str]
    labels: bytes
    """The key of the labels in a file."""


def is_intact(path: Path, md5: str) -> bool:
    """Whether there is such a file, and its MD5 is the published one."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        # It finds damage and protects from nobody: so it may be had where MD5 is forbidden otherwise.
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest() == md5
