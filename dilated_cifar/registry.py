"""What a configuration can name: networks and data sets, each a dataclass and the function behind it.

The dataclass holds the keys, their defaults and checks; its field `family` is the name. A function is paired
with it by a decorator, in the project's own files as in anyone else's:

    @network(CnnConfig)
    def build_cnn(config: CnnConfig, classes: int) -> Classifier: ...

Nothing here imports torch.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.model import ModelConfig

Function = TypeVar("Function", bound=Callable[..., Any])

_NETWORKS: dict[type[ModelConfig], Callable[..., Any]] = {}
_DATA_SETS: dict[type[DataConfig], Callable[..., Any]] = {}


def network(config: type[ModelConfig]) -> Callable[[Function], Function]:
    """Pair a family of networks with its builder: `(config, classes) -> Classifier`."""

    def register(builder: Function) -> Function:
        _NETWORKS[config] = builder
        return builder

    return register


def data_set(config: type[DataConfig]) -> Callable[[Function], Function]:
    """Pair a family of data sets with its reader, as in dilated_cifar/data/splits.py."""

    def register(reader: Function) -> Function:
        _DATA_SETS[config] = reader
        return reader

    return register


def builder_of(config: ModelConfig) -> Callable[..., Any]:
    """The builder of the network that `config` describes."""
    return _NETWORKS[type(config)]


def reader_of(config: DataConfig) -> Callable[..., Any]:
    """The reader of the data set that `config` describes."""
    return _DATA_SETS[type(config)]
