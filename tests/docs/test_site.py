"""What the site's configuration lets pass and what it stops at, on a small package of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if os.environ.get("CI") != "true":  # there a missing generator fails, as it must
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed; pip install -e '.[docs]'")

DOCS = Path(__file__).parents[2] / "docs"
PAGE = """# Title

[Another page](other.md#part) and [a file](data.csv).

```{toctree}
other
api/dilated_cifar
```
"""
MODULE = '''"""A module."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Choice:
    """What can be chosen."""

    rates: list[int]
    """Of each layer: 1 is no dilation."""
    folder: Path | None = None


def read(path: Path) -> Choice:
    """Read a choice.

    Raises:
        OSError: there is no such file.
    """
    raise OSError(path)
'''


def build(folder: Path, page: str = PAGE, module: str = MODULE) -> subprocess.CompletedProcess[str]:
    """Build a site of two pages and a package of one module with the project's configuration."""
    docs, package = folder / "docs", folder / "dilated_cifar"
    shutil.copytree(DOCS / "templates", docs / "templates")
    shutil.copy(DOCS / "conf.py", docs)
    package.mkdir()
    (package / "__init__.py").write_text('"""A package."""\n')
    (package / "module.py").write_text(module)
    (docs / "index.md").write_text(page)
    (docs / "other.md").write_text("# Other\n\n## Part\n\nText.\n")
    (docs / "data.csv").write_text("network\n")
    options = ["--quiet", "--fail-on-warning", "--keep-going"]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", "site"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_reference_shows_every_field_with_its_docstring(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert (built.returncode, built.stderr) == (0, "")
    shown = re.sub(r"<[^>]+>", "", (tmp_path / "site" / "api" / "dilated_cifar.html").read_text())
    assert "rates: list[int]" in shown
    assert "Of each layer: 1 is no dilation." in shown
    assert "folder: Path | None = None" in shown
    assert "OSError – there is no such file." in shown


def test_the_build_names_all_that_is_missing_and_fails(tmp_path: Path) -> None:
    page = PAGE.replace("#part", "#no-part").replace("data.csv", "no.csv")
    page += "\n[No page](no.md)\n\n![No picture](no.png)\n"
    module = MODULE.replace('"""A module."""', "").replace('    """What can be chosen."""\n', "")
    module = module.replace("Read a choice.", "Read a :class:`Nothing`.")
    module += "\n\ndef write() -> None: ...\n"
    built = build(tmp_path, page, module)
    assert built.returncode != 0
    missing = ["no-part", "no.csv", "no.md", "no.png", "Nothing"]
    undocumented = ["module dilated_cifar.module", "class dilated_cifar.module.Choice", "module.write"]
    for warning in [*missing, *(f"{name} has no docstring" for name in undocumented)]:
        assert warning in built.stderr
