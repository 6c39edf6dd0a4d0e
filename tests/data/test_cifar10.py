"""Facts about the real files; the tests that damage them work on a copy made of links."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from dilated_cifar.config.cifar10 import CLASSES, Cifar10Config
from dilated_cifar.data.cifar10 import ARCHIVE, FILES, read
from dilated_cifar.errors import UserError


@pytest.fixture(scope="module")
def everything(cifar10_root: Path) -> tuple[np.ndarray, np.ndarray]:
    splits, _ = read(Cifar10Config(root=str(cifar10_root), validation=0), ("train",))
    return splits["train"]


@pytest.fixture
def copy(cifar10_root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / ARCHIVE.folder
    folder.mkdir()
    for name in FILES:
        (folder / name).symlink_to((cifar10_root / ARCHIVE.folder / name).resolve())
    return tmp_path


def hashes(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_the_class_names_are_in_the_order_of_the_labels(cifar10_root: Path) -> None:
    meta = pickle.loads((cifar10_root / ARCHIVE.folder / "batches.meta").read_bytes(), encoding="latin1")
    assert meta["label_names"] == CLASSES


def test_every_class_has_5000_training_and_1000_test_images(
    cifar10_root: Path, everything: tuple[np.ndarray, np.ndarray]
) -> None:
    splits, names = read(Cifar10Config(root=str(cifar10_root)), ("test",))
    assert np.bincount(everything[1]).tolist() == [5000] * 10
    assert np.bincount(splits["test"][1]).tolist() == [1000] * 10
    assert names == CLASSES
    assert list(splits) == ["test"]


def test_images_are_planes_of_red_green_and_blue(everything: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = everything
    assert images.shape == (50_000, 3, 32, 32)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    # the first image of the set, a frog; its published first pixel
    assert images[0, :, 0, 0].tolist() == [59, 62, 63]
    assert CLASSES[labels[0]] == "frog"


def test_the_normalisation_constants_are_the_training_sets(everything: tuple[np.ndarray, np.ndarray]) -> None:
    images, config = everything[0], Cifar10Config()
    levels = np.arange(256) / 255
    for colour in range(3):
        counts = torch.from_numpy(images[:, colour]).flatten().bincount(minlength=256).numpy()
        mean = np.average(levels, weights=counts)
        std = np.sqrt(np.average((levels - mean) ** 2, weights=counts))
        assert mean == pytest.approx(config.mean[colour], abs=6e-5)
        assert std == pytest.approx(config.std[colour], abs=6e-5)


def test_training_and_validation_divide_the_set_class_by_class(
    cifar10_root: Path, everything: tuple[np.ndarray, np.ndarray]
) -> None:
    splits, _ = read(Cifar10Config(root=str(cifar10_root)), ("train", "validation"))
    (train, train_labels), (validation, validation_labels) = splits["train"], splits["validation"]
    assert np.bincount(train_labels).tolist() == [4500] * 10
    assert np.bincount(validation_labels).tolist() == [500] * 10
    # CIFAR-10 holds no image twice within its training set
    assert not hashes(train) & hashes(validation)
    assert hashes(train) | hashes(validation) == hashes(everything[0])


def test_the_split_depends_on_its_own_seed_alone(cifar10_root: Path) -> None:
    def validation(**choice: int) -> np.ndarray:
        return read(Cifar10Config(root=str(cifar10_root), **choice), ("validation",))[0]["validation"][0]

    assert np.array_equal(validation(), validation(train=100))
    assert not np.array_equal(validation(), validation(split_seed=1))


def test_fewer_images_are_a_stratified_choice(cifar10_root: Path) -> None:
    config = Cifar10Config(root=str(cifar10_root), train=200, test=50, validation=30)
    splits, _ = read(config, ("train", "validation", "test"))
    counts = {name: np.bincount(labels).tolist() for name, (_, labels) in splits.items()}
    assert counts == {"train": [20] * 10, "validation": [3] * 10, "test": [5] * 10}
    assert not hashes(splits["train"][0]) & hashes(splits["validation"][0])


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
@pytest.mark.parametrize("kind", ["missing", "damaged"])
def test_a_bad_file_is_named_with_what_to_do(copy: Path, name: str, kind: str) -> None:
    path = copy / ARCHIVE.folder / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if kind == "damaged":
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"{re.escape(str(path))} is {kind}.*move .* away") as error:
        read(Cifar10Config(root=str(copy)), ("train",))
    assert "\n" not in str(error.value)
    assert path.exists() == (kind == "damaged")


def test_a_file_with_another_md5_is_never_unpickled(copy: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    path = copy / ARCHIVE.folder / "data_batch_1"
    path.unlink()
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match="is damaged"):
        read(Cifar10Config(root=str(copy)), ("train", "test"))
    assert not (tmp_path / "sprung").exists()


def test_missing_files_are_refused_in_one_line_where_nothing_may_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.root=.*data\.addresses=.*data=spacing") as error:
        read(Cifar10Config(root=str(tmp_path / "absent"), download=False), ("test",))
    assert "\n" not in str(error.value)


def test_a_root_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file.*write data\.root=FOLDER"):
        read(Cifar10Config(root=str(tmp_path / "file" / "below")), ("test",))


def test_the_root_is_the_key_then_the_environment_then_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    assert Cifar10Config(root="elsewhere").place == Path("elsewhere")
    assert Cifar10Config().place == tmp_path
    monkeypatch.delenv("CIFAR10_ROOT")
    assert Cifar10Config().place == Path("data")


def test_the_folder_of_the_batches_itself_will_do(copy: Path) -> None:
    assert Cifar10Config(root=str(copy / ARCHIVE.folder)).place == copy


def test_an_archive_in_the_root_is_recognised_by_its_md5(tmp_path: Path) -> None:
    (tmp_path / ARCHIVE.name).write_bytes(b"not it")
    with pytest.raises(UserError, match=ARCHIVE.md5):
        read(Cifar10Config(root=str(tmp_path), download=False), ("test",))
    assert (tmp_path / ARCHIVE.name).read_bytes() == b"not it"
