"""What a command is, and what was typed after its name."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.types import Override

RUN_KEYS = ("run", "checkpoint")
"""What may stand before a run's folder or file in every command that takes runs."""
SUFFIXES = (".pt", ".safetensors", ".onnx")
"""Of the files that hold weights."""
PLUGIN = "plugin"
"""The key of plugins, the same in every command."""


@dataclass(frozen=True)
class Command:
    """What a command is called, what it says of itself and how the values of its keys are typed."""

    name: str
    config: str
    """Its configuration, `conf/CONFIG.yaml`."""
    help: str
    """The text of `--help`: what it does, usage, examples."""
    texts: tuple[str, ...] = ()
    """Keys whose value is taken as it is typed: commas, brackets and spaces are part of it."""
    files: tuple[str, ...] = ()
    """Keys that take several files, as a shell expands `KEY=*.jpg`."""
    lists: tuple[str, ...] = ()
    """Keys whose list may be typed without brackets: `KEY=a,b`."""
    free: tuple[str, ...] = ()
    """Groups whose keys are the user's own: `GROUP.KEY=VALUE` needs no plus sign."""
    runs: str | None = None
    """The key of the runs: a list whose members are typed without a key, or after any of RUN_KEYS."""
    sweeps: bool = False
    settings: "Callable[[Arguments], Sequence[str]]" = lambda _: ()
    """Overrides that the command adds to those typed."""


@dataclass(frozen=True)
class Arguments:
    """What was typed."""

    options: argparse.Namespace
    """Hydra's options, such as `multirun` and `cfg`."""
    parsed: list[Override]
    """The overrides as Hydra reads them."""
    saved: Path | None
    """A saved configuration that takes the place of `conf/`."""
    typed: Sequence[str]
    """All of it, as it was typed."""

    @property
    def overrides(self) -> list[str]:
        """The overrides in Hydra's grammar."""
        return [str(override.input_line) for override in self.parsed]

    def value(self, key: str) -> str | None:
        """The value that the last override of `key` gives, or None."""
        values = [override.value() for override in self.parsed if override.key_or_group == key]
        return None if not values or values[-1] is None else str(values[-1])

    @property
    def plugins(self) -> list[str]:
        """The plugins that were named."""
        values = [override.value() for override in self.parsed if override.key_or_group == PLUGIN]
        return [str(name) for value in values if isinstance(value, list) for name in value]

    @property
    def multirun(self) -> bool:
        """Whether a sweep is asked for."""
        return bool(self.options.multirun) or self.value("hydra.mode") == "MULTIRUN"

    @property
    def typed_for_one(self) -> list[str]:
        """What was typed, without asking for a sweep."""
        return [each for each in self.typed if each not in ("-m", "--multirun")]

    @property
    def swept(self) -> list[Override]:
        """The overrides with several values."""
        return [override for override in self.parsed if override.is_sweep_override()]

    @property
    def fixed(self) -> set[str]:
        """The keys to which the overrides give one value."""
        return {override.key_or_group for override in self.parsed if not override.is_sweep_override()}
