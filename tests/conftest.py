import os
from pathlib import Path

import pytest

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
