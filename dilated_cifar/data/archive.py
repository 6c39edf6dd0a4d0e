"""Make the folder of a data set from its archive: one process at a time, whole or not at all."""

import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from dilated_cifar.data.download import DownloadError, Patience, download
from dilated_cifar.data.release import Archive, is_intact
from dilated_cifar.errors import UserError
from dilated_cifar.locks import held

MOST_ATTEMPTS = 100
"""At a folder that other processes remove meanwhile."""


def obtain(
    archive: Archive,
    root: Path,
    addresses: Sequence[str],
    *,
    progress: bool = True,
    patience: Patience | None = None,
) -> None:
    """Make `root / archive.folder` of an archive that lies in `root`, or else of one that is downloaded.

    Of several processes one does the work; the others wait for it. What is in `root` stays there, a cut
    download included, which the next call continues from any address.

    Args:
        archive: what to get.
        root: where it goes; made if need be.
        addresses: of the archive, asked in this order; none = unpack only.
        progress: show a bar.
        patience: with slow addresses.

    Raises:
        UserError: no address gave the file, or what lies in `root` is not it.
        OSError: `root` cannot be written, the disk is full.
    """
    path = root / archive.name
    if not addresses and not path.exists():
        raise _missing(archive, path, "data.download=false")
    with _alone(root, root / f".{archive.name}.lock", f"is preparing {archive.folder} in {root}"):
        if any((root / archive.folder / name).exists() for name in archive.files):
            return
        if not path.exists():
            try:
                download(archive, path, addresses, progress=progress, patience=patience or Patience())
            except DownloadError as error:
                raise _missing(archive, path, str(error)) from error
        elif not is_intact(path, archive.md5):
            raise UserError(
                f"{path} is damaged or another file: its MD5 is not {archive.md5}; move it away, "
                "and the next run downloads it"
            )
        _unpack(archive, path)


@contextmanager
def _alone(root: Path, lock: Path, waiting_for: str) -> Iterator[None]:
    """The lock in a folder that is made if need be; folders that were made in vain are removed again.

    Not always where several processes fail: one that waits for the lock may make the folder anew, which the
    next then finds and leaves, with the lock in it.
    """
    for attempt in count(1):
        made = [folder for folder in (root, *root.parents) if not folder.exists()]
        with ExitStack() as stack:
            try:
                root.mkdir(parents=True, exist_ok=True)
                stack.enter_context(held(lock, waiting_for))
            except FileNotFoundError:
                if attempt == MOST_ATTEMPTS:
                    raise  # no folder can be made there
                continue  # who had the lock has removed the folder that they had made
            try:
                yield
            finally:
                # While the lock is held, so that it is nobody else's.
                if made and list(root.iterdir()) == [lock]:
                    lock.unlink()
                for folder in made:
                    with suppress(OSError):  # it holds something
                        folder.rmdir()
            return


def _missing(archive: Archive, path: Path, reason: str) -> UserError:
    return UserError(
        f"{archive.title} is not in {path.parent} and was not downloaded ({reason}); write data.root=FOLDER "
        f"for a folder with {archive.folder} or {archive.name}, data.addresses=[URL] for a mirror, or "
        "data=spacing for images that need no download"
    )


def _unpack(archive: Archive, path: Path) -> None:
    """Unpack beside the archive and move the folder into place in one step, so that it is whole or absent.

    Raises:
        UserError: the archive is broken, or an entry of it would leave the folder.
    """
    work = Path(tempfile.mkdtemp(prefix=f".{archive.folder}.", dir=path.parent))
    try:
        with tarfile.open(path) as tar:
            tar.extractall(work, filter="data")
        unpacked = work / archive.folder
        absent = [name for name in archive.files if not (unpacked / name).is_file()]
        if absent:
            raise UserError(
                f"{path} holds no {archive.folder}/{absent[0]}; move it away, and the next run downloads it"
            )
        folder = path.parent / archive.folder
        if folder.exists():
            folder.rmdir()  # an empty one; another is not touched, the error names it
        unpacked.rename(folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} cannot be unpacked ({error}); move it away, and the next run downloads it"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
