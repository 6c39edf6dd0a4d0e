from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def pages() -> dict[str, str]:
    """The text of the README and of every page, by its path in the repository."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """A script of docs/, named by the test module, imported as it is when it runs by itself."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return __import__(request.module.SCRIPT)
