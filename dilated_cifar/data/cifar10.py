"""CIFAR-10: find the files, verify them, read them into one array a split."""

import os
import pickle
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from dilated_cifar.config.base import expanded
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.data.archive import obtain
from dilated_cifar.data.download import Archive
from dilated_cifar.data.randomness import stratified_order
from dilated_cifar.errors import UserError
from dilated_cifar.progress import Steps
from dilated_cifar.registry import data_set

FILES: dict[str, str] = {
    **dict(CIFAR10.train_list),
    **dict(CIFAR10.test_list),
    CIFAR10.meta["filename"]: CIFAR10.meta["md5"],
}
"""The MD5 of each file, as torchvision has them."""

ARCHIVE = Archive(
    name=CIFAR10.filename,
    md5=CIFAR10.tgz_md5,
    size=170_498_071,
    folder=CIFAR10.base_folder,
    files=list(FILES),
)

IMAGES_A_FILE = 10_000

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


@data_set(Cifar10Config)
def read(
    config: Cifar10Config, wanted: Collection[str], *, progress: bool = True
) -> tuple[dict[str, Arrays], list[str]]:
    """Read the wanted ones of the splits train, validation and test; download the files if need be.

    Returns:
        For each wanted split its images `[N, 3, 32, 32]` and labels `[N]`, and the names of the classes.
        Training and validation share no image; all keep the order of the files.

    Raises:
        UserError: the files are missing and cannot be had, or one of them is damaged.
    """
    root = find_root(config)
    folder = root / ARCHIVE.folder
    splits: dict[str, Arrays] = {}
    with _faults_named(root):
        _make_complete(root, config, progress=progress)
        with Steps(shown=progress) as steps:
            steps.begin("reading CIFAR-10")
            if "train" in wanted or "validation" in wanted:
                images, labels = _unpickle(folder, train=True)
                order = stratified_order(labels, "cifar10 validation", config.split_seed)
                last = None if config.train is None else config.validation + config.train
                chosen = {"validation": order[: config.validation], "train": order[config.validation : last]}
                # The training images come last: they take the place of all.
                for name, indices in chosen.items():
                    if name in wanted and len(indices):
                        kept = np.sort(indices)
                        own = _keep(images, kept) if name == "train" else images[kept]
                        splits[name] = (own, labels[kept])
            if "test" in wanted:
                images, labels = _unpickle(folder, train=False)
                if config.test is not None:
                    order = stratified_order(labels, "cifar10 test", config.split_seed)
                    kept = np.sort(order[: config.test])
                    images, labels = images[kept], labels[kept]
                splits["test"] = (images, labels)
    return splits, config.class_names


def find_root(config: Cifar10Config) -> Path:
    """Say in which folder the files are or belong: `data.root`, else `CIFAR10_ROOT`, else `./data`.

    The folder of the batches itself will do, too.
    """
    root = expanded(config.root or os.environ.get("CIFAR10_ROOT") or "data")
    return root.parent if (root / "batches.meta").is_file() else root


def _keep(images: NDArray[np.uint8], indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Shrink `images` to those at rising `indices`; a copy of them would be the peak of a run's memory."""
    for first in range(0, len(indices), 1000):
        part = indices[first : first + 1000]
        images[first : first + len(part)] = images[part]  # never from a place that was overwritten
    images.resize((len(indices), *images.shape[1:]), refcheck=False)
    return images


@contextmanager
def _faults_named(root: Path) -> Iterator[None]:
    """Tell a folder that may not be read or written, or a full disk, in one line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: {error.strerror or error}; write data.root=FOLDER for a folder "
            "that holds CIFAR-10 or can receive it"
        ) from error


def _make_complete(root: Path, config: Cifar10Config, *, progress: bool) -> None:
    """Verify the files, after they were unpacked or downloaded where there are none."""
    folder = root / ARCHIVE.folder
    with Steps(shown=progress) as steps:
        steps.begin("verifying CIFAR-10")
        complete = _complete(folder)
    if not complete:
        _refuse_damage(folder)
        obtain(ARCHIVE, root, config.addresses if config.download else [], progress=progress)
        if not _complete(folder):
            _refuse_damage(folder)
            raise UserError(f"{root}: CIFAR-10 vanished from it while it was read; run the command again")


def _complete(folder: Path) -> bool:
    """Whether every published file is there, with its MD5."""
    return all(check_integrity(folder / name, md5) for name, md5 in FILES.items())


def _unpickle(folder: Path, *, train: bool) -> Arrays:
    """Read verified files one by one: torchvision's reader holds all of them twice."""
    names = [name for name, _ in (CIFAR10.train_list if train else CIFAR10.test_list)]
    images = np.empty((len(names) * IMAGES_A_FILE, 3, 32, 32), dtype=np.uint8)
    labels: list[int] = []
    for name in names:
        with (folder / name).open("rb") as file, warnings.catch_warnings():
            # the files were pickled by numpy 1, whose dtypes numpy 2.4 and later warn of
            warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
            content = pickle.load(file, encoding="bytes")
        images[len(labels) :][:IMAGES_A_FILE] = content[b"data"].reshape(-1, 3, 32, 32)
        labels += content[b"labels"]
    return images, np.array(labels, dtype=np.int64)


def _refuse_damage(folder: Path) -> None:
    """Name the first file that is missing or damaged, unless all are missing.

    Raises:
        UserError: what is wrong with which file, and what to do.
    """
    if not any((folder / name).exists() for name in FILES):
        return
    for name, md5 in FILES.items():
        path = folder / name
        if not check_integrity(path, md5):
            fault = "damaged (its MD5 is not the published one)" if path.is_file() else "missing"
            raise UserError(
                f"{path} is {fault}; expected the {len(FILES)} published files; move {folder} away, "
                "and the next run unpacks or downloads them all"
            )
