"""Composing the configuration of a command that runs once, with the same syntax as `train.py`."""

from collections.abc import Sequence
from typing import TypeVar

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dilated_cifar.cli.arguments import conf_folder, is_override, quote_paths
from dilated_cifar.config.store import register_schemas
from dilated_cifar.errors import UserError

Schema = TypeVar("Schema")


def compose_config(name: str, schema: type[Schema], words: Sequence[str]) -> Schema:
    """The configuration that `conf/NAME.yaml` and the overrides in `words` make.

    Raises:
        UserError: a word is no override.
        HydraException, OmegaConfBaseException: an override does not fit; `guard` tells it in one line.
    """
    for word in words:
        if not is_override(word):
            raise UserError(f"{word}: expected key=value; --help lists the keys")
    register_schemas()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = compose(name, overrides=quote_paths(words))
    config = OmegaConf.to_object(composed)
    assert isinstance(config, schema)
    return config
