"""Trained weights that are read by name, `published:NAME`: those in the package and in a folder of one's own.

Every `NAME.safetensors` in `dilated_cifar/published` is one, and every one in the folder that the environment
variable DILATED_CIFAR_PUBLISHED names.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.config.base import expanded, nearest_first, shortened
from dilated_cifar.errors import UserError
from dilated_cifar.extras import PACKAGE
from dilated_cifar.percentages import percent

PREFIX, SUFFIX = "published:", ".safetensors"
FOLDER, VARIABLE = PACKAGE / "published", "DILATED_CIFAR_PUBLISHED"
MOST_BYTES = 10_000_000
"""Of all files in the package."""


def folders() -> list[Path]:
    """Where published weights lie: the folder of one's own, where there is one, and that of the package."""
    own = os.environ.get(VARIABLE)
    return [*([expanded(own)] if own else []), FOLDER]


def published(where: Sequence[Path] | None = None) -> dict[str, Path]:
    """The files of the weights that can be read by name, by their names; of two, that of the first folder.

    Args:
        where: The folders that are looked in; None for `folders`.
    """
    places = folders() if where is None else where
    found = [path for folder in reversed(places) for path in folder.glob(f"*{SUFFIX}")]
    return dict(sorted((path.stem, path) for path in found))


def path_of(text: str, where: Sequence[Path] | None = None) -> Path:
    """The path that a user's text stands for: that of published weights, or as it is typed.

    Args:
        text: `published:NAME`, or a path.
        where: As in `published`.

    Raises:
        UserError: no weights are published under that name.
    """
    if not text.startswith(PREFIX):
        return expanded(text)
    name, known = text.removeprefix(PREFIX), published(where)
    if name not in known:
        expected = nearest_first(name, known) if known else "a run's folder or a file: none is published here"
        raise UserError(f"{shortened(text)}: no such published weights; expected {expected}")
    return known[name]


def name_of(path: Path) -> str | None:
    """The name under which a file is published; None where it is not."""
    here = path.suffix == SUFFIX and path.parent.resolve() in [folder.resolve() for folder in folders()]
    return path.stem if here else None


def described(path: Path) -> str:
    """What published weights are: their data set, epoch and test accuracy; empty where they do not say it."""
    from safetensors import SafetensorError, safe_open  # only where there are any

    try:
        with safe_open(path, framework="np") as file:
            texts = file.metadata() or {}
        data = json.loads(texts["config"])["data"]["family"]
        accuracy = float(json.loads(texts["figures"])["test"]["accuracy"])
        return f"data={data}, epoch {int(texts['epoch'])}, test accuracy {percent(accuracy)}"
    except (SafetensorError, OSError, LookupError, TypeError, ValueError):
        return ""
