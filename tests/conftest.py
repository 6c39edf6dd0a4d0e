import dataclasses
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from dilated_cifar.cli.choices import conf_folder
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import register_schemas, to_config
from dilated_cifar.data.cifar10 import ARCHIVE
from dilated_cifar.runs import record, writing


@pytest.fixture(scope="session", autouse=True)
def activated() -> None:
    """As in an activated environment, where hints name programs without their paths."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


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
    "pictures=0",
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


FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class RunFolders:
    """Finished runs without training: invented figures, written by what train.py writes them with."""

    def __init__(self, parent: Path, base: Config) -> None:
        self.parent, self.base = parent, base

    def write(
        self,
        name: str,
        *,
        config: Config | None = None,
        test: float = 0.8,
        validation: float | None = None,
        last_test: float | None = None,
        train: float = 0.9,
        onset: int | None = None,
        predicted: np.ndarray | None = None,
        seconds: float = 10.0,
        receptive_field: int = 7,
        **keys: Any,
    ) -> Path:
        """A finished run, as accurate on validation as on test images unless that is given too.

        `keys` are configuration keys with two underscores for the dot.
        """
        config = changed(config or self.base, keys)
        folder = self.parent / name
        (folder / "checkpoints").mkdir(parents=True)
        writing.write_config(folder, config)
        writing.write_curves(folder, invented_curves(config, test, train, seconds))
        count = config.data.test  # type: ignore[attr-defined]  # every data set of the tests has it
        labels = np.arange(count) % config.data.classes
        if predicted is None:
            wrong = (labels + 1) % config.data.classes
            predicted = np.where(np.arange(count) < round(test * count), labels, wrong)
        writing.write_predictions(folder, predicted, labels)

        def figures(epoch: int, accuracy: float) -> record.Figures:
            shares = (train, accuracy if validation is None else validation, accuracy)
            scores = [record.Score(1 - share, share) for share in shares]
            if config.data.held_out == "test":
                scores[1] = None
            return record.Figures(epoch, *scores)

        best = figures(max(1, config.epochs - 1), test) if config.data.validation else None
        summary = record.Summary(
            chosen="last" if best is None else "best",
            best=best,
            last=figures(config.epochs, test if last_test is None else last_test),
            overfitting_onset=onset,
            overfitting_rule="the rule",
            images_per_second=500.0,
            seconds=seconds,
            parameters=94_762,
            multiply_adds=32_113_280 + 1_000_000 * receptive_field,
            receptive_field=receptive_field,
            device="cpu (1 threads, fp32)",
            torch="2.14.1",
            class_names=config.data.class_names,
        )
        writing.write_summary(folder, summary)
        return folder


def changed(config: Config, keys: dict[str, Any]) -> Config:
    """The configuration with other values, such as `model__dilations=[1, 2, 5]`."""
    for key, value in keys.items():
        group, _, name = key.rpartition("__")
        if group:
            name, value = group, dataclasses.replace(getattr(config, group), **{name: value})
        config = dataclasses.replace(config, **{name: value})
    return config


def invented_curves(config: Config, test: float, train: float, seconds: float) -> list[record.Row]:
    """Curves that rise by the same step each epoch, up to these accuracies."""
    held_out = config.data.held_out
    shares = [epoch / config.epochs for epoch in range(1, config.epochs + 1)]
    return [
        {
            "epoch": epoch,
            "loss/train": 2.3 * (1 - share * train),
            "accuracy/train": share * train,
            "loss/train_subset": 2.3 * (1 - share * train),
            "accuracy/train_subset": share * train,
            f"loss/{held_out}": 2.3 * (1 - share * test),
            f"accuracy/{held_out}": share * test,
            "gap/loss": 2.3 * share * (train - test),
            "gap/accuracy": share * (train - test),
            "images_per_second": 500.0,
            "seconds": share * seconds,
        }
        for epoch, share in enumerate(shares, start=1)
    ]


@pytest.fixture(scope="session")
def run_folders(make_config: Callable[..., Config]) -> Callable[[Path], RunFolders]:
    """For fixtures that outlive a test."""
    # Not the preset's: what tests expect stays when the lesson changes.
    sizes = ["data.train=8000", "data.validation=1000", "data.train_subset=1000", "data.test=1000"]
    trained = ["optimizer=adam", "optimizer.lr=0.01", "epochs=5", "data.noise=0.03"]
    base = make_config("experiment=demo", "model=plain", *trained, *sizes)
    return lambda parent: RunFolders(parent, base)


@pytest.fixture
def runs(tmp_path: Path, run_folders: Callable[[Path], RunFolders]) -> RunFolders:
    return run_folders(tmp_path / "sweep")


@pytest.fixture
def two_groups(runs: RunFolders) -> Callable[..., Path]:
    """A sweep of [1,1,1] and [1,2,5] with given test accuracies, one for each seed."""

    def write(plain: list[float], dilated: list[float], **keys: Any) -> Path:
        for rates, field, accuracies in (([1, 1, 1], 7, plain), ([1, 2, 5], 17, dilated)):
            for seed, test in enumerate(accuracies):
                runs.write(
                    f"dilations-{'-'.join(map(str, rates))}__seed-{seed}",
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


@pytest.fixture
def require_engine() -> Callable[[str], None]:
    """Skip a test where a plugin of the extra `sweep` is not installed; in CI it must be."""

    def require(name: str) -> None:
        try:
            found = importlib.util.find_spec(f"hydra_plugins.hydra_{name}")
        except ModuleNotFoundError:
            found = None
        if found is None:
            reason = f"hydra_{name} is not installed; pip install -e '.[sweep]'"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{reason}; in CI the sweeps may not be skipped")
            pytest.skip(reason)

    return require
