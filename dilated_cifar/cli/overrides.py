"""From what was typed to overrides in Hydra's grammar."""

import argparse
import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser  # private, but Hydra offers its options nowhere else
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException

from dilated_cifar import __version__
from dilated_cifar.cli.arguments import PLUGIN, RUN_KEYS, SUFFIXES, Arguments, Command
from dilated_cifar.cli.errors import syntax_fault
from dilated_cifar.cli.suggestions import assignment, choice_named, list_wanted
from dilated_cifar.config.base import shortened
from dilated_cifar.config.store import plain_data, read_yaml
from dilated_cifar.errors import UserError
from dilated_cifar.plugins import load_plugins

HELP = "--help lists the keys"


class Options(argparse.ArgumentParser):
    """Hydra's options."""

    def error(self, message: str) -> NoReturn:
        """Raise a UserError, where argparse would print several lines and exit."""
        raise UserError(f"{message}; --help lists the options")

    def require_known(self, command: Command, argv: Sequence[str]) -> None:
        """Raise a UserError that says what to type for the first option that there is not.

        argparse would take -model for -m with more letters, and --mul for --multirun.
        """
        known = [name for action in self._actions for name in action.option_strings]
        for place, argument in enumerate(argv):
            name, equals, value = argument.partition("=")
            if not re.match(r"--?[A-Za-z]", name) or name in known:
                continue
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            following = [value] if equals else argv[place + 1 :]
            meant = near[0] if near else assignment(command.config, name.lstrip("-"), following)
            told = f"write {meant}" if meant else "--help lists the options"
            raise UserError(f"{name}: no such option; {told}")


def read_arguments(command: Command, argv: Sequence[str]) -> Arguments:
    """Read what follows a command's name.

    Raises:
        UserError: an unknown option, an argument that is no override where the command takes no other, a
            value that is missing or that Hydra's grammar cannot read, a saved configuration that is none, a
            plugin that cannot be imported.
    """
    parser = Options(add_help=False, parents=[get_args_parser()], conflict_handler="resolve")
    parser.add_argument("--version", action="version", version=f"dilated-cifar {__version__}")
    for argument in argv:
        if re.search(r"[\x00-\x1f\x7f]", argument):
            raise UserError(f"{shortened(argument)!r}: expected printable characters")
    parser.require_known(command, argv)
    options = parser.parse_intermixed_args(argv)
    # Before anything else is read: what they register are keys and choices like the project's own.
    load_plugins([name for each in options.overrides for name in plugins_in(each)])
    parsed = parse(list(in_grammar(command, options.overrides)))
    saved = [each for each in parsed if each.key_or_group == "config" and "config" in command.texts]
    path = saved_configuration(str(saved[-1].value())) if saved else None
    return Arguments(options, [each for each in parsed if each not in saved], path, argv)


def parse(overrides: list[str]) -> list[Override]:
    """The overrides as Hydra reads them; raises a UserError where its grammar cannot read one."""
    try:
        return OverridesParser.create().parse_overrides(overrides)
    except OverrideParseException as error:
        raise UserError(syntax_fault(error.override, str(error.__context__))) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, as many brackets
        longest = shortened(max(overrides, key=len))
        raise UserError(f"{longest}: too long to be read; expected a shorter value") from error


def saved_configuration(file: str) -> Path:
    """The path of a saved configuration; raises a UserError where there is none."""
    path = Path(file).resolve()
    if not is_there(path) or path.is_dir() or path.suffix != ".yaml":
        raise UserError(f"config={file}: no such file; expected outputs/NAME/config.yaml or another .yaml")
    content = plain_data(read_yaml(path))
    # Hydra would follow them: they can name other files, and code that it calls.
    for key in ("hydra", "defaults"):
        if isinstance(content, dict) and key in content:
            raise UserError(f"config={file}: holds {key}; expected only keys of a run, as in its config.yaml")
    return path


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; no where no file can have such a name."""
    try:
        return path.exists()
    except OSError:
        return False


def is_override(argument: str) -> bool:
    """Whether an argument is `key=value`, `+key=value` or `~key`."""
    return bool(re.match(r"[+~]{0,2}[A-Za-z_][\w./@:-]*=|~[A-Za-z_]", argument))


def in_grammar(command: Command, typed: Sequence[str]) -> Iterator[str]:
    """The overrides as Hydra's grammar wants them, the lists of runs and files last.

    The grammar gives commas, equals signs and brackets a meaning that they lack in names of files and groups.
    """
    files: dict[str, list[str]] = {}
    taking = command.runs
    for place, argument in enumerate(typed):
        key, _, value = argument.partition("=")
        if named := plugins_in(argument):
            files.setdefault(PLUGIN, []).extend(named)
            continue
        is_path = taking and (is_there(Path(argument)) or (taking == command.runs and "/" in key))
        if not is_override(argument) or is_path:
            if not taking or (taking == command.runs and not is_there(Path(argument))):
                require_place(command, argument, typed[place + 1 :])
            assert taking is not None
            files.setdefault(taking, []).append(argument)
            continue
        key = command.runs if command.runs and key in RUN_KEYS else key
        takes_files = key in (command.runs, *command.files)
        taking = key if takes_files else command.runs
        if not value and (takes_files or key in (*command.texts, *command.lists)):
            raise UserError(f"{argument}: expected a value; leave it out for the default")
        if not takes_files and key not in command.lists and (meant := list_wanted(command.config, argument)):
            raise UserError(f"{argument}: expected a list; write {meant}")
        if takes_files:
            files.setdefault(key, []).extend(several(key, value))
        elif key in command.texts and value != "null" and value[0] not in "'\"":
            yield f"{key}={quoted(value)}"
        elif key.partition(".")[0] in command.free and key[0] not in "+~":
            yield f"++{argument}"
        elif key in command.lists and value != "null" and not is_list(argument):
            yield f"{key}=[{value}]"
        else:
            yield argument
    for key, names in files.items():
        yield f"{key}=[{','.join(map(quoted, names))}]"


def plugins_in(argument: str) -> list[str]:
    """The plugins that an argument names: one, or a list in brackets; none for any other argument."""
    key, _, value = argument.partition("=")
    if key.lstrip("+") != PLUGIN:
        return []
    if not value:
        raise UserError(f"{argument}: expected a value; write plugin=FILE.py")
    return several(PLUGIN, value)


def require_place(command: Command, argument: str, following: Sequence[str]) -> None:
    """Raise a UserError where an argument without an equals sign is no path, with what it may have meant."""
    meant = None
    if re.fullmatch(r"[\w.-]+", argument) and not argument.endswith(SUFFIXES):
        meant = choice_named(command.config, argument) or assignment(command.config, argument, following)
    if command.runs and meant:
        raise UserError(f"{argument}: no such file or folder; write {meant}")
    if not command.runs:
        raise UserError(f"{argument}: expected KEY=VALUE; {f'write {meant}' if meant else HELP}")


def is_list(override: str) -> bool:
    """Whether an override gives one list, in brackets."""
    (parsed,) = parse([override])
    return not parsed.is_sweep_override() and isinstance(parsed.value(), list)


def several(key: str, value: str) -> list[str]:
    """The names of files in a value: one, or a list in brackets."""
    if not re.fullmatch(r"\[.*\]", value) or is_there(Path(value)):
        return [value]
    (override,) = parse([f"{key}={value}"])
    names = override.value()
    return [str(name) for name in names] if isinstance(names, list) else [value]


def quoted(value: str) -> str:
    """A string as Hydra's grammar reads it whatever it holds."""
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", value).replace("'", "\\'")
    return f"'{escaped}'"
