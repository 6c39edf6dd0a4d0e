"""OmegaConf's findings in one line and plain terms."""

import re

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from dilated_cifar.config.base import nearest_first

KINDS = {"Float": "a number", "Integer": "a whole number"}
LISTS = {"augment.crop": "[24]", "augment.scales": "[0.5,1.5]"}
"""Examples of lists that are no rates."""


def describe(error: OmegaConfBaseException) -> str:
    """Key, value and what was expected, of a value or key that the schema refuses."""
    key = str(getattr(error, "full_key", None) or "the configuration")
    message = str(getattr(error, "msg", None) or error).splitlines()[0]
    if isinstance(error, MissingMandatoryValue):
        return f"{key}: a value is missing; write {key}=VALUE"
    parent, name = getattr(error, "parent_node", None), getattr(error, "key", None)
    if isinstance(parent, DictConfig) and isinstance(name, str) and name not in parent:
        return f"{key}: no such key; expected {nearest_keys(name, parent, key.rpartition('.')[0])}"
    if found := re.match(r"Value '(.*)' of type '.*' could not be converted to (\w+)", message):
        return f"{key}={found[1]}: expected {KINDS.get(found[2], found[2])}"
    if found := re.match(r"Value '(.*)' is not a valid bool", message):
        return f"{key}={found[1]}: expected true or false"
    if "is not a ListConfig" in message:
        return f"{key}: expected a list; write '{key}={LISTS.get(key, '[1,2,5]')}', in quotes"
    return f"{key}: {message}"


def nearest_keys(name: str, parent: DictConfig, prefix: str) -> str:
    """The keys beside `name`, and as the nearest those of that name further down."""
    start = f"{prefix}." if prefix else ""
    keys = [str(key) for key in parent if key not in ("hydra", "family")]
    # Values that are missing, or stand for others that may be, cannot be asked for.
    known = [
        key
        for key in keys
        if not (OmegaConf.is_missing(parent, key) or OmegaConf.is_interpolation(parent, key))
    ]
    groups = [key for key in known if isinstance(parent[key], DictConfig)]
    deeper = [f"{start}{group}.{name}" for group in groups if name in parent[group]]
    return " or ".join(deeper) or nearest_first(f"{start}{name}", [f"{start}{key}" for key in keys])
