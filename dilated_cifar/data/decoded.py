"""Pictures decoded once: arrays in a cache, mapped into memory, verified whenever they are read.

The cache is `$DILATED_CIFAR_CACHE`, else `$XDG_CACHE_HOME/dilated-cifar`, else `~/.cache/dilated-cifar`. In
it every set of pictures and size has a folder, named by a checksum of the pictures; it may be removed at any
time.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dilated_cifar.data.listing import Listing
from dilated_cifar.data.pictures import fit_to, read_pixels
from dilated_cifar.errors import UserError
from dilated_cifar.locks import held

logger = logging.getLogger(__name__)

VERSION = 1
"""Of how pictures are decoded; another one has other arrays."""
SUMS = "sums.json"
MOST_NAMED = 10
"""Unreadable pictures that are named in a message."""
CHUNK = 256  # pictures given to the threads at once


@dataclass(frozen=True)
class Decoded:
    """The pictures of each split."""

    key: str
    """A checksum of their names, classes and bytes."""
    images: dict[str, NDArray[np.uint8]]
    """`[N, C, S, S]`, mapped from the cache."""
    labels: dict[str, NDArray[np.int64]]
    """`[N]`."""


def decoded(listing: Listing, channels: int, size: int, *, progress: bool = True) -> Decoded:
    """The pictures of a listing, cut to squares and scaled: from the cache, or decoded into it.

    Of several processes one decodes; the others wait for it.

    Raises:
        UserError: some pictures cannot be read (they are named), or the cache cannot be written.
    """
    key = contents_key(listing, progress=progress)
    labels = {
        split: np.array([label for _, label in pictures], dtype=np.int64)
        for split, pictures in listing.pictures.items()
    }
    folder = cache() / f"pictures-{key[:32]}-{channels}x{size}-v{VERSION}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with held(folder.with_name(f".{folder.name}.lock"), f"decodes the pictures of {listing.root}"):
            if not is_whole(folder):
                shutil.rmtree(folder, ignore_errors=True)
                _decode(listing, channels, size, folder, progress=progress)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: {error.strerror or error}; make room, or name another cache for "
            "decoded pictures with DILATED_CIFAR_CACHE=FOLDER"
        ) from error
    # Copied on write, page by page: torch wants arrays that could be written.
    images = {split: np.load(folder / f"{split}.npy", mmap_mode="c") for split in listing.pictures}
    return Decoded(key, images, labels)


def cache() -> Path:
    """The folder of decoded pictures."""
    if own := os.environ.get("DILATED_CIFAR_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dilated-cifar"


def contents_key(listing: Listing, *, progress: bool) -> str:
    """A checksum of the names, classes and bytes of all pictures, wherever their folder lies."""
    whole = hashlib.sha256()
    entries = [(split, *each) for split, pictures in listing.pictures.items() for each in pictures]
    for split, path, label in tqdm(entries, "checking pictures", disable=None if progress else True):
        name = os.path.relpath(path, listing.root)
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            content = "unreadable"  # told with the others when they are decoded
        whole.update(json.dumps([split, listing.names[label], name, content]).encode())
    return whole.hexdigest()


def is_whole(folder: Path) -> bool:
    """Whether the arrays in a folder of the cache are as they were written."""
    if not (folder / SUMS).is_file():
        return False
    try:
        sums = json.loads((folder / SUMS).read_text(encoding="utf-8"))
        damaged = [name for name, known in sums.items() if checksum(folder / name) != known]
    except (OSError, ValueError, AttributeError):
        damaged = [SUMS]
    if damaged:
        logger.warning("%s: %s is damaged; the pictures are decoded again", folder, damaged[0])
    return not damaged


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _decode(listing: Listing, channels: int, size: int, folder: Path, *, progress: bool) -> None:
    """Decode all pictures beside the folder and move it into place, so that it is whole or absent."""
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    faults: list[str] = []
    count = sum(map(len, listing.pictures.values()))
    try:
        with tqdm(desc="decoding pictures", total=count, disable=None if progress else True) as bar:
            for split, pictures in listing.pictures.items():
                shape = (len(pictures), channels, size, size)
                array = np.lib.format.open_memmap(work / f"{split}.npy", "w+", np.dtype(np.uint8), shape)
                for first in range(0, len(pictures), CHUNK):
                    paths = [path for path, _ in pictures[first : first + CHUNK]]
                    faults += _decode_into(array[first : first + CHUNK], paths)
                    bar.update(len(paths))
                array.flush()
        if faults:
            more = f" and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
            raise UserError(
                f"{listing.told}: {len(faults)} of {count} pictures cannot be read: "
                f"{', '.join(faults[:MOST_NAMED])}{more}; replace or remove them"
            )
        sums = {path.name: checksum(path) for path in sorted(work.glob("*.npy"))}
        (work / SUMS).write_text(json.dumps(sums), encoding="utf-8")
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _decode_into(images: NDArray[np.uint8], paths: Sequence[Path]) -> list[str]:
    """Decode pictures into uint8 `[N, C, S, S]`, in threads; returns those that cannot be read."""
    channels, *size = images.shape[1:]

    def decode(number: int) -> str | None:
        try:
            pixels = read_pixels(paths[number], channels=channels)
        except UserError:
            return str(paths[number])
        images[number] = fit_to(pixels, (size[0], size[1])).numpy()
        return None

    with ThreadPoolExecutor() as threads:
        return [fault for fault in threads.map(decode, range(len(paths))) if fault is not None]
