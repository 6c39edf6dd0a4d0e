"""What a run leaves behind, and that stopping it anywhere changes nothing."""

import csv
import json
import logging
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from dilated_cifar.config.run import Config
from dilated_cifar.data.splits import load
from dilated_cifar.device import choose_machine
from dilated_cifar.errors import Interrupted, RunError
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.folder import Found, opened
from dilated_cifar.runs.reading import read_summary
from dilated_cifar.runs.record import Summary
from dilated_cifar.training.loop import train
from dilated_cifar.training.state import Sums, new_state
from dilated_cifar.training.step import training_step

ROOT = Path(__file__).parents[2]
STEPS = 3
"""Steps an epoch of a tiny run."""

MakeConfig = Callable[..., Config]


def run(config: Config, folder: Path) -> Summary:
    with opened(folder, config):
        return train(config, folder)


@contextmanager
def after_step(number: int, act: Callable[[Optimizer], None]) -> Iterator[None]:
    """Call `act` after the optimizer's step of that number, counted from 1."""
    seen = 0

    def count(optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            act(optimizer)

    handle = register_optimizer_step_post_hook(count)
    try:
        yield
    finally:
        handle.remove()


def stop_here(_optimizer: Optimizer) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def equal(one: Any, other: Any) -> bool:
    """Whether two nested states are the same to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def curves(folder: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv, without what the clock says."""
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        {key: value for key, value in row.items() if key not in ("seconds", "images_per_second")}
        for row in rows
    ]


@pytest.fixture
def config(make_config: MakeConfig, tiny: list[str]) -> Config:
    return make_config(*tiny, "augment=standard", "model.dropout=0.3", "schedule=onecycle", "ema=0.9")


@pytest.mark.parametrize("stops", [[STEPS], [STEPS + 1], [1, STEPS, 2], [3 * STEPS]])
def test_a_stopped_run_ends_with_the_same_bits(config: Config, tmp_path: Path, stops: list[int]) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = run(config, whole)
    for step in stops:
        with after_step(step, stop_here), pytest.raises(Interrupted):
            run(config, cut)
    summary = run(config, cut)

    last, cut_last = (checkpoint.load(folder / "checkpoints" / "last.pt") for folder in (whole, cut))
    assert equal(last.model, cut_last.model)
    assert last.training is not None
    assert cut_last.training is not None
    for part in ("optimizer", "averaging"):
        assert equal(last.training[part], cut_last.training[part])
    best, cut_best = (checkpoint.load(folder / "checkpoints" / "best.pt") for folder in (whole, cut))
    assert equal(best.model, cut_best.model)
    assert curves(whole) == curves(cut)
    assert (summary.best, summary.last) == (expected.best, expected.last)


@pytest.mark.parametrize(
    "augment",
    [
        ["augment=scenes"],
        ["augment=mixup", "augment.randaugment=1", "augment.erasing=0.5", "label_smoothing=0.1"],
        [
            "augment.crop=[24]",
            "augment.alternate=true",
            "optimizer=muon",
            "whiten=true",
            "dirac=true",
            "ema=0.9",
        ],
    ],
)
def test_a_stopped_run_on_varied_images_ends_with_the_same_bits(
    make_config: MakeConfig, tiny: list[str], cifar10_root: Path, tmp_path: Path, augment: list[str]
) -> None:
    config = make_config(*tiny, "data=cifar10", f"data.root={cifar10_root}", *augment, "epochs=1")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(config, whole)
    with after_step(2, stop_here), pytest.raises(Interrupted):
        run(config, cut)
    run(config, cut)
    last, cut_last = (checkpoint.load(folder / "checkpoints" / "last.pt") for folder in (whole, cut))
    assert equal(last.model, cut_last.model)
    assert curves(whole) == curves(cut)


@pytest.mark.slow
def test_a_stopped_compiled_run_ends_with_the_same_bits_near_those_of_a_run_that_is_not(
    make_config: MakeConfig, tiny: list[str], tmp_path: Path
) -> None:
    compiled = make_config(*tiny, "compile=true")
    run(make_config(*tiny), tmp_path / "plain")
    run(compiled, tmp_path / "whole")
    with after_step(STEPS + 1, stop_here), pytest.raises(Interrupted):
        run(compiled, tmp_path / "stopped")
    run(compiled, tmp_path / "stopped")
    plain, whole, stopped = (
        checkpoint.load(tmp_path / name / "checkpoints" / "last.pt") for name in ("plain", "whole", "stopped")
    )
    assert equal(whole.model, stopped.model)
    for name, weight in plain.model.items():
        torch.testing.assert_close(whole.model[name], weight, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_without_a_compiler_one_line_says_so(tiny: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "train.py", *tiny, "compile=true", f"output_dir={tmp_path}"]
    without = {"CXX": str(tmp_path / "missing"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | without, capture_output=True, text=True)
    (line,) = [each for each in ended.stderr.splitlines() if each.startswith("error")]
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "compile=true: torch.compile failed" in line
    assert line.endswith("write compile=false")


def test_the_seed_decides_the_weights(make_config: MakeConfig, tiny: list[str], tmp_path: Path) -> None:
    weights = []
    for number, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(number)
        run(make_config(*tiny, "epochs=1", f"seed={seed}"), folder)
        weights.append(checkpoint.load(folder / "checkpoints" / "last.pt").model)
    assert equal(weights[0], weights[1])
    assert not equal(weights[0], weights[2])


def test_a_run_folder_says_everything(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    summary = run(config, folder)
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {
        "best.pt",
        "last.pt",
        "previous.pt",
    }
    assert read_summary(folder) == summary
    rows = curves(folder)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best = max(rows, key=lambda row: float(row["accuracy/validation"]))
    assert summary.best is not None
    assert summary.best.validation is not None
    assert summary.best.epoch == int(best["epoch"])
    assert summary.best.validation.accuracy == float(best["accuracy/validation"])
    assert summary.chosen == "best"
    for row in rows:
        gap = float(row["accuracy/train_subset"]) - float(row["accuracy/validation"])
        assert float(row["gap/accuracy"]) == pytest.approx(gap)
    predictions = np.load(folder / "test_predictions.npz")
    right = float((predictions["predicted"] == predictions["labels"]).mean())
    assert right == pytest.approx(summary.best.test.accuracy)
    with opened(folder, config) as found:
        assert found is Found.FINISHED


def test_without_a_validation_split_the_last_weights_are_selected(
    make_config: MakeConfig, tiny: list[str], tmp_path: Path
) -> None:
    summary = run(make_config(*tiny, "data.validation=0"), tmp_path)
    assert summary.chosen == "last"
    assert summary.best is None
    assert summary.selected.validation is None
    assert not (tmp_path / "checkpoints" / "best.pt").exists()
    assert "accuracy/test" in curves(tmp_path)[0]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(
    config: Config, tmp_path: Path
) -> None:
    def poison(optimizer: Optimizer) -> None:
        with torch.no_grad():
            optimizer.param_groups[0]["params"][0].fill_(math.nan)

    with after_step(STEPS + 1, poison), pytest.raises(RunError, match="not finite in epoch 2, "):
        run(config, tmp_path)
    kept = checkpoint.load(tmp_path / "checkpoints" / "last.pt")
    assert kept.epoch == 1
    assert all(torch.isfinite(weight).all() for weight in kept.model.values())
    assert not (tmp_path / "summary.json").exists()


def test_weights_that_break_in_the_last_step_of_an_epoch_are_not_saved(
    config: Config, tmp_path: Path
) -> None:
    def poison(optimizer: Optimizer) -> None:
        with torch.no_grad():
            optimizer.param_groups[0]["params"][0].fill_(math.inf)

    with after_step(2 * STEPS, poison), pytest.raises(RunError, match="epoch 2, at its end"):
        run(config, tmp_path)
    assert checkpoint.load(tmp_path / "checkpoints" / "last.pt").epoch == 1


def test_the_state_is_saved_within_long_epochs(
    make_config: MakeConfig, tiny: list[str], tmp_path: Path
) -> None:
    config = make_config(*tiny, "save_minutes=1e-9")
    seen = []

    def look(_optimizer: Optimizer) -> None:
        saved = checkpoint.load(tmp_path / "checkpoints" / "last.pt")
        assert saved.training is not None
        seen.append(saved.training["progress"]["step"])

    with after_step(2, look):
        run(config, tmp_path)
    assert seen == [1]


def test_the_gradient_is_clipped_to_the_norm(make_config: MakeConfig, tiny: list[str]) -> None:
    plain = ["optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=false", "optimizer.weight_decay=0"]
    config = make_config(*tiny, *plain, "optimizer.lr=1", "gradient_clip=0.01")
    machine = choose_machine("cpu")
    splits = load(config.data)
    state = new_state(config, splits.class_names, machine)
    before = [parameter.detach().clone() for parameter in state.model.parameters()]
    images, labels = splits.train.images[:32], splits.train.labels[:32]
    sums = training_step(state, state.model, images, labels, machine, batch=32)
    assert Sums(*sums.tolist()).gradient_norm > 0.01
    moved = [
        (parameter.detach() - old).square().sum()
        for parameter, old in zip(state.model.parameters(), before, strict=True)
    ]
    assert torch.stack(moved).sum().sqrt().item() == pytest.approx(0.01, rel=1e-3)


def test_averaged_weights_are_what_is_evaluated(config: Config, tmp_path: Path) -> None:
    run(config, tmp_path)
    saved = checkpoint.load(tmp_path / "checkpoints" / "last.pt")
    assert saved.training is not None
    trained = saved.training["averaging"]["model"]
    assert not equal(saved.model, trained)
    assert saved.training["averaging"]["averaged"] == 3 * STEPS


def test_every_epoch_is_logged(config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dilated_cifar"):
        run(config, tmp_path)
    lines = [record.message for record in caplog.records if record.message.startswith("epoch ")]
    assert [line.split(":")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_summary_json_is_plain(config: Config, tmp_path: Path) -> None:
    run(config, tmp_path)
    content = json.loads((tmp_path / "summary.json").read_text())
    assert content["receptive_field"] == 17
    assert content["parameters"] == sum(
        weight.numel()
        for name, weight in checkpoint.load(tmp_path / "checkpoints" / "best.pt").model.items()
        if not any(part in name for part in ("running", "num_batches"))
    )
