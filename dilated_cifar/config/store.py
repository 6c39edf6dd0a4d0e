"""From YAML and overrides to a checked Config, and back."""

from dataclasses import fields
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dilated_cifar.config.base import Choice, require_one_of
from dilated_cifar.config.data import AugmentConfig, DataConfig
from dilated_cifar.config.messages import describe
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.optimization import OptimizerConfig, ScheduleConfig
from dilated_cifar.config.run import Config
from dilated_cifar.errors import UserError

GROUPS: dict[str, type[Choice]] = {
    group.group: group for group in (ModelConfig, DataConfig, OptimizerConfig, ScheduleConfig)
}


def families(base: type[Choice]) -> dict[str, type[Choice]]:
    """Every family of a group by its name, subclasses of subclasses too."""
    found: dict[str, type[Choice]] = {}
    for subclass in base.__subclasses__():
        found |= {subclass.family: subclass} | families(subclass)
    return found


def register_schemas() -> None:
    """Tell Hydra the schema of every choice, as `schema/GROUP/FAMILY`, and of the whole as `schema/run`."""
    store = ConfigStore.instance()
    store.store(group="schema", name="run", node=Config)
    store.store(group="schema/augment", name="batch", node=AugmentConfig)
    for group, base in GROUPS.items():
        for name, schema in families(base).items():
            store.store(group=f"schema/{group}", name=name, node=schema)


def to_config(container: DictConfig | dict[str, Any]) -> Config:
    """Check a composed, printed or saved configuration against the dataclasses.

    Raises:
        UserError: a key is unknown or missing, a value has the wrong type or is out of its bounds.
    """
    plain = OmegaConf.to_container(container) if isinstance(container, DictConfig) else container
    require_keys(plain)
    try:
        typed = OmegaConf.structured(Config)
        for group, base in GROUPS.items():
            chosen = plain[group]
            known = families(base)
            require_one_of(str(chosen.get("family")), list(known), f"{group}.family")
            typed[group] = OmegaConf.merge(OmegaConf.structured(known[chosen["family"]]), chosen)
        rest = {key: value for key, value in plain.items() if key not in GROUPS}
        config = OmegaConf.to_object(OmegaConf.merge(typed, rest))
    except OmegaConfBaseException as error:
        raise UserError(describe(error)) from error
    assert isinstance(config, Config)
    return config


def require_keys(plain: Any) -> None:
    """Raise a UserError unless `plain` is a mapping with every group of a Config."""
    groups = [field.name for field in fields(Config) if field.name in (*GROUPS, "augment")]
    absent = [group for group in groups if not isinstance(plain, dict) or not isinstance(plain.get(group), dict)]
    if absent:
        raise UserError(f"the configuration has no {', '.join(absent)}: expected one written by train.py")


def to_container(config: Config) -> dict[str, Any]:
    """The complete configuration as plain dicts, lists, numbers and strings."""
    container = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def to_yaml(config: Config) -> str:
    """The complete configuration as YAML."""
    return OmegaConf.to_yaml(OmegaConf.create(to_container(config)))
