"""Plugins: Python files and modules of users that register networks, data sets and optimizers of their own.

Only a command line, or a package that is installed with an entry point, names a plugin: no checkpoint and no
configuration file ever causes an import. A run records the plugins that its configuration needs by name
alone, so that a refusal can say which one is missing.
"""

import importlib
import re
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from dilated_cifar import plugin_files
from dilated_cifar.config.base import Choice, expanded, shortened
from dilated_cifar.config.families import added_by, remove_added
from dilated_cifar.errors import UserError, one_line

Made = TypeVar("Made")

GROUP = "dilated_cifar.plugins"
"""The group of entry points by which installed packages are found."""

_loaded: dict[str, str] = {}
"""The plugins by the names of their modules, as they were named."""


def load_plugins(names: Sequence[str]) -> None:
    """Import the plugins that are installed, and the named ones: files (FILE.py) or modules.

    A plugin that is loaded already stays as it is.

    Raises:
        UserError: there is no such plugin, it cannot be imported, or two register the same name.
    """
    for entry in entry_points(group=GROUP):
        package = entry.dist.name if entry.dist else "a package"
        _import(entry.module, entry.module, f"the plugin {entry.module}, installed by {package}")
    for name in names:
        _import(module_of(name), name, f"plugin={shortened(name)}")


def plugins_of(*choices: Choice) -> list[str]:
    """The plugins that registered the families of these choices, as they were named."""
    modules = [module for each in choices if (module := added_by(type(each)))]
    return list(dict.fromkeys(named(module) for module in modules))


def named(module: str) -> str:
    """The plugin that a module belongs to, as it was named; else the module itself."""
    for plugin, name in _loaded.items():
        if module == plugin or module.startswith(f"{plugin}."):
            return name
    return module


def told(builder: Callable[..., Any], config: Choice) -> str:
    """What a message calls the builder of a family."""
    return f"{config.group}.family={config.family}: {builder.__name__} of {named(builder.__module__)}"


def made(
    builder: Callable[..., Any], config: Choice, *arguments: object, kind: type[Made], what: str
) -> Made:
    """What a plugin's builder makes of a configuration, which must be of a kind.

    Raises:
        UserError: it fails, or makes anything else; `what` says what was expected.
    """
    try:
        found = builder(config, *arguments)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{told(builder, config)} fails: {one_line(error)}") from error
    if not isinstance(found, kind):
        raise UserError(
            f"{told(builder, config)} returns {shortened(repr(found), 60)}, a {type(found).__name__}; "
            f"expected {what}"
        )
    return found


def module_of(name: str) -> str:
    """The name of the module that a plugin is imported as.

    Raises:
        UserError: there is no such file, or the name is none of a module.
    """
    if name.endswith(".py") or "/" in name:
        file = expanded(name)
        try:
            there = file.is_file() and file.suffix == ".py"
        except (OSError, ValueError):  # a name that no file can have
            there = False
        if there:
            return plugin_files.module_name(file)
    elif re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name):
        return name
    raise UserError(
        f"plugin={shortened(name)}: no such file; expected a Python file, plugin=FILE.py, or the name of a "
        "module that can be imported"
    )


def _import(module: str, name: str, told: str) -> None:
    """Import a plugin's module once.

    Args:
        module: Its name for Python.
        name: The plugin as it was named.
        told: What a message calls it.

    Raises:
        UserError: it cannot be imported; the message has the plugin's own error and the line.
    """
    if module in _loaded:
        return
    _loaded[module] = name  # before, so that a family's owner is known while it registers
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        del _loaded[module]
        remove_added(module)
        if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
            raise UserError(
                f"{told}: no module of this name is found; install its package, or write plugin=FILE.py"
            ) from error
        if isinstance(error, UserError):
            raise UserError(f"{told}: {error}") from error
        place = line_of(error)
        raise UserError(
            f"{told}: cannot be imported{place}: {type(error).__name__}: {shortened(str(error))}"
        ) from error


def line_of(error: BaseException) -> str:
    """The file and line outside of the import machinery where an error was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name}, line {error.lineno})"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "importlib" not in each.filename]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if len(frames) > 1 else ""
