"""The CIFAR data sets: find the files, verify them, read them into one array a split."""

import pickle
import warnings
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dilated_cifar.config.cifar import CifarConfig
from dilated_cifar.data.randomness import stratified_order
from dilated_cifar.data.release import Release, is_intact
from dilated_cifar.errors import UserError
from dilated_cifar.progress import Steps

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def read_release(
    release: Release, config: CifarConfig, wanted: Collection[str], *, progress: bool
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted ones of the splits train, validation and test; download the files if need be.

    Returns:
        For each wanted split its images `[N, 3, 32, 32]` and labels `[N]`, and the names of the classes.
        Training and validation share no image; all keep the order of the files.

    Raises:
        UserError: the files are missing and cannot be had, or one of them is damaged.
    """
    root, name = config.place, config.family
    splits: dict[str, Arrays] = {}
    with _faults_named(release, root):
        _make_complete(release, root, config, progress=progress)
        with Steps(shown=progress) as steps:
            steps.begin(f"reading {release.archive.title}")
            if "train" in wanted or "validation" in wanted:
                images, labels = _unpickle(release, root, release.train)
                order = stratified_order(labels, f"{name} validation", config.split_seed)
                last = None if config.train is None else config.validation + config.train
                chosen = {"validation": order[: config.validation], "train": order[config.validation : last]}
                # The training images come last: they take the place of all.
                for split, indices in chosen.items():
                    if split in wanted and len(indices):
                        kept = np.sort(indices)
                        own = _keep(images, kept) if split == "train" else images[kept]
                        splits[split] = (own, labels[kept])
            if "test" in wanted:
                images, labels = _unpickle(release, root, release.test)
                if config.test is not None:
                    order = stratified_order(labels, f"{name} test", config.split_seed)
                    kept = np.sort(order[: config.test])
                    images, labels = images[kept], labels[kept]
                splits["test"] = (images, labels)
    return splits, config.class_names


def _keep(images: NDArray[np.uint8], indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Shrink `images` to those at rising `indices`; a copy of them would be the peak of a run's memory."""
    for first in range(0, len(indices), 1000):
        part = indices[first : first + 1000]
        images[first : first + len(part)] = images[part]  # never from a place that was overwritten
    images.resize((len(indices), *images.shape[1:]), refcheck=False)
    return images


@contextmanager
def _faults_named(release: Release, root: Path) -> Iterator[None]:
    """Tell a folder that may not be read or written, or a full disk, in one line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: {error.strerror or error}; write data.root=FOLDER for a folder "
            f"that holds {release.archive.title} or can receive it"
        ) from error


def _make_complete(release: Release, root: Path, config: CifarConfig, *, progress: bool) -> None:
    """Verify the files, after they were unpacked or downloaded where there are none."""
    folder = root / release.archive.folder
    with Steps(shown=progress) as steps:
        steps.begin(f"verifying {release.archive.title}")
        complete = _complete(release, folder)
    if not complete:
        _refuse_damage(release, folder)
        # Only where it is needed: the client for downloads takes a while to import.
        from dilated_cifar.data.archive import obtain

        obtain(release.archive, root, config.addresses if config.download else [], progress=progress)
        if not _complete(release, folder):
            _refuse_damage(release, folder)
            raise UserError(
                f"{root}: {release.archive.title} vanished from it while it was read; run the command again"
            )


def _complete(release: Release, folder: Path) -> bool:
    """Whether every published file is there, with its MD5."""
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run
        return all(pool.map(lambda name: is_intact(folder / name, release.files[name]), release.files))


def _unpickle(release: Release, root: Path, names: list[str]) -> Arrays:
    """Read verified files one by one: torchvision's reader holds all of them twice."""
    parts: list[int] = []
    images = np.empty((0, 3, 32, 32), dtype=np.uint8)
    for name in names:
        with (root / release.archive.folder / name).open("rb") as file, warnings.catch_warnings():
            # the files were pickled by numpy 1, whose dtypes numpy 2.4 and later warn of
            warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
            content = pickle.load(file, encoding="bytes")
        pixels = content[b"data"].reshape(-1, 3, 32, 32)
        if not parts:
            images = np.empty((len(names) * len(pixels), 3, 32, 32), dtype=np.uint8)
        images[len(parts) :][: len(pixels)] = pixels
        parts += content[release.labels]
    return images, np.array(parts, dtype=np.int64)


def _refuse_damage(release: Release, folder: Path) -> None:
    """Name the first file that is missing or damaged, unless all are missing.

    Raises:
        UserError: what is wrong with which file, and what to do.
    """
    if not any((folder / name).exists() for name in release.files):
        return
    for name, md5 in release.files.items():
        path = folder / name
        if not is_intact(path, md5):
            fault = "damaged (its MD5 is not the published one)" if path.is_file() else "missing"
            raise UserError(
                f"{path} is {fault}; expected the {len(release.files)} published files; move {folder} away, "
                "and the next run unpacks or downloads them all"
            )
