"""What `--help` prints: usage and examples, every choice, every key with its value and its sentence."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dilated_cifar.cli.arguments import Command
from dilated_cifar.cli.choices import choices, fault, meaning
from dilated_cifar.cli.errors import fail
from dilated_cifar.cli.naming import SCRIPTS, command_line
from dilated_cifar.config.base import as_typed
from dilated_cifar.config.published import PREFIX, described, published
from dilated_cifar.errors import UserError
from dilated_cifar.extras import installed

WIDTH, COLUMN, LONGEST_VALUE = 100, 24, 60
OPTIONS = {
    "-m, --multirun": "a run for every combination of the values typed",
    "-c, --cfg job": "print the composed configuration; with --package KEY a part of it",
    "-cd, --config-dir DIR": "take choices of your own from DIR, such as model=NAME from DIR/model/NAME.yaml",
    "-i, --info": "print where the configuration comes from",
    "--version": "print the version of the project",
    "-h, --help": "this text, with the keys and values of whatever else is typed",
}


def print_help(command: Command, composed: DictConfig, folders: Sequence[Path]) -> int:
    """Print a command's help; returns the exit status, which tells of YAML files that are at fault.

    Args:
        command: Whose help.
        composed: Its configuration, with Hydra's part.
        folders: Where the YAML files of choices lie, first the project's.
    """
    offered, chosen = choices(folders), composed.hydra.runtime.choices
    groups = [group for group in (*composed, "experiment") if group in offered and group in chosen]
    hydras = [group for group in offered if command.sweeps and group.startswith("hydra/")]
    print(command.help.format(**{name: command_line(name) for name in SCRIPTS}))
    if command.runs == "checkpoint":
        print_published()
    for group in (*groups, *hydras):
        print(f"{group}=NAME" + (f", here {chosen[group]}:" if chosen.get(group) else ":"))
        for name, file in offered[group].items():
            print(entry(name, meaning(file)))
        print()
    print("keys, with their values here:")
    print(*key_lines(composed, skipped=groups), sep="\n")
    for group in groups:
        if isinstance(composed.get(group), DictConfig):
            print(f"\nkeys of {group}={chosen[group]} (of another choice: {group}=NAME --help):")
            print(*key_lines(composed[group], f"{group}."), sep="\n")
    print("\noptions:")
    useless = [*([] if command.sweeps else ["--multirun"]), *([] if groups else ["--config-dir"])]
    options = [option for option in OPTIONS.items() if not any(name in option[0] for name in useless)]
    print(*(entry(name, text) for name, text in options), sep="\n")
    own = choices(folders[1:] if installed() else folders)
    faults = [found for group in own for name in own[group] if (found := fault(group, name, folders))]
    return max((fail(found, UserError.status) for found in faults), default=0)


def print_published() -> None:
    """Print what may stand behind `published:`."""
    known = published()
    print(f"weights that are published, as RUN: {PREFIX}NAME" + (":" if known else "; here there are none"))
    for name, path in known.items():
        print(entry(name, described(path)))
    print()


def key_lines(node: DictConfig, prefix: str = "", skipped: Sequence[str] = ()) -> Iterator[str]:
    """A line or two for each key: as it is typed, with its value, and what it means."""
    schema = OmegaConf.get_type(node)
    told, own = sentences(schema), vars(schema or object).get("__annotations__", {})
    # What a dataclass adds to its base comes first.
    for key, value in sorted(node.items_ex(resolve=False), key=lambda item: item[0] not in own):
        assert isinstance(key, str)
        group = isinstance(value, DictConfig) and len(value) > 0
        if group and key not in ("hydra", *skipped):
            yield from key_lines(value, f"{prefix}{key}.")
        elif not group and key not in ("family", *skipped):
            typed = as_typed(OmegaConf.to_object(value) if OmegaConf.is_config(value) else value)
            shown = typed if len(typed) <= LONGEST_VALUE else f"{typed[:LONGEST_VALUE]}..."
            yield entry(f"{prefix}{key}={shown}", told.get(key, ""))


def entry(name: str, text: str) -> str:
    """A name, and its text beside it in a column, or below it where it is long."""
    column = " " * (COLUMN + 2)
    start = f"  {name:<{COLUMN}}" if len(name) < COLUMN else column
    below = "" if len(name) < COLUMN else f"  {name}\n"
    wrapper = textwrap.TextWrapper(WIDTH, start, column, break_on_hyphens=False, break_long_words=False)
    return below + wrapper.fill(text)


def sentences(schema: type | None) -> dict[str, str]:
    """The docstring below each field of a dataclass, those of its bases included."""
    found = {}
    for base in reversed(schema.__mro__ if schema else ()):
        if not dataclasses.is_dataclass(base):
            continue
        try:
            source = inspect.getsource(base)
        except OSError:  # typed in an interpreter
            continue
        (definition,) = ast.parse(textwrap.dedent(source)).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in pairwise(definition.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(said))):
                    found[name] = " ".join(said.split())
    return found
