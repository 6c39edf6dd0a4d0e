"""What a run leaves in its folder: compared to the bit, without what the clock says."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dilated_cifar.errors import UserError
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.record import SESSIONS

TIMES = ("seconds", "epoch_seconds", "images_per_second")


def unsaved(folder: Path) -> str | None:
    """What last.pt says and the other files of a killed run lack: they are written before it."""
    try:
        saved = checkpoint.load(folder / "checkpoints" / "last.pt")
    except UserError:
        return None  # killed before training began
    assert saved.training is not None
    progress = saved.training["progress"]
    best, metrics = folder / "checkpoints" / "best.pt", folder / "metrics.csv"
    have = {
        "best.pt": checkpoint.load(best).epoch if best.is_file() else 0,
        "metrics.csv": len(metrics.read_text().splitlines()) - 1 if metrics.is_file() else 0,
        "TensorBoard": len(curves(folder).get("loss/train", [])),
    }
    least = dict.fromkeys(have, progress["epoch"]) | {"best.pt": progress["best_epoch"]}
    lacking = [
        f"{name} has epoch {have[name]}, not {least[name]}" for name in have if have[name] < least[name]
    ]
    return f"last.pt is at epoch {progress['epoch']}, but {', '.join(lacking)}" if lacking else None


def differing(whole: dict[str, Any], folder: Path) -> str | None:
    """In which file a continued run differs from an uninterrupted one, or how much it repeated."""
    for log in folder.rglob("train.log"):
        done = 0
        for line in log.read_text().splitlines():
            if found := re.search(r" epoch (\d+)/", line):
                done = int(found[1])
            elif (found := re.search(r"continuing after epoch (\d+)", line)) and done - int(found[1]) > 1:
                return f"{log}: repeated more than an epoch after epoch {done}"
    now = fingerprint(folder)
    if whole.keys() != now.keys():
        return f"files: {sorted(whole.keys() ^ now.keys())}"
    return next((f"{name} differs" for name in whole if whole[name] != now[name]), None)


def fingerprint(folder: Path) -> dict[str, Any]:
    """The contents of every file below `folder`."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = re.sub(r"(tfevents)\..*", r"\1", str(path.relative_to(folder)))
        if path.name in ("previous.pt", SESSIONS) or path.suffix == ".log" or path.is_dir():
            found[name] = None  # what depends on where the run was killed
        elif path.suffix == ".pt":
            found[name] = plain(vars(checkpoint.load(path)))
        elif path.name == "metrics.csv":
            found[name] = [plain(row) for row in csv.DictReader(path.open())]
        elif path.name == "summary.json":
            found[name] = plain(json.loads(path.read_text()))
        elif "tfevents" in name:
            assert name not in found, f"two event files in {path.parent}"
            found[name] = curves(path.parent)
        elif path.suffix == ".npz":
            found[name] = {key: value.tolist() for key, value in np.load(path).items()}
        else:
            found[name] = path.read_bytes()
    return found


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of what TensorBoard shows, by name; the clock's have no value."""
    board = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    board.Reload()
    found = {}
    for name in board.Tags()["scalars"]:
        found[name] = [
            (each.step, 0.0 if name.rpartition("/")[2] in TIMES else each.value)
            for each in board.Scalars(name)
        ]
        assert all(one[0] < other[0] for one, other in pairwise(found[name])), f"{name}: steps twice"
    return found


def plain(content: Any) -> Any:
    """Nested data with lists in place of tensors, and without what the clock says."""
    match content:
        case torch.Tensor():
            return content.tolist()
        case dict():
            return {key: plain(value) for key, value in content.items() if key not in TIMES}
        case list() | tuple():
            return [plain(value) for value in content]
    return content
