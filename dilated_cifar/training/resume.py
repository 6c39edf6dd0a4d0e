"""From a run's last checkpoint, which may come from anyone, to the state that trains on."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dilated_cifar.config.base import as_typed, shortened
from dilated_cifar.config.run import Config, differing_keys, flatten
from dilated_cifar.config.store import completed, to_container
from dilated_cifar.data.batches import steps_per_epoch
from dilated_cifar.device import Machine
from dilated_cifar.errors import UserError
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.record import CONFIG, best_checkpoint, curve_names
from dilated_cifar.runs.untrusted import is_number, keys_fault, shown, weights_fault
from dilated_cifar.training.contract import load_moments
from dilated_cifar.training.optimizer import moments_of
from dilated_cifar.training.state import Progress, State, computed_on, new_state, rows_of

logger = logging.getLogger(__name__)

LARGEST = torch.finfo(torch.float32).max
LONGEST = 1e10
"""Seconds that a run may have taken, which are some hundred years."""


def saved_state(config: Config, folder: Path, machine: Machine, *, images: int) -> State:
    """The state of the run in `folder`, which trains on so many images.

    Raises:
        UserError: no whole checkpoint is there, or it does not hold a training state of `config`.
    """
    share = machine.processes.share
    saved, path = share(lambda: checkpoint.load_state(folder))
    checkpoint.restore(saved, path)  # refuses weights that do not fit in one line
    if saved.training is None:
        raise UserError(f"{path}: holds no training state; expected the last.pt of the run")
    refuse_other_run(saved, config, path)
    state = new_state(config, saved.class_names, machine)
    steps = steps_per_epoch(images, config.batch_size)
    if fault := next(faults(saved, saved.training, state, steps), None):
        raise UserError(
            f"{path}: damaged or not of this release: {fault}; expected one that training wrote; remove it "
            "to continue from the one before it, previous.pt, or write name=OTHER for a new run"
        )
    refuse_other_teacher(saved.training, state)
    bring_back(saved, saved.training, state)
    if state.best is None and state.progress.best_epoch:  # a release before 0.2 left them to best.pt
        best = share(lambda: checkpoint.load(best_checkpoint(folder)))
        checkpoint.restore(best, best_checkpoint(folder))
        state.best = replace(best, config=state.container)
    now, before = computed_on(machine), saved.training.get("computed_on", "")
    if before and before != now:
        logger.warning(
            "saved on %s, now on %s: the bits will not be those of an unbroken run", shortened(before), now
        )
    return state


def bring_back(saved: Checkpoint, training: dict[str, Any], state: State) -> None:
    """Bring a new state to what a checkpoint without faults holds."""
    averaging, best = training["averaging"], training.get("best")
    if state.average is None:
        state.model.load_state_dict(saved.model)
    else:
        state.average.module.load_state_dict(saved.model)
        state.average.n_averaged.copy_(averaging["averaged"])
        state.model.load_state_dict(averaging["model"])
    load_moments(state.optimizer, training["optimizer"]["state"])  # without settings of a release before 0.2
    state.progress = Progress.from_data(training["progress"])
    if best:
        state.best = Checkpoint(state.container, saved.class_names, **best)


def refuse_other_run(saved: Checkpoint, config: Config, path: Path) -> None:
    """Raise a UserError where a run's checkpoint is not of the run that its config.yaml describes."""
    before, now = completed(saved.config), to_container(config)
    for key in differing_keys(before, now):
        old, new = (as_typed(flatten(container).get(key)) for container in (before, now))
        # A run that was made longer has saved nothing yet.
        if key != "epochs" or before["epochs"] > config.epochs or config.follows_length:
            raise UserError(
                f"{path}: holds a run with {key}={old}, its {CONFIG} was changed to {key}={new}; a run keeps "
                f"what it began with: remove {CONFIG} and write {key}={old} to continue it, or name=OTHER "
                "for a new one"
            )


def refuse_other_teacher(training: dict[str, Any], state: State) -> None:
    """Raise a UserError where the teacher's weights are not those with which a run began."""
    if state.teacher is not None and training["teacher"] != state.teacher.digest:
        raise UserError(
            f"teacher={state.config.teacher}: holds other weights than when this run began; expected those; "
            "put them back, or write name=OTHER for a new run"
        )


def faults(saved: Checkpoint, training: dict[str, Any], state: State, steps: int) -> Iterator[str]:
    """What is wrong with a checkpoint's training state; each check relies on those before it.

    Args:
        saved: Of the run that `state` is of, its own weights checked.
        training: Its training state.
        state: As it is before the first step.
        steps: Of an epoch.
    """
    needed = ["progress", "optimizer", "averaging", *(["teacher"] if state.teacher else [])]
    yield from keys_fault("training", training, needed, ("best", "computed_on"))
    yield from progress_faults(training["progress"], saved, state.config, steps)
    progress = training["progress"]
    done = progress["epoch"] * steps + progress["step"]
    yield from finite_fault("model", saved.model)
    yield from moment_faults(training["optimizer"], state, done)
    yield from averaging_faults(training["averaging"], state, done)
    yield from best_faults(training.get("best"), progress, state)
    if not isinstance(training.get("computed_on", ""), str):
        yield "computed_on is no text"


def progress_faults(progress: Any, saved: Checkpoint, config: Config, steps: int) -> Iterator[str]:
    """What is wrong with how far a run says it has come."""
    yield from keys_fault("progress", progress, [field.name for field in fields(Progress)])
    epoch, epochs = saved.epoch, config.epochs
    whole = {"epoch": (epoch, min(epoch, epochs)), "step": (0, steps - 1), "best_epoch": (0, epoch)}
    bounds = whole | {"epoch_seconds": (0, LONGEST), "seconds": (0, LONGEST), "best_accuracy": (-1, 1)}
    for name, (low, high) in bounds.items():
        if not is_number(progress[name], low, high, whole=name in whole):
            yield f"{name}={shown(progress[name])}; expected {low:g} to {high:g}"
    step, sums = progress["step"], progress["sums"]
    if step and epoch == epochs:
        yield f"step={step} after the last epoch"
    if (progress["best_epoch"] > 0) != (config.data.validation > 0 and epoch > 0):
        yield f"best_epoch={progress['best_epoch']} with data.validation={config.data.validation}"
    images = step * config.batch_size
    highest = [LARGEST if step else 0.0, images, images, LARGEST if step else 0.0]
    if (
        not isinstance(sums, list)
        or len(sums) != len(highest)
        or not all(is_number(value, 0, most) for value, most in zip(sums, highest, strict=True))
        or sums[2] != images
    ):
        yield f"sums are not those of {images} images"
    yield from history_faults(progress["history"], epoch, config.data.held_out)
    best = progress["best_epoch"]
    reached = rows_of(progress["history"])[best - 1]["accuracy/validation"] if best else -1.0
    if progress["best_accuracy"] != reached:
        yield f"best_accuracy={progress['best_accuracy']}; expected {reached}"


def history_faults(history: Any, epochs: int, held_out: str) -> Iterator[str]:
    """What is wrong with the curves of so many epochs."""
    names = curve_names(held_out)
    if isinstance(history, dict) and epochs:
        expected = dict.fromkeys(names, torch.zeros(epochs, dtype=torch.float64))
        if fault := weights_fault(history, expected):
            yield f"history: {fault}"
        yield from finite_fault("history", history)
    elif not isinstance(history, dict | list) or (isinstance(history, dict) and history):
        yield "history is not that of a run before its first epoch"
    rows = rows_of(history)
    if len(rows) != epochs or not all(isinstance(row, dict) and list(row) == names for row in rows):
        yield f"history is not one of {epochs} epochs with {', '.join(names)}"
    for number, row in enumerate(rows, start=1):
        numbers = all(is_number(each, -LARGEST, LARGEST) for each in row.values())
        if not numbers or row["epoch"] != number:
            yield f"history holds what no epoch {number} has"


def moment_faults(content: Any, state: State, done: int) -> Iterator[str]:
    """What is wrong with what an optimizer has kept of its steps, of which so many are done."""
    yield from keys_fault("optimizer", content, ("state",), ("param_groups",))
    moments, parameters = content["state"], list(state.model.parameters())
    kinds = moments_of(state.config.optimizer, parameters) if done else {}
    if not isinstance(moments, dict) or bool(moments) != any(kinds.values()):
        yield f"optimizer.state is not that after {done} steps"
    for number, moment in moments.items():
        if not isinstance(number, int) or not 0 <= number < len(parameters) or not isinstance(moment, dict):
            yield f"optimizer.state holds {shown(number)}; expected what is kept of a parameter"
        expected = kinds[parameters[number].shape]
        if fault := weights_fault(moment, expected):
            yield f"optimizer.state[{number}]: {fault}"
        yield from finite_fault(f"optimizer.state[{number}]", moment)
        if "step" in expected and not 1 <= moment["step"].item() <= done:  # as torch's optimizers count
            yield f"optimizer.state[{number}]: step={moment['step'].item():g} after {done} steps"


def averaging_faults(averaging: Any, state: State, done: int) -> Iterator[str]:
    """What is wrong with the weights that are trained where others, averaged ones, are evaluated."""
    if state.average is None:
        if averaging is not None:
            yield "it averages weights, and its configuration does not"
        return
    yield from keys_fault("averaging", averaging, ("model", "averaged"))
    yield from network_faults("averaging.model", averaging["model"], state)
    averaged = averaging["averaged"]
    fault = weights_fault({"averaged": averaged}, {"averaged": state.average.n_averaged})
    if fault or averaged.item() != done:
        yield fault or f"averaged={averaged.item()} after {done} steps"


def best_faults(best: Any, progress: dict[str, Any], state: State) -> Iterator[str]:
    """What is wrong with the best weights so far; None is right before the first epoch ends."""
    number = progress["best_epoch"]
    if best is None:
        return  # then best.pt has them, or there are none
    yield from keys_fault("best", best, ("epoch", "model", "metrics"))
    if not number or not is_number(best["epoch"], number, number, whole=True):
        yield f"best.epoch={shown(best['epoch'])}; expected {number}"
    row = rows_of(progress["history"])[number - 1]
    yield from keys_fault("best.metrics", best["metrics"], list(row))
    for name, value in row.items():
        if not is_number(best["metrics"][name], value, value):
            yield f"best.metrics: {name} is not that of epoch {number}"
    yield from network_faults("best.model", best["model"], state)


def network_faults(name: str, weights: Any, state: State) -> Iterator[str]:
    """What is wrong with weights of the network of a run."""
    fault = weights_fault(weights, state.model.state_dict()) if isinstance(weights, dict) else "no weights"
    if fault:
        yield f"{name}: {fault}"
    yield from finite_fault(name, weights)


def finite_fault(name: str, tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """The first tensor with a number that is nan or infinite, with which no step could be taken."""
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            yield f"{name}: {key} is nan or infinite"
