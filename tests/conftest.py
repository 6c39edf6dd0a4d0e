import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from dilated_cifar.commands.arguments import conf_folder
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
