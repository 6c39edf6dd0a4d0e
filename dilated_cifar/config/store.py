"""From YAML and overrides to a checked Config, and back."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dilated_cifar.config import cifar10, cifar100, folder, residual, spacing  # noqa: F401  # each adds choices
from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.config.base import Choice, Frozen, require_one_of, shortened
from dilated_cifar.config.benchmark import BenchmarkConfig
from dilated_cifar.config.compare import CompareConfig
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.evaluate import EvaluateConfig
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.export import ExportConfig
from dilated_cifar.config.families import families
from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.config.messages import describe
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.optimization import OptimizerConfig, ScheduleConfig
from dilated_cifar.config.run import Config
from dilated_cifar.errors import UserError

GROUPS: dict[str, type[Choice]] = {
    group.group: group for group in (ModelConfig, DataConfig, OptimizerConfig, ScheduleConfig)
}

# libyaml where PyYAML was built with it: a thousand configurations take seconds instead of half a minute.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST_FILE = 2**16
"""Bytes of a configuration; a run's has about two thousand."""
MOST_VALUES, DEEPEST, MOST_BITS = 1_000, 10, 128
"""A run's configuration has less than a hundred values in three levels, and whole numbers up to 64 bits."""

COMMANDS: dict[str, type[Frozen]] = {
    "run": Config,
    "evaluate": EvaluateConfig,
    "explain": ExplainConfig,
    "localize": LocalizeConfig,
    "export": ExportConfig,
    "compare": CompareConfig,
    "benchmark": BenchmarkConfig,
}


class MissingPluginError(UserError):
    """A configuration whose network, data set or optimizer is a plugin's that is not loaded."""


def register_schemas() -> None:
    """Tell Hydra the schemas: of every choice `schema/GROUP/FAMILY`, of each command `schema/NAME`."""
    store = ConfigStore.instance()
    for name, command in COMMANDS.items():
        store.store(group="schema", name=name, node=command)
    store.store(group="schema/augment", name="batch", node=AugmentConfig)
    for group, base in GROUPS.items():
        for name, schema in families(base).items():
            store.store(group=f"schema/{group}", name=name, node=schema)


def to_config(container: DictConfig | dict[str, Any]) -> Config:
    """Check a composed, printed or saved configuration against the dataclasses.

    A dict is taken to come from a file, and may hold nothing but data: see `plain_data`.

    Raises:
        UserError: a key is unknown or missing, a value has the wrong type or is out of its bounds.
    """
    plain = OmegaConf.to_container(container) if isinstance(container, DictConfig) else plain_data(container)
    plain = require_groups(plain)
    try:
        typed = OmegaConf.structured(Config)
        for group in GROUPS:
            # Merged under the group's name, so that an error names the key in full.
            schema = OmegaConf.create({group: OmegaConf.structured(family_of(plain, group))})
            schema.merge_with({group: plain[group]})
            typed[group] = schema[group]
        rest = {key: value for key, value in plain.items() if key not in GROUPS}
        config = OmegaConf.to_object(OmegaConf.merge(typed, rest))
    except OmegaConfBaseException as error:
        raise UserError(describe(error)) from error
    assert isinstance(config, Config)
    return config


def family_of(plain: dict[str, Any], group: str) -> type[Choice]:
    """The dataclass of the family that a configuration names in a group.

    Raises:
        UserError: there is none of that name; where a plugin of its run is missing, the plugin is named.
    """
    require_plugins(plain)
    family, known = str(plain[group].get("family")), families(GROUPS[group])
    require_one_of(family, list(known), f"{group}.family")
    return known[family]


def require_plugins(plain: dict[str, Any]) -> None:
    """Raise a MissingPluginError where a configuration needs a plugin that is not loaded."""
    recorded = plain.get("plugin")
    if not isinstance(recorded, list) or not recorded:
        return
    for group, base in GROUPS.items():
        family = str(plain.get(group, {}).get("family"))
        if family not in families(base):
            names = [shortened(str(name)) for name in recorded]
            install = "" if all(name.endswith(".py") for name in names) else "install its package, or "
            raise MissingPluginError(
                f"{group}.family={shortened(family)}: of the plugin {', '.join(names)}, which is not loaded; "
                f"{install}write {' '.join(shlex.quote(f'plugin={name}') for name in names)}"
            )


def read_yaml(path: Path) -> Any:
    """What a YAML file of plain data holds.

    Raises:
        UserError: it cannot be read, is no YAML, is far larger than a configuration, or has values that refer
            to others, which are small in the file and without end where they are copied.
    """
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_FILE):
            raise UserError(f"{path}: larger than a configuration; expected that of a run")
        text = path.read_bytes()
        if b"*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, LOADER)):
            raise UserError(f"{path}: has values that refer to others; expected each to be written out")
        return yaml.load(text, Loader=LOADER)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: missing or damaged; expected the configuration of a run") from error


def plain_data(content: Any) -> Any:
    """What a file holds, unless it is something other than a small tree of numbers and texts.

    Raises:
        UserError: it holds objects of another kind, refers to something outside of it as `${...}` does, or is
            so large or so deep that merging it would take for ever.
    """
    level, values = [content], 1
    for _ in range(DEEPEST):
        for value in level:
            if not is_plain(value):
                held = (
                    shortened(value) if isinstance(value, str) else f"a {type(value).__name__} as no run has"
                )
                raise UserError(f"the configuration holds {held}; expected plain data")
        mappings = [each for each in level if isinstance(each, dict)]
        lists = [*(each for each in level if isinstance(each, list)), *mappings, *map(dict.values, mappings)]
        values += sum(map(len, lists))
        if values > MOST_VALUES:
            break
        level = [value for each in lists for value in each]
        if not level:
            return content
    raise UserError(f"the configuration is too large; expected at most {MOST_VALUES:,} values")


def is_plain(value: object) -> bool:
    """Whether a value is a mapping or list, or a number or text that stands for itself."""
    if isinstance(value, int):
        return value.bit_length() <= MOST_BITS
    return isinstance(value, dict | list | float | None) or (isinstance(value, str) and "${" not in value)


def require_groups(plain: Any) -> dict[str, Any]:
    """`plain` itself; a UserError unless it is a mapping with every group of a Config."""
    known = plain if isinstance(plain, dict) else {}
    for group in (*GROUPS, "augment"):
        if not isinstance(known.get(group), dict):
            raise UserError(f"{group}: missing in the configuration; expected all of a run's config.yaml")
    return known


def completed(container: dict[str, Any]) -> dict[str, Any]:
    """A saved configuration with the defaults of keys that came into being after it was saved.

    New keys are made so that their defaults change nothing. Keys without a default stay missing.
    """
    filled = container | missing(Config, container)
    known = {group: families(base) for group, base in GROUPS.items()}
    for group, chosen in container.items():
        if isinstance(chosen, dict):
            family = str(chosen.get("family"))
            schema = AugmentConfig if group == "augment" else known.get(group, {}).get(family)
            filled[group] = chosen if schema is None else chosen | missing(schema, chosen)
    return filled


def data_classes(container: dict[str, Any]) -> list[str]:
    """The class names of a data set from its saved configuration.

    Raises:
        UserError: the configuration describes no data set.
    """
    schema = family_of({"data": container}, "data")
    known = {each.name for each in dataclasses.fields(schema)}
    data = schema(**{key: value for key, value in container.items() if key in known})
    assert isinstance(data, DataConfig)
    return data.class_names


def missing(schema: type[Frozen], container: dict[str, Any]) -> dict[str, Any]:
    """The keys of a dataclass that have a default and stand not in `container`, with it."""
    found = {}
    for each in dataclasses.fields(schema):  # type: ignore[arg-type]  # every subclass is one
        if each.name in container:
            continue
        if each.default_factory is not dataclasses.MISSING:
            found[each.name] = each.default_factory()
        elif each.default is not dataclasses.MISSING and each.default != MISSING:
            found[each.name] = each.default
    return found


def to_container(config: Config) -> dict[str, Any]:
    """The complete configuration as plain dicts, lists, numbers and strings."""
    container = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def to_yaml(config: Config) -> str:
    """The complete configuration as YAML."""
    return OmegaConf.to_yaml(OmegaConf.create(to_container(config)))
