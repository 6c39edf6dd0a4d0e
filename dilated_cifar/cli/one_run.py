"""One run, or one job of a sweep: trained, continued or, where it is finished, reported."""

import logging
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from dilated_cifar.cli.arguments import PLUGIN
from dilated_cifar.cli.checks import require_possible
from dilated_cifar.cli.command import require_schemas
from dilated_cifar.cli.gpus import for_this_process
from dilated_cifar.cli.logs import error_file, log_file, refusal_file
from dilated_cifar.cli.naming import command_line, program
from dilated_cifar.cli.sweep import JobStatus
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config
from dilated_cifar.errors import UserError, printable
from dilated_cifar.plugins import plugins_of
from dilated_cifar.processes import Processes, joined, leads
from dilated_cifar.progress import Steps
from dilated_cifar.runs.folder import Found, opened
from dilated_cifar.runs.record import CONFIG, ERROR, LOG, has_weights

logger = logging.getLogger("dilated_cifar")


def train_once(
    composed: DictConfig, place: Callable[[], Path], jobs: JobStatus | None = None
) -> float | None:
    """Train, continue or report one run; a sweep's job where there are `jobs`.

    Args:
        composed: Its configuration, not yet checked.
        place: Returns its folder, asked after the check where it is no sweep's.
        jobs: The jobs of the sweep.

    Returns:
        Its validation accuracy, if it held images out.
    """
    beside_others = jobs is not None and jobs.elsewhere
    with refusal_file(place() if jobs and leads() else None):
        require_schemas(composed, HydraConfig.get().runtime)
        config = to_config(composed)
        if not config.data.settled:
            with Steps(shown=config.progress and jobs is None) as steps:
                steps.begin("loading torch")
                from dilated_cifar.data.splits import settled
            data = settled(config.data, progress=config.progress and not beside_others)
            config = replace(config, data=data)
        require_possible(config)
    folder = place()
    # The saved configuration names its folder, so that `config=FILE` is the same run again; and of all
    # plugins those that the run needs.
    name = Path(os.path.relpath(folder, config.output_dir)).as_posix()
    config = replace(config, name=name, plugin=plugins_of(config.model, config.data, config.optimizer))

    def waits() -> bool:
        # A search may try the same point twice at once: the second one has the first one's result.
        return jobs is not None and beside_others and not jobs.stopped

    with (
        leaving_nothing(folder, alone=jobs is None),
        joined() as processes,
        run_files(processes, folder, config, waits) as found,
    ):
        logger.info(
            "%s: finished before, left as it is" if found is Found.FINISHED else "run folder: %s", folder
        )
        # Only now: everything above answers at once, importing torch takes seconds.
        with Steps(shown=config.progress and processes.first and not beside_others) as steps:
            steps.begin("loading torch")
            from dilated_cifar.runs.reading import read_summary
            from dilated_cifar.training.loop import train
            from dilated_cifar.training.table import result_line, show

        if not processes.first:
            if found is not Found.FINISHED:
                train(config, folder, processes)
            return None
        if found is Found.FINISHED:
            summary = read_summary(folder)
            if not has_weights(folder):
                logger.info("%s: its checkpoints are not here; name=OTHER trains it again", folder)
        else:
            if jobs is not None and beside_others:
                config = for_this_process(config, jobs.folder, HydraConfig.get().job.num)
            summary = train(config, folder, processes, jobs.command if jobs else None)
        if beside_others:
            logger.info("%s", result_line(summary))
        else:
            show(summary, folder)
        if jobs is None:
            # Of the folder above: there, TensorBoard shows the run under its name.
            print_curves(folder.parent)
            if has_weights(folder):
                evaluate = command_line("evaluate", str(folder), *naming(config.plugin))
                print(printable(f"evaluate:    {evaluate}"))
    chosen = summary.selected.validation
    return None if chosen is None else chosen.accuracy


@contextmanager
def run_files(
    processes: Processes, folder: Path, config: Config, waits: Callable[[], bool]
) -> Iterator[Found]:
    """The run folder and its log, opened by the first process; the others are told what is there."""
    if not processes.first:
        with processes.in_contact():
            yield processes.share(lambda: Found.NOTHING)
        return
    files = opened(folder, config, waits)
    with files as found, log_file(folder) as log, error_file(folder, log), processes.in_contact():
        yield processes.share(lambda: found)


@contextmanager
def leaving_nothing(folder: Path, *, alone: bool) -> Iterator[None]:
    """Remove the folder of a run again that was refused before it began, such as one on a device not here.

    A sweep's jobs keep theirs, which says why.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except UserError as error:
        if alone and error.status == UserError.status:
            for name in (CONFIG, LOG, ERROR, ".lock") if folder in made else ():
                with suppress(OSError):  # it was never made
                    (folder / name).unlink()
            for each in made:
                with suppress(OSError):  # it holds something
                    each.rmdir()
        raise


def naming(plugins: Sequence[str]) -> list[str]:
    """The arguments that name plugins in another command."""
    return [f"{PLUGIN}={name}" for name in plugins]


def print_curves(folder: Path) -> None:
    """Say how to look at the curves of the runs below a folder."""
    print(printable("curves:      " + shlex.join([program("tensorboard"), "--logdir", str(folder)])))
