"""`python train.py`: one training run, or with -m a sweep of them."""

import logging
import os
import re
import sys
from collections.abc import Collection, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode, TaskFunction
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from dilated_cifar.cli.arguments import (
    conf_folder,
    fixed_keys,
    is_override,
    override_value,
    quote_paths,
    quoted,
    run_name,
    saved_config_words,
    split_override,
)
from dilated_cifar.cli.guard import guard
from dilated_cifar.cli.help import TRAIN, print_help
from dilated_cifar.cli.records import console, error_file, log_file, refusal_file
from dilated_cifar.cli.sweep import (
    Roll,
    StopJobs,
    engines_installed,
    for_this_process,
    is_sweep,
    register_engines,
    run_job,
    runs_elsewhere,
)
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import register_schemas, to_config
from dilated_cifar.errors import Interrupted, UserError, one_line
from dilated_cifar.runs.folder import Found, opened

logger = logging.getLogger("dilated_cifar")

HYDRA_SETTINGS = (
    # Run folders are the project's own business: Hydra would write into one before it is known whether
    # another run's results lie there.
    "hydra.run.dir=.",
    "hydra.sweep.subdir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=none",
)


def main() -> int:
    """Run the command; returns its exit status."""
    return guard(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Hand the words to Hydra, which calls a job once, or once for each combination of a sweep."""
    if "--help" in words or "-h" in words:
        print_help(TRAIN, "config")
        return 0
    register_schemas()
    register_engines()
    fixed = fixed_keys(quote_paths(words))
    return run_sweep(words, fixed) if is_sweep(words) else run_one(words, fixed)


def run_one(words: Sequence[str], fixed: set[str]) -> int:
    """A single run; what goes wrong in it is raised."""
    errors: list[Exception] = []

    def job(composed: DictConfig) -> None:
        # Kept instead of raised, for Hydra prints what is raised over many lines.
        try:
            if HydraConfig.get().sweeper.params:
                raise UserError("these choices make a sweep; write: python train.py -m ...")
            train_once(composed, fixed)
        except Exception as error:
            errors.append(error)

    call_hydra(job, words)
    if errors:
        raise errors[0]
    return 0


def run_sweep(words: Sequence[str], fixed: set[str]) -> int:
    """A run for each combination; those that failed are listed at the end."""
    roll = Roll.of(sweep_path(words))

    # Launchers pickle this function and call the copies in other processes: it holds plain data alone.
    def job(composed: DictConfig) -> float | None:
        folder = run_folder(composed, fixed)
        return run_job(roll, HydraConfig.get().job.num, folder, lambda: train_once(composed, fixed, roll))

    ended: Exception | None = None
    with closing(roll):
        with StopJobs(roll) if runs_elsewhere(words) else nullcontext() as stop:
            try:
                call_hydra(job, words)
            except (UserError, HydraException, OmegaConfBaseException):
                raise
            except Exception as error:
                ended = error
        if stop and stop.received:
            raise Interrupted(stop.received, sweep_path(words))
        return list_failures(roll, ended)


def list_failures(roll: Roll, ended: Exception | None) -> int:
    """Print the failed jobs, and what ended the whole sweep; returns the exit status."""
    failed = [(folder, outcome) for folder, outcome in roll.outcomes() if outcome is not None]
    for folder, outcome in failed:
        print(f"failed: {folder}: {outcome}", file=sys.stderr)
    if ended:
        print(f"error: the sweep ended early: {one_line(ended)}", file=sys.stderr)
    return 1 if failed or ended else 0


def call_hydra(job: TaskFunction, words: Sequence[str]) -> None:
    """Have Hydra compose the configuration that the words ask for, and call `job` with it."""
    typed = sys.argv
    sys.argv = [typed[0], *hydra_words(words)]
    try:
        with console():
            hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(job)()
    except (HydraException, RuntimeError) as error:
        # Without a plugin, Hydra knows neither its class nor its samplers.
        if re.search("Unknown plugin|sampler/tpe", str(error)) and not engines_installed():
            raise UserError("no such launcher or sweeper is installed: pip install -e '.[sweep]'") from error
        raise
    finally:
        sys.argv = typed


def hydra_words(words: Sequence[str]) -> list[str]:
    """The words for Hydra's parser, which wants its options first and all overrides together."""
    typed = saved_config_words(quote_paths(words))
    options = [word for word in typed if not is_override(word)]
    overrides = [word for word in typed if is_override(word)]
    return [*options, *overrides, *HYDRA_SETTINGS, f"hydra.sweep.dir={quoted(str(sweep_path(words)))}"]


def sweep_path(words: Sequence[str]) -> Path:
    """A sweep's folder: `name`, or a name made of all that is swept."""
    overrides = [word for word in words if is_override(word)]
    name = override_value(words, "name") or run_name(overrides, default="sweep")
    return Path(override_value(words, "output_dir") or "outputs") / name


def run_folder(config: Config | DictConfig, fixed: Collection[str]) -> Path:
    """The folder of the job that Hydra is calling; `fixed` are the keys that no sweep varies."""
    context = HydraConfig.get()
    default = context.runtime.choices.get("model") or "run"
    words = context.overrides.task
    if context.mode is RunMode.MULTIRUN:
        # What all jobs share is in the sweep's own name.
        varied = [word for word in words if split_override(word)[0] not in fixed]
        return Path(context.sweep.dir) / run_name(varied, default)
    named = any(split_override(word)[0] in ("model", "experiment") for word in words)
    made = run_name(words if named else [f"model={default}", *words], default)
    return Path(config.output_dir) / (config.name or made)


def train_once(composed: DictConfig, fixed: Collection[str], roll: Roll | None = None) -> float | None:
    """Train, continue or report one run, a sweep's job where there is a roll.

    Returns:
        Its validation accuracy, if it held images out.
    """
    beside_others = roll is not None and roll.elsewhere
    with refusal_file(run_folder(composed, fixed) if roll else None):
        config = to_config(composed)
        require_a_value(config)
    folder = run_folder(config, fixed)
    # The saved configuration names its folder, so that `config=FILE` is the same run again.
    config = replace(config, name=Path(os.path.relpath(folder, config.output_dir)).as_posix())

    def waits() -> bool:
        # A search may try the same point twice at once: the second one has the first one's result.
        return roll is not None and beside_others and not roll.stopped

    with opened(folder, config, waits) as found, log_file(folder), error_file(folder):
        # Only now: everything above answers at once, importing torch takes seconds.
        from dilated_cifar.runs.reading import read_summary
        from dilated_cifar.training.loop import train
        from dilated_cifar.training.table import result_line, show

        if found is Found.FINISHED:
            logger.info("%s: finished before, left as it is", folder)
            summary = read_summary(folder)
        else:
            logger.info("run folder: %s", folder)
            if roll is not None and beside_others:
                config = for_this_process(config, roll, HydraConfig.get().job.num)
            summary = train(config, folder)
        if beside_others:
            logger.info("%s", result_line(summary))
        else:
            show(summary, folder)
    chosen = summary.selected.validation
    return None if chosen is None else chosen.accuracy


def require_a_value(config: Config) -> None:
    """Raise a UserError where a search could not learn from a run of this configuration."""
    context = HydraConfig.get()
    searches = context.mode is RunMode.MULTIRUN and "optuna" in context.sweeper._target_
    if searches and config.data.validation == 0:
        raise UserError("data.validation=0: expected images to hold out; a search goes by their accuracy")
