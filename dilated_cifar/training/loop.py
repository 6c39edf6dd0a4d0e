"""The training loop: from a configuration and a run folder to trained weights and their figures."""

import logging
import math
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from dilated_cifar.config.run import Config
from dilated_cifar.data.batches import batches, steps_per_epoch
from dilated_cifar.data.splits import Splits, load
from dilated_cifar.device import (
    Machine,
    choose_machine,
    has_bf16_units,
    operations_named,
    use_threads,
)
from dilated_cifar.errors import Interrupted, RunError
from dilated_cifar.inspection.network import hole_warning, inspect_if_traceable
from dilated_cifar.percentages import percent, points
from dilated_cifar.processes import ALONE, Processes
from dilated_cifar.progress import Steps
from dilated_cifar.runs.environment import add_session
from dilated_cifar.runs.folder import saving
from dilated_cifar.runs.record import Summary, last_checkpoint, previous_checkpoint
from dilated_cifar.runs.writing import write_curves, write_predictions, write_summary
from dilated_cifar.training.averaging import fit_batch_norms
from dilated_cifar.training.bar import Bar
from dilated_cifar.training.batch_norm import synchronised
from dilated_cifar.training.board import Board
from dilated_cifar.training.initialization import pass_on, whiten
from dilated_cifar.training.measure import measure_epoch, measure_run
from dilated_cifar.training.optimizer import learning_rate, set_learning_rate
from dilated_cifar.training.resume import saved_state
from dilated_cifar.training.signals import StopSignals
from dilated_cifar.training.state import Progress, State, Sums, new_state
from dilated_cifar.training.step import take_step

logger = logging.getLogger(__name__)


def train(config: Config, folder: Path, processes: Processes = ALONE, command: str | None = None) -> Summary:
    """Train from the start, or from where `folder` left off, to the end of the last epoch.

    Of several processes each trains on its part of every batch; the first alone reads and writes `folder`.
    It records the `command` that was typed, by default that of this process.

    Raises:
        UserError: the device, the data or the saved state is not as expected.
        RunError: the loss or a gradient is no longer finite; the last saved state stays.
        Interrupted: Ctrl-C or SIGTERM; the step was finished and the state saved.
    """
    use_threads(config.threads)
    machine = choose_machine(
        config.device,
        precision=config.precision,
        channels_last=config.channels_last,
        deterministic=config.deterministic,
        processes=processes,
        compiled=config.compile,
    )
    first, share = machine.processes.first, machine.processes.share
    if not first:
        config = replace(config, progress=False)
    splits = load(config.data, progress=config.progress).to(machine.device)
    resumed = share(lambda: last_checkpoint(folder).is_file() or previous_checkpoint(folder).is_file())
    if resumed:
        state = saved_state(config, folder, machine, images=len(splits.train))
        logger.info("continuing after epoch %d, step %d", state.progress.epoch, state.progress.step)
    else:
        state = new_state(config, splits.class_names, machine)
        if config.dirac:
            pass_on(state.model)
        if config.whiten:
            whiten(state.model, splits.train.images, config.data)
    logger.info("training on %s with %d images%s", machine, len(splits.train), config.data.told_fold)
    if config.precision == "auto" and machine.device.type == "cpu" and has_bf16_units():
        logger.info("this CPU has bf16 units: precision=bf16 may train twice as fast")
    network = inspect_if_traceable(state.model, config.data.input_size, stack=config.model.stack)
    if network and not resumed and (holes := hole_warning(network)):
        logger.warning("%s", holes)
    showing = Board(folder, state, splits, network) if first else nullcontext()
    line = Steps(shown=config.progress)
    with StopSignals() as stop, saving(folder), operations_named(), line, showing as board:
        if first:
            begin_files(state, machine, folder, command, resumed=resumed)
        line.end()
        run_epochs(state, splits, machine, folder, board, stop)
        with Steps(shown=config.progress) as steps:
            steps.begin("final test")
            summary, predicted = measure_run(state, splits, machine, folder, network)
        if board is not None:
            write_predictions(folder, predicted.cpu().numpy(), splits.test.labels.cpu().numpy())
            board.finish(summary)
            write_summary(folder, summary)
    if stop.received:  # during the last test, where this run is complete, but a sweep is not to go on
        raise Interrupted(stop.received, folder)
    return summary


def begin_files(state: State, machine: Machine, folder: Path, command: str | None, *, resumed: bool) -> None:
    """Save the state before the first step, or bring the other files to what the saved state says."""
    progress = state.progress
    add_session(folder, progress.epoch, progress.step, str(machine), machine.processes.count, command)
    if resumed:
        state.save_best(folder)
        if state.progress.history:
            write_curves(folder, state.progress.history)
    else:
        # From here on a run without last.pt is one that lost it, and never begins anew unasked.
        last_checkpoint(folder).parent.mkdir(exist_ok=True)
        state.save(folder, machine)


def run_epochs(
    state: State, splits: Splits, machine: Machine, folder: Path, board: Board | None, stop: StopSignals
) -> None:
    """The loop itself: every step of every epoch that is left, and what happens in between."""
    config, progress, train, processes = state.config, state.progress, splits.train, machine.processes
    network = machine.compiled(processes.parallel(synchronised(state.model, machine), machine.device))
    steps = steps_per_epoch(len(train), config.batch_size)
    done = progress.epoch * len(train) + min(progress.step * config.batch_size, len(train))
    last_save = time.monotonic()
    with Bar(
        images=config.epochs * len(train), done=done, epochs=config.epochs, shown=config.progress
    ) as bar:
        while progress.epoch < config.epochs:
            epoch = progress.epoch
            state.model.train()
            sums = torch.tensor(progress.sums, device=machine.device)
            clock = time.perf_counter()
            for batch in batches(
                train, config.batch_size, seed=config.seed, epoch=epoch, start_step=progress.step
            ):
                rate = learning_rate(
                    config.schedule,
                    config.optimizer.lr,
                    epoch * steps + batch.step,
                    steps_per_epoch=steps,
                    epochs=config.epochs,
                )
                set_learning_rate(state.optimizer, rate)
                sums += take_step(state, network, batch, machine, epoch=epoch)
                progress.step = batch.step + 1

                # A signal may have reached only some of the processes, and their clocks differ.
                look, due, stopped = processes.highest(
                    bar.advance(len(batch.labels)),
                    time.monotonic() - last_save > 60 * config.save_minutes,
                    stop.received,
                )
                if look or due or stopped or progress.step == steps:
                    # Reading the sums waits for the device, so it happens now and then, not every step.
                    clock = note_sums(progress, sums, clock, machine, rate, folder)
                    so_far = progress.sums
                    bar.show(epoch + 1, so_far.loss / so_far.images, so_far.correct / so_far.images)
                if (due or stopped) and progress.step < steps:
                    if processes.first:
                        state.save(folder, machine)
                    last_save = time.monotonic()
                    if stopped:
                        raise Interrupted(stopped, folder)

            close_epoch(state, splits, machine, rate, folder, board, bar)
            last_save = time.monotonic()
            (stopped,) = processes.highest(stop.received)
            if stopped:
                raise Interrupted(stopped, folder)


def note_sums(
    progress: Progress, sums: Tensor, clock: float, machine: Machine, rate: float, folder: Path
) -> float:
    """Bring the device's sums into `progress`, with the time since `clock`; the time now is returned.

    Raises:
        RunError: a loss or a gradient was not finite.
    """
    machine.synchronize()
    progress.sums = Sums(*sums.tolist())
    now = time.perf_counter()
    progress.epoch_seconds += now - clock
    progress.seconds += now - clock
    if not all(math.isfinite(value) for value in progress.sums):
        raise diverged(progress, f"seen at step {progress.step}", rate, folder)
    return now


def diverged(progress: Progress, where: str, rate: float, folder: Path) -> RunError:
    """The message of a run whose numbers are no longer finite."""
    return RunError(
        f"loss or gradient is not finite in epoch {progress.epoch + 1}, {where}, learning rate {rate:.3g}; "
        f"the last good state stays in {last_checkpoint(folder)}; write a smaller optimizer.lr, or "
        "gradient_clip=1, and name=OTHER"
    )


def close_epoch(
    state: State, splits: Splits, machine: Machine, rate: float, folder: Path, board: Board | None, bar: Bar
) -> None:
    """Measure, log and save a completed epoch."""
    progress = state.progress
    clock = time.perf_counter()
    with bar.instead(f"epoch {progress.epoch + 1}/{state.config.epochs}: measuring"):
        if state.average is not None:
            fit_batch_norms(state, splits.train, machine)
        row, logits = measure_epoch(state, splits, machine, rate)
    if not all(math.isfinite(value) for value in row.values()):
        raise diverged(progress, "at its end", rate, folder)
    progress.seconds += time.perf_counter() - clock
    row["seconds"] = progress.seconds
    progress.history.append(row)
    progress.epoch, progress.step = progress.epoch + 1, 0
    progress.sums, progress.epoch_seconds = Sums(), 0.0
    held_out = splits.held_out[0]
    logger.info(
        "epoch %d/%d: loss %.4f, %s loss %.4f, accuracy: train %s, %s %s, gap %s points, %.0f images/s",
        progress.epoch, state.config.epochs, row["loss/train_subset"], held_out, row[f"loss/{held_out}"],
        percent(row["accuracy/train_subset"]), held_out, percent(row[f"accuracy/{held_out}"]),
        points(row["gap/accuracy"]), row["images_per_second"],
    )  # fmt: skip
    # A fold measures, and what measures must not choose: then the last weights are selected.
    choosing = splits.validation is not None and state.config.data.fold is None
    if choosing and row["accuracy/validation"] > progress.best_accuracy:
        progress.best_epoch, progress.best_accuracy = progress.epoch, row["accuracy/validation"]
        state.keep_best()
    if board is not None:
        with bar.instead(f"epoch {progress.epoch}/{state.config.epochs}: drawing and saving"):
            if progress.best_epoch == progress.epoch:
                state.save_best(folder)
            board.add_epoch(logits)
            write_curves(folder, progress.history)
            # Last of all, so that the others never lack what it says: a crash before it repeats the epoch
            # and writes the same again.
            state.save(folder, machine)
