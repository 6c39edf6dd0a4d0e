"""CIFAR-100's reader, on files of its published form made here: it cannot be downloaded in these tests."""

import hashlib
import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from torchvision.datasets import CIFAR100

from dilated_cifar.config.cifar100 import COARSE, FINE, Cifar100Config
from dilated_cifar.config.run import Config
from dilated_cifar.data.cifar100 import RELEASE, read
from dilated_cifar.data.release import Release
from dilated_cifar.errors import UserError

TRAIN, TEST = 400, 200


class Python2Pickler(pickle._Pickler):
    """Writes bytes as the strings of Python 2, in which the published files were pickled."""

    def save_string(self, text: bytes) -> None:
        short = len(text) < 256
        size = bytes([len(text)]) if short else struct.pack("<i", len(text))
        self.write((pickle.SHORT_BINSTRING if short else pickle.BINSTRING) + size + text)
        self.memoize(text)

    dispatch: ClassVar = {**pickle._Pickler.dispatch, bytes: save_string}


def pickled(content: dict[bytes, object]) -> bytes:
    written = io.BytesIO()
    Python2Pickler(written, protocol=2).dump(content)
    return written.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """The three files as the authors pickled them, with fewer images, and their checksums."""
    root = tmp_path_factory.mktemp("cifar100")
    folder = root / RELEASE.archive.folder
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, count in (("train", TRAIN), ("test", TEST)):
        fine = np.arange(count) % 100
        content = {
            b"filenames": [b"%d.png" % number for number in range(count)],
            b"batch_label": b"batch",
            b"fine_labels": fine.tolist(),
            b"coarse_labels": (fine // 5).tolist(),
            b"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8),
        }
        (folder / name).write_bytes(pickled(content))
    names = {b"fine_label_names": FINE, b"coarse_label_names": COARSE}
    (folder / "meta").write_bytes(
        pickled({key: [name.encode() for name in each] for key, each in names.items()})
    )
    files = {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in RELEASE.files}
    return root, replace(RELEASE, files=files)


def test_what_is_published_of_the_files() -> None:
    assert RELEASE.archive.name == "cifar-100-python.tar.gz" == Path(CIFAR100.url).name
    assert RELEASE.archive.md5 == CIFAR100.tgz_md5 == "eb9058c3a382ffc7106e4002c42a8d85"
    assert RELEASE.files == {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    }
    listed = [*CIFAR100.train_list, *CIFAR100.test_list, (CIFAR100.meta["filename"], CIFAR100.meta["md5"])]
    assert RELEASE.files == dict(listed)
    assert (len(set(FINE)), len(set(COARSE))) == (100, 20)


@pytest.mark.parametrize(("labels", "classes"), [("fine", 100), ("coarse", 20)])
def test_images_and_either_labels_are_read(made: tuple[Path, Release], labels: str, classes: int) -> None:
    root, release = made
    config = Cifar100Config(root=str(root), labels=labels, validation=100)
    splits, names = read(config, ("train", "validation", "test"), progress=False, release=release)
    assert len(names) == classes == config.classes
    images, found = splits["test"]
    with (root / RELEASE.archive.folder / "test").open("rb") as file:
        content = pickle.load(file, encoding="bytes")
    assert np.array_equal(images, content[b"data"].reshape(-1, 3, 32, 32))
    assert found.tolist() == content[f"{labels}_labels".encode()]
    assert np.bincount(splits["validation"][1]).tolist() == [100 // classes] * classes
    assert len(splits["train"][1]) == TRAIN - 100


@pytest.mark.parametrize("train", [True, False])
def test_torchvision_reads_the_same_from_the_same_files(made: tuple[Path, Release], train: bool) -> None:
    root, release = made
    split = "train" if train else "test"

    class Made(CIFAR100):
        """The same reader, which expects the checksums of the files made here."""

        train_list: ClassVar = [["train", release.files["train"]]]
        test_list: ClassVar = [["test", release.files["test"]]]
        meta: ClassVar = {**CIFAR100.meta, "md5": release.files["meta"]}

    theirs = Made(str(root), train=train)
    config = Cifar100Config(root=str(root), validation=0)
    splits, names = read(config, (split,), progress=False, release=release)
    images, labels = splits[split]
    assert np.array_equal(images.transpose(0, 2, 3, 1), theirs.data)
    assert (labels.tolist(), names) == (theirs.targets, theirs.classes)


def test_other_files_are_refused_before_they_are_unpickled(made: tuple[Path, Release]) -> None:
    root, _ = made
    with pytest.raises(UserError, match=r"train is damaged.*3 published files"):
        read(Cifar100Config(root=str(root)), ("test",), progress=False)


def test_without_the_files_one_line_says_what_to_write(tmp_path: Path) -> None:
    config = Cifar100Config(root=str(tmp_path), download=False)
    with pytest.raises(UserError, match=r"CIFAR-100 is not in .*cifar-100-python\.tar\.gz.*data=spacing"):
        read(config, ("test",), progress=False)


def test_the_choice_has_its_classes(make_config: Callable[..., Config]) -> None:
    assert make_config("data=cifar100").data.classes == 100
    assert make_config("data=cifar100", "data.labels=coarse").data.class_names == COARSE
    with pytest.raises(UserError, match=r"data\.labels=medium: expected one of fine, coarse"):
        make_config("data=cifar100", "data.labels=medium")
