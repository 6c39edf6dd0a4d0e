"""`python train.py`: one training run, or with -m a sweep of them."""

import logging
import os
import sys
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from tqdm.contrib.logging import logging_redirect_tqdm

from dilated_cifar.commands.arguments import (
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
from dilated_cifar.commands.guard import guard
from dilated_cifar.commands.help import TRAIN, print_help
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import register_schemas, to_config
from dilated_cifar.errors import UserError
from dilated_cifar.training.folder import ERROR, Found, opened

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
    """Hand the words to Hydra, which calls `job` once, or once for each job of a sweep."""
    if "--help" in words or "-h" in words:
        print_help(TRAIN, "config")
        return 0
    register_schemas()
    failures: dict[str, Exception] = {}
    fixed = fixed_keys(quote_paths(words))

    @hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    def job(composed: DictConfig) -> float | None:
        # What goes wrong is kept, so that one failed job neither ends nor hides the others.
        try:
            return train_once(composed, fixed)
        except Exception as error:
            failures[" ".join(HydraConfig.get().overrides.task) or "defaults"] = error
            return None

    typed = sys.argv
    sys.argv = [typed[0], *hydra_words(words)]
    try:
        with console():
            job()
    finally:
        sys.argv = typed
    if not failures:
        return 0
    if "-m" not in words and "--multirun" not in words:
        raise next(iter(failures.values()))
    for overrides, error in failures.items():
        print(f"failed: {overrides}: {one_line(error)}", file=sys.stderr)
    return 1


def hydra_words(words: Sequence[str]) -> list[str]:
    """The words for Hydra's parser, which wants its options first and all overrides together."""
    typed = saved_config_words(quote_paths(words))
    options = [word for word in typed if not is_override(word)]
    overrides = [word for word in typed if is_override(word)]
    return [*options, *overrides, *HYDRA_SETTINGS, sweep_folder(words)]


def sweep_folder(words: Sequence[str]) -> str:
    """The override that gives a sweep its folder: `name`, or a name made of all that is swept."""
    overrides = [word for word in words if is_override(word)]
    name = override_value(words, "name") or run_name(overrides, default="sweep")
    parent = override_value(words, "output_dir")
    return f"hydra.sweep.dir={quoted(str(Path(parent or 'outputs') / name))}"


def run_folder(config: Config, fixed: Collection[str]) -> Path:
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


def train_once(composed: DictConfig, fixed: Collection[str]) -> float | None:
    """Train, continue or report one run; returns its validation accuracy, if it held images out."""
    config = to_config(composed)
    folder = run_folder(config, fixed)
    # The saved configuration names its folder, so that `config=FILE` is the same run again.
    config = replace(config, name=Path(os.path.relpath(folder, config.output_dir)).as_posix())
    with opened(folder, config) as found, log_file(folder), error_file(folder):
        # Only now: everything above answers at once, importing torch takes seconds.
        from dilated_cifar.training.loop import train
        from dilated_cifar.training.summary import read_summary
        from dilated_cifar.training.table import show

        if found is Found.FINISHED:
            logger.info("%s: finished before, left as it is", folder)
            summary = read_summary(folder)
        else:
            logger.info("run folder: %s", folder)
            summary = train(config, folder)
        show(summary, folder)
    chosen = summary.weights.validation
    return None if chosen is None else chosen.accuracy


@contextmanager
def console() -> Iterator[None]:
    """Show the project's log lines on stdout, above a progress bar where there is one."""
    handler = logging.StreamHandler(sys.stdout)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        with logging_redirect_tqdm([logger]):
            yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def log_file(folder: Path) -> Iterator[None]:
    """Also append the log lines to the run's train.log."""
    handler = logging.FileHandler(folder / "train.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


@contextmanager
def error_file(folder: Path) -> Iterator[None]:
    """Leave what goes wrong in the run's error.txt: one line, and the traceback where it is a bug."""
    path = folder / ERROR
    path.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        details = "" if isinstance(error, UserError) else "\n" + traceback.format_exc()
        path.write_text(f"{one_line(error)}\n{details}", encoding="utf-8")
        logger.error("failed: %s", one_line(error))
        raise


def one_line(error: Exception) -> str:
    """What went wrong, and for a bug its kind."""
    message = " ".join(str(error).split())
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"
