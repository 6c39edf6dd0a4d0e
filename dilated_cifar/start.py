"""The start of a script in a checkout, in words that every Python 3 can read.

It tells a Python that cannot run the project from one that can, in place of a traceback.
"""

import importlib
import os
import shlex
import sys
from pathlib import Path


def start(command: str) -> int:
    """Run a command such as `train`; returns its exit status, 2 where this Python cannot run it."""
    try:
        main = importlib.import_module("dilated_cifar.cli." + command).main
    except (ImportError, SyntaxError) as error:
        missing = getattr(error, "name", None) or ""
        if isinstance(error, ModuleNotFoundError) and not missing.startswith("dilated_cifar"):
            reason = "has no " + missing
        elif not (3, 11) <= sys.version_info < (3, 14):
            reason = "is Python {}.{}; expected 3.11, 3.12 or 3.13".format(*sys.version_info)
        else:
            raise
        print(f"error: {sys.executable} {reason}; write: {remedy()}", file=sys.stderr)
        return 2
    return int(main())


def remedy() -> str:
    """The same command with the Python of `.venv`, which `make setup` makes."""
    checkout = Path(os.path.relpath(Path(__file__).resolve().parents[1]))
    python = checkout / ".venv" / "bin" / "python"
    command = " ".join(shlex.quote(each) for each in (str(python), *sys.argv))
    if python.exists():
        return command
    place = "" if checkout == Path() else f"-C {shlex.quote(str(checkout))} "
    return f"make {place}setup && {command}"
