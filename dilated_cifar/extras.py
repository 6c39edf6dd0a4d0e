"""Packages that only some commands need: which extra brings them, and how it is installed here."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dilated_cifar.errors import UserError

PACKAGE = Path(__file__).resolve().parent


def installed() -> bool:
    """Whether this is the installed package, which brings its `conf/`, and no checkout."""
    return (PACKAGE / "conf").is_dir()


def pip_install(extra: str) -> str:
    """The command that installs an extra such as `sweep`."""
    package = f"'dilated-cifar[{extra}]'" if installed() else f"-e '.[{extra}]'"
    return f"pip install {package}"


def require_packages(names: Sequence[str], extra: str, what: str) -> None:
    """Raise a UserError that says what to install unless all of an extra's packages are here.

    Args:
        names: Of the packages, as they are imported.
        extra: Which brings them.
        what: The file or argument that needs them.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UserError(f"{what}: needs {', '.join(missing)}, not installed here; {pip_install(extra)}")
