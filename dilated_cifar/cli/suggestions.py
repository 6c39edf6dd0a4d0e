"""What a command line that cannot be read may have meant, as it is to be typed."""

import dataclasses
import difflib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.cli.choices import choices, conf_folder
from dilated_cifar.config.families import families
from dilated_cifar.config.store import COMMANDS, GROUPS

SCHEMAS = {"config": "run"}
"""The schema of a command's configuration, where it has another name."""
OTHER_NAMES = {"rates": "model.dilations", "learning_rate": "optimizer.lr"}
"""What `train` calls otherwise."""


def keys(config: str) -> dict[str, bool]:
    """Every key of a command's configuration, those of all families too, and whether it takes a list."""
    found: dict[str, bool] = {}

    def add(schema: type, prefix: str = "") -> None:
        for each in dataclasses.fields(schema):
            name = prefix + each.name
            if each.name in GROUPS:
                found[name] = False
                for family in families(GROUPS[each.name]).values():
                    add(family, f"{name}.")
            elif isinstance(each.type, type) and dataclasses.is_dataclass(each.type):
                found[name] = False
                add(each.type, f"{name}.")
            else:
                found[name] = "list[" in str(each.type)

    add(COMMANDS[SCHEMAS.get(config, config)])
    return found | ({"experiment": False} if config == "config" else {})


def key_named(config: str, name: str) -> str | None:
    """The key that a name most likely means: itself, one that ends in it, one spelled alike; None without."""
    known = keys(config)
    name = name.lower().replace("-", "_")
    if name in known:
        return name
    if config == "config" and name in OTHER_NAMES:
        return OTHER_NAMES[name]
    ends = {key.rpartition(".")[2]: key for key in reversed(known)}
    near = difflib.get_close_matches(name, ends, n=1, cutoff=0.75)
    return ends[near[0]] if near else None


def assignment(config: str, name: str, following: Sequence[str]) -> str | None:
    """`KEY=VALUE` for a name and the arguments that follow it; None where no key is called alike."""
    key = key_named(config, name)
    values = [each for each in following[:2] if each != "="]
    value = values[0] if values and "=" not in values[0] and not values[0].startswith("-") else "VALUE"
    return None if key is None else written(config, key, value)


def choice_named(config: str, name: str) -> str | None:
    """The folder of a run of that name, else `GROUP=NAME` of the nearest choice; None where there is none."""
    if (Path("outputs") / name).is_dir() and config != "config":
        return shlex.quote(f"outputs/{name}")
    groups = {
        group: list(names) for group, names in choices([conf_folder()]).items() if group in keys(config)
    }
    names = [each for group in groups.values() for each in group]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    return next((f"{group}={near[0]}" for group in groups if near and near[0] in groups[group]), None)


def written(config: str, key: str, value: str) -> str:
    """`KEY=VALUE` as a shell takes it, a list in brackets where the key takes one."""
    bare = keys(config)[key] and value != "VALUE" and not value.startswith("[")
    return shlex.quote(f"{key}=[{value}]" if bare else f"{key}={value}")


def list_wanted(config: str, override: str) -> str | None:
    """The override with its commas in brackets, where `KEY=1,2,5` was typed for a key that takes a list."""
    key, _, value = override.partition("=")
    named = key if key in keys(config) else OTHER_NAMES.get(key, key)
    wanted = keys(config).get(named) and "," in value and not re.search(r"[][(){}]", value)
    return written(config, named, value) if wanted else None
