"""Run folders as training writes them, today and at release 0.1.0, and with one file damaged."""

import io
import json
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import LARGEST_FILE
from dilated_cifar.errors import UserError
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.folder import Found, opened
from dilated_cifar.runs.reading import (
    LARGEST_ARRAY,
    LARGEST_TEXT,
    read_config,
    read_curves,
    read_predictions,
    read_run,
    read_summary,
)
from dilated_cifar.runs.record import LeftOut, Run
from dilated_cifar.training.loop import train

OLD = Path(__file__).parent / "written_by_0.1.0"
"""`finished` has averaged weights; `stopped` was ended by SIGTERM in the second of three epochs."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


def read(folder: Path) -> Run:
    faults: list[str] = []
    run = read_run(folder, folder.name, faults)
    assert isinstance(run, Run), run
    assert faults == []
    return run


def test_a_finished_run_of_an_earlier_release_is_read_whole() -> None:
    run = read(OLD / "finished")
    content = json.loads((OLD / "finished" / "summary.json").read_text())
    assert run.selected.epoch == content["best"]["epoch"]
    assert run.selected.test.accuracy == content["best"]["test"]["accuracy"]
    assert run.config["model.dilations"] == [1, 2, 5]
    assert run.class_names == [f"{distance} pixels" for distance in range(2, 12)]
    assert run.curves is not None
    assert run.curves["epoch"].tolist() == [1, 2, 3]
    assert run.predictions is not None
    assert run.predictions.right.mean() == pytest.approx(run.selected.test.accuracy)


def test_a_finished_run_of_an_earlier_release_is_left_alone(old: Path) -> None:
    path = checkpoint.of_run(old / "finished")
    config, _ = checkpoint.restore(checkpoint.load(path), path)
    with opened(old / "finished", config) as found:
        assert found is Found.FINISHED


def test_a_stopped_run_of_an_earlier_release_continues_to_its_end(old: Path) -> None:
    folder = old / "stopped"
    left = read_run(folder, "stopped", [])
    assert isinstance(left, LeftOut)
    assert (left.status, left.reason.split()[0]) == ("unfinished", "1")
    first = (folder / "metrics.csv").read_text()
    path = folder / "checkpoints" / "last.pt"
    saved = checkpoint.load(path)
    assert saved.training is not None
    assert saved.training["progress"]["step"] > 0
    config = replace(checkpoint.restore(saved, path)[0], pictures=0)
    with opened(folder, config) as found:
        assert found is Found.STARTED
        summary = train(config, folder)
    assert read(folder).summary == summary
    assert (folder / "metrics.csv").read_text().startswith(first)


def test_what_training_writes_is_what_is_read(
    make_config: Callable[..., Config], tiny: list[str], tmp_path: Path
) -> None:
    config = make_config(*tiny, "data.smallest=3")
    with opened(tmp_path / "run", config):
        summary = train(config, tmp_path / "run")
    run = read(tmp_path / "run")
    assert run.summary == summary == read_summary(tmp_path / "run")
    assert run.class_names == config.data.class_names
    assert run.held_out == "validation"


def damaged(folder: Path, name: str, content: bytes) -> Path:
    (folder / "finished" / name).write_bytes(content)
    return folder / "finished"


def deflated(*sizes: int) -> bytes:
    """A file of predictions whose two arrays have so many bytes, all alike, when they are unpacked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in zip(("predicted.npy", "labels.npy"), sizes, strict=True):
            content = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                content, {"descr": "|u1", "fortran_order": False, "shape": (size,)}
            )
            with archive.open(name, "w") as file:
                file.write(content.getvalue())
                for _ in range(size // 2**20):
                    file.write(bytes(2**20))
    return buffer.getvalue()


def test_predictions_that_unpack_to_gigabytes_are_not_read(old: Path) -> None:
    small, large = 2**20, 2**28
    for content in (deflated(small, large), b"x" * (2 * LARGEST_ARRAY + 1)):
        run = damaged(old, "test_predictions.npz", content)
        tracemalloc.start()
        with pytest.raises(UserError, match=r"test_predictions\.npz: missing or damaged"):
            read_predictions(run, 10)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20e6


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("summary.json", LARGEST_TEXT, "larger than the 1,048,576 bytes"),
        ("config.yaml", LARGEST_FILE, "larger than a configuration"),
    ],
)
def test_a_file_far_larger_than_a_run_writes_it_is_not_read(
    old: Path, name: str, size: int, told: str
) -> None:
    faults: list[str] = []
    folder = old / "finished"
    with (folder / name).open("ab") as file:
        file.write(b"\n" * size)  # which a reader without a bound would pass over
    read_run(folder, "it", faults)
    assert len(faults) == 1
    assert told in faults[0]


def test_a_device_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").symlink_to("/dev/null")  # /dev/zero would be read for ever
    with pytest.raises(UserError, match="larger than a configuration"):
        read_config(tmp_path)


def test_values_that_refer_to_others_are_not_followed(old: Path) -> None:
    config = (old / "finished" / "config.yaml").read_text()
    folder = damaged(old, "config.yaml", f"a: &a [1, 2]\nb: [*a, *a]\n{config}".encode())
    with pytest.raises(UserError, match="has values that refer to others"):
        read_config(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"model: [unclosed"),
        ("config.yaml", b"title: my blog"),
        ("summary.json", b"{"),
        ("summary.json", b"[]"),
        ("summary.json", b"{}"),
        ("summary.json", json.dumps({"best": None, "last": {"epoch": float("nan")}}).encode()),
    ],
)
def test_damage_that_hides_the_outcome_leaves_the_run_out(old: Path, name: str, content: bytes) -> None:
    faults: list[str] = []
    run = read_run(damaged(old, name, content), "it", faults)
    assert isinstance(run, LeftOut)
    assert run.status == "damaged"
    assert len(faults) == 1
    assert name in faults[0]
    assert "expected" in faults[0]
    assert "\n" not in faults[0]


@pytest.mark.parametrize(
    ("name", "content", "lost"),
    [
        ("metrics.csv", b"epoch,loss/train\n1,2.0\n2,", "curves"),
        ("metrics.csv", b"epoch,loss/train\n1,2.0\n2,1.0\n", "curves"),
        ("metrics.csv", b"epoch,loss/train\n1,2\n2,nan\n3,1\n", "curves"),
        ("metrics.csv", b"\xff\xfe", "curves"),
        ("test_predictions.npz", b"PK\x03\x04", "predictions"),
    ],
)
def test_damage_beside_the_outcome_costs_that_part_alone(
    old: Path, name: str, content: bytes, lost: str
) -> None:
    faults: list[str] = []
    run = read_run(damaged(old, name, content), "it", faults)
    assert isinstance(run, Run)
    assert getattr(run, lost) is None
    assert len(faults) == 1
    assert name in faults[0]


def test_predictions_that_do_not_belong_together_are_no_predictions(old: Path) -> None:
    labels: Any = np.arange(3)
    np.savez(old / "finished" / "test_predictions.npz", predicted=labels[:2], labels=labels)
    faults: list[str] = []
    run = read_run(old / "finished", "it", faults)
    assert isinstance(run, Run)
    assert run.predictions is None
    assert len(faults) == 1


def test_predictions_of_classes_that_the_data_set_lacks_are_no_predictions(old: Path) -> None:
    labels: Any = np.arange(11)
    np.savez(old / "finished" / "test_predictions.npz", predicted=labels, labels=labels)
    faults: list[str] = []
    run = read_run(old / "finished", "it", faults)
    assert isinstance(run, Run)
    assert run.predictions is None
    assert "holds class 10; expected numbers from 0 to 9" in faults[0]


def test_curves_of_another_number_of_epochs_are_refused(old: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.csv: has 3 rows; expected one for each of 4 epochs"):
        read_curves(old / "finished", 4)
