"""Get an archive from the first address that has it, continue what was cut, unpack it safely.

torchvision's downloader knows one address and begins anew after every cut.
"""

import logging
import shutil
import tarfile
import tempfile
import time
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from filelock import FileLock, Timeout
from torchvision.datasets.utils import check_integrity
from tqdm import tqdm

from dilated_cifar.errors import UserError

log = logging.getLogger(__name__)

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 30.0  # seconds
CUTS = 5  # connections an address may lose before the next one is asked
CHUNK = 1 << 18  # bytes


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


@dataclass(frozen=True)
class Patience:
    """When an address counts as too slow, as long as others are left to ask."""

    seconds: float = 20.0
    """How long it may take to show its rate."""

    rate: float = 250_000.0
    """Bytes a second below which the next address is asked: 170 MB would take more than ten minutes."""


class _AddressError(Exception):
    """An address did not give the file; the message says why."""


class _SlowError(_AddressError):
    """An address would give the file, but another may be quicker."""


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
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f".{archive.name}.lock")
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        log.info("waiting for another process that is preparing %s in %s", archive.folder, root)
        lock.acquire()
    with lock:
        lock.release()  # the second acquisition of the `with`; the first is released at its end
        if (root / archive.folder).exists():
            return
        path = root / archive.name
        if not path.exists():
            _download(archive, path, addresses, progress=progress, patience=patience or Patience())
        elif not check_integrity(path, archive.md5):
            raise UserError(
                f"{path} is damaged or another file: its MD5 is not {archive.md5}; move it away, "
                "and the next run downloads it"
            )
        _unpack(archive, path)


def _download(
    archive: Archive, path: Path, addresses: Sequence[str], *, progress: bool, patience: Patience
) -> None:
    """Ask one address after the other; those that were only slow are asked again at the end."""
    partial = path.with_name(f"{path.name}.partial")
    queue = deque((address, patience.rate) for address in addresses)
    reason = "data.download=false" if not addresses else ""
    while queue:
        address, rate = queue.popleft()
        # With nobody else to ask there is no point in giving up on a slow address.
        limit = Patience(patience.seconds, rate if queue else 0.0)
        try:
            _fetch(archive, address, partial, progress=progress, patience=limit)
        except _AddressError as error:
            reason = f"{address}: {error}"
            log.warning("%s%s", reason, "; asking the next address" if queue else "")
            if isinstance(error, _SlowError):
                queue.append((address, 0.0))
        else:
            partial.rename(path)
            return
    raise UserError(
        f"CIFAR-10 is not in {path.parent} and was not downloaded ({reason}); write data.root=FOLDER for a "
        f"folder with {archive.folder} or {archive.name}, data.addresses=[URL] for a mirror, or data=spacing "
        "for images that need no download"
    )


def _fetch(archive: Archive, address: str, partial: Path, *, progress: bool, patience: Patience) -> None:
    """Complete the partial file from one address and verify it.

    Raises:
        _AddressError: this address did not give the file.
    """
    cuts = 0
    while True:
        began_at = _size(partial)
        try:
            if began_at < archive.size:
                _transfer(archive, address, partial, progress=progress, patience=patience)
        except requests.RequestException as error:
            cuts += 1
            if cuts >= CUTS or _size(partial) == began_at:
                raise _AddressError(_say_why(error)) from error
            log.info("%s: %s; continuing", address, _say_why(error))
            continue
        if check_integrity(partial, archive.md5):
            return
        partial.unlink()
        if began_at == 0:
            raise _AddressError(f"it gave another file; the MD5 is not {archive.md5}")
        # The wrong part may have come from elsewhere: this address may send the whole.


def _transfer(archive: Archive, address: str, partial: Path, *, progress: bool, patience: Patience) -> None:
    """Append to the partial file what one connection gives.

    Raises:
        requests.RequestException: the connection was refused, cut or silent for too long.
        _AddressError: the server has no such file, or another one.
    """
    have = _size(partial)
    headers = {"Accept-Encoding": "identity", "User-Agent": "dilated-cifar"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(
        address, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
    ) as response:
        if response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        ):
            mode = "ab"
        elif response.status_code == 200:
            mode, have = "wb", 0  # the server knows no ranges and sends all of it
        else:
            raise _AddressError(f"the server answered {response.status_code} {response.reason}")
        announced = response.headers.get("Content-Length")
        if announced is not None and have + int(announced) != archive.size:
            raise _AddressError(
                f"it has another file, of {have + int(announced):,} bytes, not {archive.size:,}"
            )
        started = time.monotonic()
        received = 0
        with (
            partial.open(mode) as file,
            tqdm(
                desc=archive.name,
                total=archive.size,
                initial=have,
                unit="B",
                unit_scale=True,
                disable=not progress,
            ) as bar,
        ):
            for block in response.iter_content(CHUNK):
                file.write(block)
                bar.update(len(block))
                received += len(block)
                seconds = time.monotonic() - started
                if seconds > patience.seconds and received < patience.rate * seconds:
                    raise _SlowError(f"{received / seconds / 1000:.0f} kB/s is slow")
                if have + received > archive.size:
                    break
    if have + received < archive.size:
        raise requests.ConnectionError(f"the connection was cut after {have + received:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _say_why(error: requests.RequestException) -> str:
    """Put in a few words what requests nests three exceptions deep."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text:
        return "no network, or no such host"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not accepted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "was cut" in text:
        return "the connection was cut"
    return "no connection" if isinstance(error, requests.ConnectionError) else text


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
        unpacked.rename(path.parent / archive.folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} cannot be unpacked ({error}); move it away, and the next run downloads it"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
