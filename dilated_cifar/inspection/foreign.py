"""A network of the user's own, named on the command line: imported, built and given its weights."""

import importlib
import inspect
import re
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn

from dilated_cifar import plugin_files
from dilated_cifar.config.base import expanded, nearest_first, shortened
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.errors import UserError, one_line
from dilated_cifar.plugins import line_of
from dilated_cifar.runs.untrusted import archive_fault, weights_fault


def load_network(config: ExplainConfig) -> nn.Module:
    """Build the network that `network`, `arguments` and `weights` describe, in eval mode.

    Raises:
        UserError: the module or its attribute is not there, its code or the builder raises an error, what it
            returns is no module, or the weights do not fit.
    """
    assert config.network is not None
    told = f"network={shortened(config.network)}"
    place, _, name = config.network.rpartition(":")
    builder = _attribute(_imported(place, told), name, told)
    if isinstance(builder, nn.Module):
        network: Any = builder
        if config.arguments:
            raise UserError(f"{told}: is a network already; leave out arguments.{min(config.arguments)}")
    else:
        network = _built(builder, config.arguments, told)
    if not isinstance(network, nn.Module):
        raise UserError(
            f"{told}: {name} returns a {type(network).__name__}; expected a torch.nn.Module"
            if callable(builder)
            else f"{told}: {name} is a {type(network).__name__}; expected a function that builds a network"
        )
    if config.weights is not None:
        _load_weights(network, config.weights)
    return network.eval()


def _imported(place: str, told: str) -> Any:
    file = expanded(place) if place.endswith(".py") or "/" in place else None
    if file is not None and not (file.suffix == ".py" and file.is_file()):
        raise UserError(f"{told}: no such file; expected network=FILE.py:BUILDER")
    module = place if file is None else plugin_files.module_name(file)
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if file is None and missing and f"{module}.".startswith(f"{missing}."):
            raise UserError(
                f"{told}: no module {missing}; expected an installed one, or network=FILE.py:BUILDER"
            ) from error
        raise UserError(
            f"{told}: {place} cannot be imported{line_of(error)}: {shortened(one_line_of(error))}"
        ) from error


def _attribute(module: Any, name: str, told: str) -> Any:
    if not hasattr(module, name):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise UserError(f"{told}: has no {name}; expected {shortened(nearest_first(name, known))}")
    return getattr(module, name)


def _built(builder: Any, arguments: dict[str, Any], told: str) -> Any:
    if not callable(builder):
        return builder
    try:
        known = inspect.signature(builder).parameters
    except (TypeError, ValueError):  # some built-in callables tell no signature
        known = None
    if known is not None and not any(each.kind is each.VAR_KEYWORD for each in known.values()):
        for key in arguments:
            if key not in known:
                raise UserError(
                    f"arguments.{key}: {told} takes no such argument; expected {', '.join(known)}"
                )
    try:
        return builder(**arguments)
    except (Exception, SystemExit) as error:
        raise UserError(
            f"{told}: the builder raised an error{line_of(error)}: {shortened(one_line_of(error))}; "
            "write arguments.KEY=VALUE for what it needs"
        ) from error


def one_line_of(error: BaseException) -> str:
    """What someone else's code raised, in a line, with the error's kind."""
    return one_line(error) if isinstance(error, Exception) else f"{type(error).__name__}: {error}"


def _load_weights(network: nn.Module, file: str) -> None:
    """Load a state dict of plain tensors: the file's own, or under `state_dict` or `model`."""
    path, told = expanded(file), f"weights={shortened(file)}"
    if not path.is_file():
        raise UserError(f"{told}: no such file; expected a state dict saved by torch.save")
    read = path.read_bytes()
    if fault := archive_fault(read):
        raise UserError(f"{told}: {fault.replace('a checkpoint', 'a state dict')}")
    try:
        content = torch.load(BytesIO(read), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged pickle raises
        raise UserError(f"{told}: damaged, truncated or not a state dict") from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{told}: holds no state dict; expected tensors by their names")
    content = {re.sub(r"^module\.", "", str(key)): value for key, value in content.items()}
    if fault := weights_fault(content, network.state_dict()):
        raise UserError(f"{told}: {fault}")
    network.load_state_dict(content)
