"""Names made of what was typed: of run folders, and of the commands themselves."""

import hashlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from dilated_cifar.cli.arguments import Arguments
from dilated_cifar.cli.trials import trial_folder
from dilated_cifar.config.run import LOCAL_KEYS, Config
from dilated_cifar.extras import installed

LONGEST_NAME = 120
SCRIPTS = {
    "train": "train.py",
    "evaluate": "evaluate.py",
    "explain": "scripts/explain.py",
    "localize": "scripts/localize.py",
    "export": "scripts/export.py",
    "compare": "scripts/compare.py",
    "benchmark": "scripts/benchmark.py",
}
"""The commands, and their files in a checkout."""


def command_line(command: str, *arguments: str) -> str:
    """A command as this user calls it: by the name it was installed under, or by its file in a checkout."""
    called = Path(sys.argv[0])
    if installed() or called.stem.startswith("dilated-cifar"):
        return shlex.join([program(f"dilated-cifar-{command}"), *arguments])
    ours = [script for script in SCRIPTS.values() if called.name == Path(script).name]
    checkout = called.parents[len(Path(ours[0]).parts) - 1] if ours else Path()
    return shlex.join([program("python"), str(checkout / SCRIPTS[command]), *arguments])


def program(name: str) -> str:
    """A program beside this Python, as it can be typed here: with its path unless PATH leads to it."""
    here = Path(sys.executable).with_name(name)
    if name == "python" and not here.exists():
        here = Path(sys.executable)
    found = shutil.which(here.name)
    if not here.exists() or (found and Path(found).absolute() == here):
        return here.name
    return os.path.relpath(here) if here.is_relative_to(Path.cwd()) else str(here)


def sweep_folder(arguments: Arguments) -> Path:
    """A sweep's folder: `name`, or a name made of all that is swept."""
    saved = [typed for typed in arguments.typed if typed.startswith("config=")]
    name = arguments.value("name") or run_name([*saved, *arguments.overrides], default="sweep")
    return Path(arguments.value("output_dir") or "outputs") / name


def run_folder(config: DictConfig, fixed: Collection[str]) -> Path:
    """The folder of the job that Hydra is calling; `fixed` are the keys that no sweep varies."""
    context = HydraConfig.get()
    default = context.runtime.choices.get("model") or "run"
    overrides = context.overrides.task
    if context.mode is RunMode.MULTIRUN:
        # What all jobs share is in the sweep's own name.
        varied = [override for override in overrides if split_override(override)[0] not in fixed]
        sweep, name = Path(context.sweep.dir), run_name(varied, default)
        # Earlier releases named the folders of trials by their values; such a search goes on in them.
        if not searches(context.sweeper) or (sweep / name).is_dir():
            return sweep / name
        return trial_folder(sweep, dict(split_override(override) for override in sorted(varied)))
    named = any(split_override(override)[0] in ("model", "experiment") for override in overrides)
    made = run_name(overrides if named else [f"model={default}", *overrides], default)
    # `~output_dir` and `~name` leave them out.
    return Path(config.get("output_dir", Config.output_dir)) / (config.get("name") or made)


def searches(sweeper: DictConfig) -> bool:
    """Whether Hydra's sweeper proposes values by the results of others."""
    return "optuna" in sweeper._target_


def run_name(overrides: Iterable[str], default: str) -> str:
    """A legible folder name, the same for the same choices in any order.

    The model and the experiment come first, by their names alone; what else was chosen follows as
    key-value, joined by two underscores. Keys that do not change what a run computes are left out, as is what
    Hydra itself is told. Only characters are used that shells and Hydra leave alone.

    Args:
        overrides: As typed, such as `seed=1` and `model.dilations=[1,2,3]`.
        default: The name where nothing is chosen.
    """
    parts = [split_override(override) for override in overrides]
    chosen = {key: value for key, value in parts if key not in LOCAL_KEYS and not is_hydras(key)}
    first = [clean(chosen.pop(key)) for key in ("model", "experiment") if key in chosen]
    rest = [f"{key.rpartition('.')[2]}-{clean(value)}" for key, value in sorted(chosen.items())]
    name = "__".join([*first, *rest]) or default
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def is_hydras(key: str) -> bool:
    """Whether a key is Hydra's own, such as `hydra/launcher` and `hydra.launcher.n_jobs`."""
    return key.startswith(("hydra.", "hydra/"))


def split_override(override: str) -> tuple[str, str]:
    """Key and value of an override."""
    key, _, value = override.partition("=")
    return key.lstrip("+~"), value


def clean(value: str) -> str:
    """A value in characters that file names can hold: `[1,2,5]` gives `1-2-5`."""
    return re.sub(r"[^A-Za-z0-9._+]+", "-", value).strip("-.") or "none"
