"""What an exported file says of its network: its metadata, written as texts and read back as a checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dilated_cifar import __version__
from dilated_cifar.config.run import LOCAL_KEYS, Config
from dilated_cifar.config.store import completed, to_container
from dilated_cifar.errors import UserError
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.record import Figures
from dilated_cifar.runs.untrusted import content_fault

MARK, VERSION = "dilated_cifar", 1
"""The key that tells an exported file from others, and its value: the version of these keys."""
NEEDED = ("config", "class_names", "epoch")
"""What a reader takes; the other keys are for those who read the file without this project."""
OURS = "expected a file that export wrote"


def describe(
    config: Config, class_names: list[str], epoch: int, figures: Figures | None, *, normalised: bool
) -> dict[str, Any]:
    """The metadata of an exported network as plain data.

    Args:
        config: Of its run; keys of the machine it ran on, such as `data.root`, are left out.
        class_names: In the order of the logits.
        epoch: After how many epochs the weights were taken.
        figures: What was measured of these weights; None where no finished run says so.
        normalised: Whether the file normalises images itself, as graphs do and mere weights cannot.
    """
    data = config.data
    return {
        MARK: VERSION,
        "release": __version__,
        "class_names": class_names,
        "epoch": epoch,
        "input": {
            "shape": ["batch", *data.input_size],
            "range": [0, 1],
            "mean": data.mean,
            "std": data.std,
            "normalised": "by the graph" if normalised else "by the caller: (images - mean) / std",
        },
        "figures": None if figures is None else asdict(figures),
        "config": portable(config),
    }


def portable(config: Config) -> dict[str, Any]:
    """A configuration as plain data, with the defaults for keys that say where and on what a run happened."""
    container = to_container(config)
    kept = {
        group: {key: value for key, value in chosen.items() if f"{group}.{key}" not in LOCAL_KEYS}
        if isinstance(chosen, dict)
        else chosen
        for group, chosen in container.items()
        if group not in LOCAL_KEYS
    }
    filled = completed(kept)
    # Whoever reads the file is to know which plugin it needs, not where that lay.
    plugins = [Path(name).name if name.endswith(".py") else name for name in config.plugin]
    data = container["data"] | filled["data"]  # a key without a default stays
    return filled | {"data": data, "plugin": plugins}


def as_texts(description: Mapping[str, Any]) -> dict[str, str]:
    """A description as safetensors and ONNX hold it: a text for each key, JSON where it is none."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in description.items()}


def described(texts: Mapping[str, str], path: Path) -> Checkpoint:
    """The checkpoint, without its weights, that the metadata of a file describe.

    Raises:
        UserError: they are not as `as_texts` makes them.
    """
    if texts.get(MARK) != str(VERSION):
        found = f"of version {texts[MARK][:20]}" if MARK in texts else "no such"
        raise UserError(f"{path}: {found} metadata of dilated-cifar, version {VERSION}; {OURS}")
    try:
        content = {key: json.loads(texts[key]) for key in NEEDED}
    except (LookupError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: its metadata are damaged ({type(error).__name__}); {OURS}") from error
    if fault := content_fault({**content, "model": {}, "metrics": {}, "training": None}):
        raise UserError(f"{path}: its metadata are damaged: {fault}; {OURS}")
    return Checkpoint(**content, model={}, metrics={})
