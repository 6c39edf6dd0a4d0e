"""What a configuration can name: networks, data sets, optimizers; each a dataclass and its function.

The dataclass holds the keys, their defaults and checks; its field `family` is the name. A function is paired
with it by a decorator, in the project's own files as in a plugin's:

    @network(CnnConfig)
    def build_cnn(config: CnnConfig, classes: int, input_size: tuple[int, int, int]) -> Classifier: ...

Nothing here imports torch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dilated_cifar.config.base import Choice
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.families import add_family
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.optimization import OptimizerConfig
from dilated_cifar.errors import UserError

Chosen = TypeVar("Chosen", bound=Choice)
Function = TypeVar("Function", bound=Callable[..., Any])

_NETWORKS: dict[type[ModelConfig], Callable[..., Any]] = {}
_DATA_SETS: dict[type[DataConfig], Callable[..., Any]] = {}
_OPTIMIZERS: dict[type[OptimizerConfig], Callable[..., Any]] = {}
_SETTLERS: dict[type[DataConfig], Callable[..., DataConfig]] = {}
_FOLDERS: list[Path] = []


def _pairing(
    config: type[Chosen], base: type[Choice], functions: dict[type[Chosen], Callable[..., Any]]
) -> Callable[[Function], Function]:
    """A decorator that makes `config` a family of the group of `base`, with its function."""

    def register(function: Function) -> Function:
        add_family(config, base, function.__module__)
        functions[config] = function
        return function

    return register


def network(config: type[ModelConfig]) -> Callable[[Function], Function]:
    """Pair a family of networks with its builder: `(config, classes, input_size) -> Classifier`.

    `input_size` is channels, height and width of the images.

    Raises:
        UserError: the family has the name of another one, or is no dataclass of networks.
    """
    return _pairing(config, ModelConfig, _NETWORKS)


def data_set(
    config: type[DataConfig], *, settle: Callable[..., DataConfig] | None = None
) -> Callable[[Function], Function]:
    """Pair a family of data sets with its reader, such as that in dilated_cifar/data/spacing.py.

    A data set of which something, such as the classes, is found only in its files says so by its property
    `settled`. Before a run, `settle(config, progress=...)` then returns the complete configuration.

    The reader is called with the configuration, the names of the wanted splits (of train, validation and
    test) and `progress`. It returns for each wanted split its images, uint8 `[N, C, H, W]`, and labels, int64
    `[N]`, and the names of the classes.

    Raises:
        UserError: the family has the name of another one, or is no dataclass of data sets.
    """
    if settle is not None:
        _SETTLERS[config] = settle
    return _pairing(config, DataConfig, _DATA_SETS)


def optimizer(config: type[OptimizerConfig]) -> Callable[[Function], Function]:
    """Pair a family of optimizers with its builder: `(config, parameters) -> torch.optim.Optimizer`.

    `parameters` is the list of a network's, in its order. The schedule sets `lr` of every parameter group
    before each step.

    Raises:
        UserError: the family has the name of another one, or is no dataclass of optimizers.
    """
    return _pairing(config, OptimizerConfig, _OPTIMIZERS)


def offer(folder: Path) -> None:
    """Offer the YAML files of a folder as choices, such as `model=NAME` of `FOLDER/model/NAME.yaml`.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected one with YAML files such as model/NAME.yaml")
    if folder not in _FOLDERS:
        _FOLDERS.append(folder)


def offered() -> list[Path]:
    """The folders of YAML files that plugins offer."""
    return list(_FOLDERS)


def builder_of(config: ModelConfig) -> Callable[..., Any]:
    """The builder of the network that `config` describes."""
    return _NETWORKS[type(config)]


def reader_of(config: DataConfig) -> Callable[..., Any]:
    """The reader of the data set that `config` describes."""
    return _DATA_SETS[type(config)]


def optimizer_of(config: OptimizerConfig) -> Callable[..., Any]:
    """The builder of the optimizer that `config` describes."""
    return _OPTIMIZERS[type(config)]


def settler_of(config: DataConfig) -> Callable[..., DataConfig]:
    """What completes the configuration of a data set that is not settled."""
    return _SETTLERS[type(config)]
