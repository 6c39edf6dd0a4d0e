"""`train`: one training run, or with -m a sweep of them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import composing, execute
from dilated_cifar.cli.logs import console
from dilated_cifar.cli.naming import command_line, run_folder, sweep_folder
from dilated_cifar.cli.one_run import naming, print_curves, train_once
from dilated_cifar.cli.overrides import quoted
from dilated_cifar.cli.sweep import JobStatus, StopJobs, run_job
from dilated_cifar.errors import Interrupted, UserError, one_line, printable
from dilated_cifar.plugins import load_plugins
from dilated_cifar.processes import announce_tasks, launched
from dilated_cifar.training.signals import LastingInterrupt


def settings(arguments: Arguments) -> Sequence[str]:
    """What Hydra is told beside what was typed."""
    return (
        # Run folders are the project's own business: Hydra would write into one before it is known whether
        # another run's results lie there.
        "hydra.run.dir=.",
        "hydra.sweep.subdir=.",
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
        f"hydra.sweep.dir={quoted(str(sweep_folder(arguments)))}",
    )


COMMAND = Command(
    name="train",
    config="config",
    texts=("name", "output_dir", "data.root", "config", "teacher"),
    sweeps=True,
    settings=settings,
    help="""\
Train a convolutional network, plain or dilated, and say how well it does and how much it overfits.

usage: {train} [GROUP=CHOICE ...] [KEY=VALUE ...]      one run
       {train} -m KEY=VALUE,VALUE ... [KEY=VALUE ...]  a run for every combination

The same command again continues a run that was stopped, and leaves a finished one alone.

examples:
  {train} experiment=demo                    a first run, without a download
  {train} model=dilated_125                  CIFAR-10 with the defaults
  {train} model=plain 'model.dilations=[1,2,3]' epochs=20 optimizer.lr=0.05
  {train} -m model=plain,dilated_125 seed=0,1,2
  {train} -m model=plain,dilated_125 data.fold=0,1,2,3,4
  {train} -m experiment=sweep_dilations hydra/launcher=joblib
  {train} config=outputs/dilated_125/config.yaml name=again
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Have Hydra call a job once, or once for each combination of a sweep."""
    if arguments.multirun and launched():
        raise UserError(
            "-m: the processes of one torchrun train one network; start a sweep without torchrun, with "
            "hydra/launcher=joblib for jobs side by side"
        )
    if arguments.multirun:
        return run_sweep(arguments)
    run_one(arguments)
    return 0


def run_one(arguments: Arguments) -> Path:
    """A single run; returns its folder, and what goes wrong in it is raised."""
    remedy = "several values make a sweep; write: " + command_line("train", "-m", *arguments.typed)
    if arguments.swept:
        raise UserError(f"{arguments.swept[0].input_line}: {remedy}")
    fixed = arguments.fixed

    def job(composed: DictConfig) -> Path | Exception:
        # Returned instead of raised, for Hydra prints what is raised over many lines.
        try:
            if swept := swept_keys():
                raise UserError(f"{swept}: {remedy}")
            train_once(composed, lambda: run_folder(composed, fixed))
            return run_folder(composed, fixed)
        except Exception as error:
            return error

    with console(), composing(COMMAND, arguments) as composer:
        done = composer.hydra.run(composer.name, job, [*composer.overrides, "hydra.mode=RUN"])
    folder = done.return_value
    if isinstance(folder, Exception):
        raise folder
    assert isinstance(folder, Path)
    return folder


def swept_keys() -> str | None:
    """The keys and values that an experiment gives a sweeper; None without any."""
    # Not by attributes: an argument may have put anything in their place.
    composed = cast("DictConfig", HydraConfig.instance().cfg)
    swept = OmegaConf.select(composed, "hydra.sweeper.params")
    if isinstance(swept, DictConfig):
        return ", ".join(f"{key!s}={value}" for key, value in swept.items()) or None
    return f"hydra.sweeper.params={swept}" if swept else None


def run_sweep(arguments: Arguments) -> int:
    """A run for each combination; those that failed are listed at the end."""
    fixed, folder, plugins = arguments.fixed, sweep_folder(arguments), arguments.plugins
    jobs, interrupt = JobStatus.below(folder), LastingInterrupt()

    # Launchers pickle this function and call the copies in other processes: it holds plain data alone.
    def job(composed: DictConfig) -> float | None:
        interrupt.raise_again()
        load_plugins(plugins)
        if "submitit" in HydraConfig.get().launcher._target_:
            announce_tasks()
        place = run_folder(composed, fixed)
        number = HydraConfig.get().job.num
        return run_job(jobs, number, place, lambda: train_once(composed, lambda: place, jobs))

    ended: Exception | None = None
    elsewhere = arguments.value("hydra/launcher") not in (None, "basic")
    with jobs.opened():
        with StopJobs(jobs) if elsewhere else interrupt as stop:
            try:
                with console(), composing(COMMAND, arguments) as composer:
                    if not elsewhere and not arguments.swept:
                        require_a_sweep(composer.compose(), arguments)
                    composer.hydra.multirun(composer.name, job, [*composer.overrides, "hydra.mode=MULTIRUN"])
            except UserError:
                raise
            except Exception as error:
                ended = error
        if isinstance(stop, StopJobs) and stop.received:
            raise Interrupted(stop.received, folder)
        status = list_failures(jobs, ended)
        if any(outcome is None for _, outcome in jobs.outcomes()):
            print_curves(folder)
            print(printable("compare:     " + command_line("compare", str(folder), *naming(plugins))))
        return status


def require_a_sweep(composed: DictConfig, arguments: Arguments) -> None:
    """Raise a UserError where neither the arguments nor an experiment give any key several values."""
    if not composed.hydra.sweeper.get("params"):
        meant = command_line("train", *arguments.typed_for_one)
        raise UserError(f"-m: no key has several values, such as seed=0,1,2; write: {meant}")


def list_failures(jobs: JobStatus, ended: Exception | None) -> int:
    """Print the failed jobs, and what ended the whole sweep; returns the exit status."""
    failed = [(folder, outcome) for folder, outcome in jobs.outcomes() if outcome is not None]
    for folder, outcome in failed:
        print(printable(f"failed: {folder}: {outcome}"), file=sys.stderr)
    if ended:
        print(printable(f"error: the sweep ended early: {one_line(ended)}"), file=sys.stderr)
    return 1 if failed or ended else 0
