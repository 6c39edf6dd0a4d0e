"""Checkpoint files as bytes: sealed with a checksum when they are written, verified when they are read."""

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

from dilated_cifar.errors import UserError

MARK = b"sha256:"
SEAL = len(MARK) + hashlib.sha256().digest_size * 2
END = 22
"""Bytes of a zip archive's end record; its last two are the length of the comment that follows it."""

ENTRY, MOST_ENTRIES = b"PK\1\2", 2**16
"""What begins an entry in the directory of a zip archive, and more entries than any network has tensors."""


class DamagedError(UserError):
    """A file that is missing, cut off or no longer as it was written."""


def sealed(archive: bytes) -> bytes:
    """A zip archive with the checksum of all its bytes as its comment, which zip readers pass over."""
    assert archive[-END:].startswith(b"PK\5\6")
    content = archive[:-2] + SEAL.to_bytes(2, "little") + MARK
    return content + hashlib.sha256(content).hexdigest().encode()


def read_verified(path: Path) -> bytes:
    """The bytes of a checkpoint that are those that were written.

    Files of releases before 0.2 carry no checksum of the whole: in them the zip's own checksums are compared.

    Raises:
        DamagedError: there is no such file, or a bit of it has changed.
    """
    if not path.is_file():  # a device could be read for ever
        raise DamagedError(
            f"{path}: no such file or folder; expected a run's, such as outputs/NAME, or a file with weights"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedError(f"{path}: cannot be read ({error.strerror})") from error
    whole, seal = content[:-SEAL] + MARK, content[-SEAL:]
    if seal == MARK + hashlib.sha256(whole).hexdigest().encode():
        return content
    if not intact_archive(content):
        raise DamagedError(
            f"{path}: damaged, truncated or not a checkpoint; expected one that training wrote"
        )
    return content


def intact_archive(content: bytes) -> bool:
    """Whether a zip archive without a seal agrees with its own checksums."""
    if has_too_many_entries(content):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Before the checksums: comparing them unpacks everything.
            unpacked = sum(entry.file_size for entry in archive.infolist())
            return not archive.comment and unpacked <= len(content) and archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        return False


def has_too_many_entries(content: bytes) -> bool:
    """Whether the directory of a zip archive would take long to read."""
    return content.count(ENTRY) > MOST_ENTRIES
