import importlib.util
import os
from collections.abc import Callable

import pytest


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
