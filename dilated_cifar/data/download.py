"""Get an archive from the first address that has it, and continue what was cut.

torchvision's downloader knows one address and begins anew after every cut.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from dilated_cifar.data.release import Archive, is_intact

log = logging.getLogger(__name__)

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 30.0  # seconds
CUTS = 5  # connections an address may lose before the next one is asked
CHUNK = 1 << 18  # bytes


@dataclass(frozen=True)
class Patience:
    """When an address counts as too slow, as long as others are left to ask."""

    seconds: float = 20.0
    """How long it may take to show its rate."""

    rate: float = 250_000.0
    """Bytes a second below which the next address is asked: 170 MB would take more than ten minutes."""


class DownloadError(Exception):
    """No address gave the file; the message says why."""


class _AddressError(Exception):
    """An address did not give the file; the message says why."""


class _UnreachableError(_AddressError):
    """Nothing came from an address."""


class _ShortError(_AddressError):
    """The file of an address ends before what has come."""


class _SlowError(_AddressError):
    """An address would give the file, but another may be quicker."""


def download(
    archive: Archive, path: Path, addresses: Sequence[str], *, progress: bool, patience: Patience
) -> None:
    """Ask one address after the other; those that were only slow are asked again at the end.

    What has come lies beside `path`, with the ending .partial, and the next call continues it from any
    address: wherever the archive comes from, it is the same bytes.

    Args:
        archive: what to get.
        path: where it goes, once its MD5 is right.
        addresses: of the archive, asked in this order.
        progress: show a bar.
        patience: with slow addresses.

    Raises:
        DownloadError: no address gave the file; the message tells of the last.
        OSError: the file cannot be written, the disk is full.
    """
    partial = path.with_name(f"{path.name}.partial")
    queue = deque((address, patience.rate) for address in addresses)
    reason = ""
    while queue:
        address, rate = queue.popleft()
        # With nobody else to ask there is no point in giving up on a slow address.
        limit = Patience(patience.seconds, rate if queue else 0.0)
        try:
            _fetch(archive, address, partial, progress=progress, patience=limit)
        except _AddressError as error:
            reason = f"{address}: {error}"
            # Without a network no address is reached, and the one error at the end says all there is to say.
            level = logging.DEBUG if isinstance(error, _UnreachableError) or not queue else logging.WARNING
            log.log(level, "%s; asking the next address", reason)
            if isinstance(error, _SlowError):
                queue.append((address, 0.0))
        else:
            partial.rename(path)
            return
    raise DownloadError(
        reason if len(addresses) < 2 else f"none of {len(addresses)} addresses, the last {reason}"
    )


def _fetch(archive: Archive, address: str, partial: Path, *, progress: bool, patience: Patience) -> None:
    """Complete the partial file from one address and verify it.

    Raises:
        _AddressError: this address did not give the file.
    """
    cuts, whole = 0, _size(partial) == 0
    while True:
        began_at = _size(partial)
        try:
            if began_at < archive.size:
                _transfer(archive, address, partial, progress=progress, patience=patience)
        except requests.RequestException as error:
            cuts += 1
            if _size(partial) == began_at:
                raise _UnreachableError(_say_why(error)) from error
            if cuts >= CUTS:
                raise _AddressError(_say_why(error)) from error
            log.info("%s: %s; continuing", address, _say_why(error))
            continue
        except _ShortError:
            if whole:  # all of it came from here, and the next address must not continue it
                partial.unlink()
            raise
        if is_intact(partial, archive.md5):
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
    timeouts = (CONNECT_TIMEOUT, READ_TIMEOUT)
    with requests.get(address, headers=headers, stream=True, timeout=timeouts) as response:
        continued = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status_code == 200:
            have = 0  # the server knows no ranges and sends all of it
        elif response.status_code == 416:
            raise _ShortError(f"it has another file, which ends before byte {have:,}")
        elif response.status_code != 206 or not continued:
            raise _AddressError(f"the server answered {response.status_code} {response.reason}")
        announced = response.headers.get("Content-Length")
        if announced is not None and have + int(announced) != archive.size:
            raise _AddressError(
                f"it has another file, of {have + int(announced):,} bytes, not {archive.size:,}"
            )
        with partial.open("ab" if have else "wb") as file:
            received = _copy(response, file, archive, have, progress=progress, patience=patience)
    if have + received < archive.size:
        raise requests.ConnectionError(f"the connection was cut after {have + received:,} bytes")


def _copy(
    response: requests.Response,
    file: BinaryIO,
    archive: Archive,
    have: int,
    *,
    progress: bool,
    patience: Patience,
) -> int:
    """Write what a response sends, and say how many bytes that was."""
    started = time.monotonic()
    received = 0
    with tqdm(
        desc=f"{archive.name} from {urlsplit(response.url).hostname}",
        total=archive.size,
        initial=have,
        unit="B",
        unit_scale=True,
        disable=not progress,
        mininterval=0.1 if sys.stderr.isatty() else 15.0,  # seconds; a log file wants few lines
    ) as bar:
        # The raw stream, because some servers call the .gz an encoding and requests would then undo it. It
        # gives what has come so far, so that little is lost when the connection is cut.
        while have + received <= archive.size:
            try:
                block = response.raw.read1(CHUNK)
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError("the connection was cut") from error
            if not block:
                break
            file.write(block)
            bar.update(len(block))
            received += len(block)
            seconds = time.monotonic() - started
            if seconds > patience.seconds and received < patience.rate * seconds:
                raise _SlowError(f"{received / seconds / 1000:.0f} kB/s is slow")
    return received


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
