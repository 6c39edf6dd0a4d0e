"""Plugin files as modules, `dilated_cifar.plugin_files.STEM_CODE`, whose code is the file's path.

By the name alone the file is found again, in every process: a job of a sweep that runs elsewhere is sent the
configuration, pickled, and with it the names of its classes and their modules.
"""

import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

__path__: list[str] = []  # a package, so that modules below it are looked for


def module_name(file: Path) -> str:
    """The name under which a plugin file is imported."""
    stem = re.sub(r"\W", "_", file.stem)
    return f"{__name__}.{stem}_{os.fsencode(file.resolve()).hex()}"


class _Finder(MetaPathFinder):
    """Finds the file that a module's name says."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if not fullname.startswith(f"{__name__}."):
            return None
        file = os.fsdecode(bytes.fromhex(fullname.rpartition("_")[2]))
        return spec_from_file_location(fullname, file)


sys.meta_path.append(_Finder())
