import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from dilated_cifar.cli.choices import conf_folder
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import register_schemas, to_config
from dilated_cifar.data.cifar10 import ARCHIVE


@pytest.fixture(scope="session")
def cifar10_root() -> Path:
    """The folder with the real files; in CI they must be there."""
    root = os.environ.get("CIFAR10_ROOT")
    if root and all((Path(root) / ARCHIVE.folder / name).is_file() for name in ARCHIVE.files):
        return Path(root)
    reason = (
        f"CIFAR10_ROOT={root} does not hold {ARCHIVE.folder} with its {len(ARCHIVE.files)} files"
        if root
        else f"CIFAR10_ROOT is not set to a folder with {ARCHIVE.folder}"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; in CI the tests on real data may not be skipped")
    pytest.skip(reason)


TINY = [
    "experiment=demo",
    "model.channels=[4,6,8]",
    "data.train=96",
    "data.validation=40",
    "data.test=40",
    "data.train_subset=40",
    "batch_size=32",
    "epochs=3",
    "threads=1",
    "progress=false",
]
"""Overrides for a real run, three steps an epoch, that takes a second."""


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    return list(TINY)


@pytest.fixture(scope="session")
def make_config() -> Callable[..., Config]:
    """The checked configuration that overrides make of conf/config.yaml."""

    def make(*overrides: str) -> Config:
        register_schemas()
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            return to_config(compose("config", overrides=list(overrides)))

    return make


CONFIG: dict[str, Any] = {
    "model": {
        "family": "cnn", "dropout": 0.0, "channels": [32, 64, 128], "dilations": [1, 1, 1], "kernel_size": 3,
        "padding": "valid", "pool": False, "norm": True,
    },
    "data": {
        "family": "spacing", "validation": 1000, "train_subset": 1000, "split_seed": 0,
        "mean": [0.5, 0.5, 0.5], "std": [0.135, 0.135, 0.135], "seed": 0, "train": 8000,
        "test": 1000, "smallest": 2, "largest": 11, "pairs": 6, "noise": 0.03, "shading": 0.08,
    },
    "augment": {"pad": 0, "flip": False, "cutout": 0},
    "optimizer": {"family": "adam", "lr": 0.01},
    "schedule": {"family": "onecycle"},
    "seed": 0,
    "epochs": 5,
    "batch_size": 64,
    "device": "auto",
    "name": "x",
    "output_dir": "outputs",
}  # fmt: skip

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class RunFolders:
    """Writes run folders as train.py leaves them, without training."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent

    def write(
        self,
        name: str,
        *,
        test: float = 0.8,
        last_test: float | None = None,
        train: float = 0.9,
        onset: int | None = None,
        predicted: np.ndarray | None = None,
        seconds: float = 10.0,
        receptive_field: int = 7,
        **keys: Any,
    ) -> Path:
        """A finished run; `keys` are config keys with two underscores for the dot."""
        config = json.loads(json.dumps(CONFIG))
        for key, value in keys.items():
            *groups, last = key.split("__")
            place = config
            for group in groups:
                place = place[group]
            place[last] = value
        folder = self.parent / name
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        held_out = "validation" if config["data"]["validation"] else "test"
        epochs = config["epochs"]
        self.write_metrics(folder, epochs, held_out, test, train, seconds)
        count = config["data"]["test"] or 10_000
        labels = np.arange(count) % 10
        if predicted is None:
            predicted = np.where(np.arange(count) < round(test * count), labels, (labels + 1) % 10)
        np.savez_compressed(folder / "test_predictions.npz", predicted=predicted, labels=labels)
        self.write_summary(
            folder, config, held_out, (test, last_test, train), onset, seconds, receptive_field
        )
        return folder

    def write_metrics(
        self, folder: Path, epochs: int, held_out: str, test: float, train: float, seconds: float
    ) -> None:
        share = np.arange(1, epochs + 1) / epochs
        columns = {
            "epoch": np.arange(1, epochs + 1),
            "loss/train": 2.3 * (1 - share * train),
            "accuracy/train": share * train,
            "loss/train_subset": 2.3 * (1 - share * train),
            "accuracy/train_subset": share * train,
            f"loss/{held_out}": 2.3 * (1 - share * test),
            f"accuracy/{held_out}": share * test,
            "gap/loss": 2.3 * share * (train - test),
            "gap/accuracy": share * (train - test),
            "images_per_second": np.full(epochs, 500.0),
            "seconds": share * seconds,
        }
        with (folder / "metrics.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))

    def write_summary(
        self,
        folder: Path,
        config: dict[str, Any],
        held_out: str,
        accuracies: tuple[float, float | None, float],
        onset: int | None,
        seconds: float,
        receptive_field: int,
    ) -> None:
        test, last_test, train = accuracies

        def scores(epoch: int, accuracy: float) -> dict[str, Any]:
            score = {"loss": 1 - accuracy, "accuracy": accuracy}
            validation = score if held_out == "validation" else None
            subset = {"loss": 1 - train, "accuracy": train}
            return {"epoch": epoch, "train": subset, "validation": validation, "test": score}

        best = scores(max(1, config["epochs"] - 1), test) if held_out == "validation" else None
        content = {
            "chosen": "best" if best else "last",
            "best": best,
            "last": scores(config["epochs"], test if last_test is None else last_test),
            "overfitting_onset": onset,
            "overfitting_rule": "the rule",
            "images_per_second": 500.0,
            "seconds": seconds,
            "parameters": 94762,
            "multiply_adds": 32_113_280 + 1_000_000 * receptive_field,
            "receptive_field": receptive_field,
            "device": "cpu (1 threads, fp32)",
            "torch": "2.14.1",
        }
        (folder / "summary.json").write_text(json.dumps(content))


@pytest.fixture(scope="session")
def run_folders() -> type[RunFolders]:
    """For fixtures that outlive a test."""
    return RunFolders


@pytest.fixture
def runs(tmp_path: Path) -> RunFolders:
    return RunFolders(tmp_path / "sweep")


@pytest.fixture
def two_groups(runs: RunFolders) -> Callable[..., Path]:
    """A sweep of [1,1,1] and [1,2,5] with given test accuracies, one for each seed."""

    def write(plain: list[float], dilated: list[float], **keys: Any) -> Path:
        for name, rates, field, accuracies in (
            ("plain", [1, 1, 1], 7, plain),
            ("dilated", [1, 2, 5], 17, dilated),
        ):
            for seed, test in enumerate(accuracies):
                runs.write(
                    f"{name}-{seed}",
                    test=test,
                    seed=seed,
                    model__dilations=rates,
                    receptive_field=field,
                    **keys,
                )
        return runs.parent

    return write


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        reason = "no chromium with its chromedriver on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; in CI the page is tested in a real browser")
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()
