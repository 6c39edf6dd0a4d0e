"""Pictures in folders of one's own: read, divided, cached, measured; wrong folders are told."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dilated_cifar.cli import evaluate, localize, train
from dilated_cifar.config.folder import FolderConfig
from dilated_cifar.data.decoded import cache
from dilated_cifar.data.folder import divide, measure
from dilated_cifar.data.splits import load, settled
from dilated_cifar.errors import UserError

COLOURS = {"blue": (20, 20, 220), "red": (220, 20, 20)}
Paint = Callable[..., Path]


@pytest.fixture
def paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paint:
    """Make pictures of several sizes: `train=10` for so many of each class in that split."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DILATED_CIFAR_CACHE", str(tmp_path / "cache"))

    def make(**counts: int) -> Path:
        rng = np.random.default_rng(0)
        for split, count in counts.items():
            for name, colour in COLOURS.items():
                folder = tmp_path / "photos" / split / name
                folder.mkdir(parents=True)
                for number in range(count):
                    height, width = rng.integers(8, 40, 2)
                    pixels = np.full((height, width, 3), colour, np.uint8)
                    Image.fromarray(pixels).save(folder / f"{number:02}.png")
        return tmp_path / "photos"

    return make


def config(root: Path, **keys: object) -> FolderConfig:
    return FolderConfig(**{"root": str(root), "size": 8, **keys})  # type: ignore[arg-type]


def complete(root: Path, **keys: object) -> FolderConfig:
    found = settled(config(root, **keys), progress=False)
    assert isinstance(found, FolderConfig)
    return found


def test_pictures_of_any_size_become_squares_of_their_class(paint: Paint) -> None:
    found = complete(paint(train=10, validation=2, test=3))
    splits = load(found, progress=False)
    assert splits.class_names == ["blue", "red"]
    assert splits.validation is not None
    assert [len(each) for each in (splits.train, splits.validation, splits.test)] == [20, 4, 6]
    assert splits.train.images.shape == (20, 3, 8, 8)
    for image, label in zip(splits.test.images, splits.test.labels, strict=True):
        colour = list(COLOURS.values())[int(label)]
        assert (image == image.new_tensor(colour).view(3, 1, 1)).all()


def test_means_and_deviations_are_those_of_the_training_split(paint: Paint) -> None:
    found = complete(paint(train=20, test=1), channels=1)
    images = load(found, progress=False).train.images.float() / 255
    assert found.mean == pytest.approx([images.mean().item()], abs=1e-4)
    assert found.std == pytest.approx([images.std(correction=0).item()], abs=1e-4)
    assert complete(Path("photos"), mean=[0.5, 0.5, 0.5]).mean == [0.5, 0.5, 0.5]


@given(st.lists(st.integers(0, 255), min_size=4, max_size=40))
def test_measured_colours_are_numpys(levels: list[int]) -> None:
    images = np.array(levels, np.uint8).reshape(1, 1, 1, -1)
    (mean,), (std,) = measure(images)
    assert mean == pytest.approx((images / 255).mean(), abs=6e-5)
    assert std == pytest.approx((images / 255).std(), abs=6e-5)


@given(
    st.integers(4, 60),
    st.one_of(st.just(-1), st.integers(0, 20)),
    st.one_of(st.none(), st.integers(1, 20)),
    st.integers(0, 3),
)
def test_no_picture_is_in_two_splits(count: int, validation: int, test: int | None, seed: int) -> None:
    labels = np.arange(count) % 3
    wanted = FolderConfig(root="x", validation=validation, test=test, split_seed=seed)
    try:
        sources = divide(wanted, {"train": labels})
    except UserError as error:
        assert "would be held out" in str(error)  # noqa: PT017
        return
    taken = [number for each in sources.values() if each.numbers is not None for number in each.numbers]
    assert sorted(taken) == list(range(count))
    assert all(each.count == len(each.numbers) for each in sources.values() if each.numbers is not None)


def test_pictures_are_decoded_once_and_a_damaged_cache_again(paint: Paint) -> None:
    found = complete(paint(train=6, test=2))
    (folder,) = cache().glob("pictures-*")
    array, before = folder / "train.npy", (folder / "train.npy").stat().st_mtime_ns
    whole = array.read_bytes()
    load(found, progress=False)
    assert array.stat().st_mtime_ns == before
    array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    load(found, progress=False)
    assert array.read_bytes() == whole


def test_a_moved_folder_is_the_same_and_other_pictures_are_not(paint: Paint) -> None:
    root = paint(train=6, test=2)
    found = complete(root)
    moved = root.rename("moved")
    assert len(load(found.at(str(moved), download=True), progress=False).test) == 4
    assert complete(moved).contents == found.contents
    Image.new("RGB", (9, 9)).save(moved / "test" / "red" / "00.png")
    with pytest.raises(UserError, match="holds other pictures than those of this run"):
        load(found.at(str(moved), download=True), progress=False)


def test_a_list_names_the_pictures_of_a_folder(paint: Paint) -> None:
    root = paint(train=6, test=2)
    rows = [
        f"{path.relative_to(root)},{path.parent.name},{path.parts[-3]}"
        for path in sorted(root.rglob("*.png"), reverse=True)
    ]
    (root / "list.csv").write_text("\n".join(["path,class,split", *rows]))
    listed, found = complete(root / "list.csv"), complete(root)
    assert (listed.names, listed.train, listed.test, listed.mean) == (
        found.names,
        found.train,
        found.test,
        found.mean,
    )


def broken(root: Path, fault: str) -> str | None:
    """Break a folder; returns what else to write as data.root."""
    red = root / "train" / "red"
    if fault == "one class":
        for path in red.iterdir():
            path.unlink()
        red.rmdir()
    elif fault == "empty class":
        for path in red.iterdir():
            path.unlink()
    elif fault == "no train":
        (root / "train").rename(root / "training")
    elif fault == "unreadable":
        (red / "00.png").write_text("no picture")
        (red / "01.png").write_bytes((red / "02.png").read_bytes()[:40])
        (red / "notes.txt").write_text("not a picture either")
    elif fault == "other classes":
        (root / "test" / "red").rename(root / "test" / "pink")
    elif fault == "loose":
        (red / "00.png").rename(root / "train" / "00.png")
    elif fault == "two names":
        for name in ("val", "valid"):
            (root / name).mkdir()
    else:
        (root / "list.csv").write_text(fault)
        return str(root / "list.csv")
    return None


FAULTS = {
    "one class": ["train: only the class blue; expected a folder for each of two"],
    "empty class": ["train: no picture of red"],
    "no train": ["holds no train; expected train/CLASS/PICTURE"],
    "unreadable": ["3 of 17 pictures cannot be read", "red/00.png", "red/01.png", "red/notes.txt"],
    "other classes": ["test has the class pink, which train lacks"],
    "loose": ["train/00.png lies in no class"],
    "two names": ["holds val and valid, which mean the same split"],
    "path\nx.png\n": ["line 2: expected the columns path, class"],
    "path,class\nx.png,a\nx.png,b\n": ["line 3: x.png stands there twice"],
    "path,class,split\nx.png,a,dev\n": ["line 2: split dev; expected one of train, validation, test"],
    "path,class\nx.png,a\ny.png,b\n": ["2 of 2 pictures cannot be read", "x.png"],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_folders_that_are_not_as_expected_are_told_in_one_line(paint: Paint, fault: str) -> None:
    root = paint(train=6, test=2)
    typed = broken(root, fault) or str(root)
    with pytest.raises(UserError) as refused:
        complete(Path(typed))
    (line,) = str(refused.value).splitlines()
    for part in (f"data.root={typed}", *FAULTS[fault]):
        assert part in line
    assert not list(Path("cache").glob("pictures-*"))


def test_a_refused_folder_leaves_no_run(paint: Paint, capsys: pytest.CaptureFixture[str]) -> None:
    root = paint(train=6, test=2)
    broken(root, "unreadable")
    assert train.main(["data=folder", f"data.root={root}", "progress=false"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "3 of 17 pictures cannot be read" in line
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        ({"root": None}, "data.root=null: expected a folder with train/CLASS/PICTURE"),
        ({"root": "nowhere"}, "data.root=nowhere: no such folder"),
        ({"size": 4}, "data.size=4: expected 8 to 512 pixels"),
        ({"channels": 2}, "data.channels=2: expected 3"),
        ({"test": 3}, "data.test=3: expected the 4 pictures of the folder test"),
        ({"validation": 12}, "12 of the 12 training pictures would be held out"),
        ({"train": 12}, "data.train=12: expected at most the 11"),
    ],
)
def test_keys_that_do_not_fit_the_pictures_are_told(paint: Paint, keys: dict[str, object], part: str) -> None:
    root = paint(train=6, test=2)
    with pytest.raises(UserError) as refused:
        settled(FolderConfig(**{"root": str(root), **keys}), progress=False)  # type: ignore[arg-type]
    assert part in str(refused.value)


def test_a_batch_larger_than_the_pictures_is_told(paint: Paint, capsys: pytest.CaptureFixture[str]) -> None:
    root = paint(train=6, test=2)
    assert train.main(["data=folder", f"data.root={root}", "batch_size=99", "progress=false"]) == 2
    assert "batch_size=99: expected at most the 11 images" in capsys.readouterr().err


def test_a_grey_network_is_trained_continued_evaluated_and_localized(
    paint: Paint, capsys: pytest.CaptureFixture[str]
) -> None:
    root = paint(train=12, test=3)
    small = ["model.channels=[4,4]", "model.dilations=[1,2]", "model.padding=same", "schedule=constant"]
    run = ["data=folder", f"data.root={root}", "data.size=16", "data.channels=1", *small, "batch_size=8"]
    run += ["epochs=1", "threads=1", "progress=false", "pictures=0", "name=one"]
    assert train.main(run) == 0
    assert train.main([*run, "epochs=2"]) == 0
    summary = json.loads(Path("outputs/one/summary.json").read_text())
    assert (summary["class_names"], summary["last"]["epoch"]) == (["blue", "red"], 2)
    assert evaluate.main(["outputs/one", f"images={root}/test/red", "threads=1"]) == 0
    assert localize.main(["outputs/one", "scenes=4", "tuning=4", "shown=1", "threads=1"]) == 0
    assert "32x32 pixels" in " ".join(capsys.readouterr().out.split())
