"""All that changes while a run trains, and its way to disk and back."""

import logging
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dilated_cifar.config.base import as_typed
from dilated_cifar.config.run import Config, differing_keys, flatten
from dilated_cifar.config.store import completed, to_container
from dilated_cifar.data.randomness import derive_seed
from dilated_cifar.device import Machine
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.record import (
    CONFIG,
    Row,
    best_checkpoint,
    last_checkpoint,
    previous_checkpoint,
)
from dilated_cifar.training.optimizer import build_optimizer

logger = logging.getLogger(__name__)


class Sums(NamedTuple):
    """Sums over the steps of an epoch."""

    loss: float = 0.0
    """Mean loss of a step times its images."""
    correct: float = 0.0
    """Images classified correctly, as they were augmented; of a mixed one the share of its target that the
    predicted class has."""
    images: float = 0.0
    gradient_norm: float = 0.0
    """Norm of a step's whole gradient."""


@dataclass
class Progress:
    """How far a run has come; plain numbers, so that it can be saved as it is."""

    epoch: int = 0
    """Completed epochs."""
    step: int = 0
    """Completed steps of the epoch under way."""
    sums: Sums = field(default_factory=Sums)
    """Over the epoch under way."""
    epoch_seconds: float = 0.0
    """Time in the steps of the epoch under way."""
    seconds: float = 0.0
    """Time of the whole run, evaluation included, over all its sessions."""
    best_epoch: int = 0
    best_accuracy: float = -1.0
    history: list[Row] = field(default_factory=list)
    """One row of figures for each completed epoch."""

    def as_data(self) -> dict[str, Any]:
        """Numbers, lists and dicts only, as a checkpoint holds them."""
        return asdict(self) | {"sums": list(self.sums)}

    @classmethod
    def from_data(cls, content: dict[str, Any]) -> "Progress":
        """What `as_data` gave."""
        return cls(**content | {"sums": Sums(*content["sums"])})


@dataclass
class State:
    """A network in training."""

    config: Config
    class_names: list[str]
    model: Classifier
    average: AveragedModel | None
    optimizer: optim.Optimizer
    progress: Progress
    best: Checkpoint | None = None
    """The weights with the best validation accuracy so far, on the CPU; None before the first epoch ends."""

    @cached_property
    def container(self) -> dict[str, Any]:
        """The configuration as checkpoints hold it."""
        return to_container(self.config)

    @property
    def evaluated(self) -> nn.Module:
        """The network whose figures count: the averaged one where there is one."""
        return self.model if self.average is None else self.average

    def weights(self) -> dict[str, Tensor]:
        """The state dict of `evaluated`, under the plain network's names."""
        network = self.model if self.average is None else self.average.module
        return dict(network.state_dict())

    def keep_best(self) -> None:
        """Take the weights as they are now for the best ones."""
        now = self._checkpoint(None)
        weights = {name: weight.detach().to("cpu", copy=True) for name, weight in now.model.items()}
        self.best = replace(now, model=weights)

    def save_best(self, folder: Path) -> None:
        """Write best.pt: the best weights and what evaluating them needs."""
        if self.best is not None:
            checkpoint.save(self.best, best_checkpoint(folder))

    def save(self, folder: Path, machine: Machine) -> None:
        """Write last.pt: everything that going on bit for bit needs, and what the other files are made of."""
        averaging, best = None, None
        if self.average is not None:
            averaging = {"model": self.model.state_dict(), "averaged": self.average.n_averaged}
        if self.best is not None:
            best = {"epoch": self.best.epoch, "model": self.best.model, "metrics": self.best.metrics}
        training = {
            "progress": self.progress.as_data(),
            "optimizer": self.optimizer.state_dict(),
            "averaging": averaging,
            "best": best,
            "computed_on": computed_on(machine),
        }
        path, previous = last_checkpoint(folder), previous_checkpoint(folder)
        checkpoint.save(self._checkpoint(training), path, previous=previous)

    def _checkpoint(self, training: dict[str, Any] | None) -> Checkpoint:
        history = self.progress.history
        return Checkpoint(
            config=self.container,
            class_names=self.class_names,
            epoch=self.progress.epoch,
            model=self.weights(),
            metrics=dict(history[-1]) if history else {},
            training=training,
        )


def new_state(config: Config, class_names: list[str], machine: Machine) -> State:
    """The state before the first step; the initial weights are a function of the seed alone."""
    torch.manual_seed(derive_seed("weights", config.seed))
    model = machine.place(build(config.model, len(class_names), config.data.input_size))
    average = None
    if config.ema is not None:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
    optimizer = build_optimizer(config.optimizer, model.parameters())
    return State(config, class_names, model, average, optimizer, Progress())


def computed_on(machine: Machine) -> str:
    """What else the bits of a run depend on, beside its configuration."""
    return f"{machine}, torch {torch.__version__}"


def saved_state(config: Config, folder: Path, machine: Machine) -> State:
    """The state of the run in `folder`, whose files are brought to what it says.

    Raises:
        UserError: no whole checkpoint is there, or it does not hold a training state of `config`.
    """
    share = machine.processes.share
    saved, path = share(lambda: checkpoint.load_state(folder))
    checkpoint.restore(saved, path)  # refuses weights that do not fit in one line
    state = new_state(config, saved.class_names, machine)
    if saved.training is None:
        raise UserError(f"{path}: holds no training state; expected the last.pt of the run")
    refuse_other_run(saved, config, path)
    averaging = saved.training["averaging"]
    if state.average is None:
        state.model.load_state_dict(saved.model)
    else:
        state.average.module.load_state_dict(saved.model)
        state.average.n_averaged.copy_(averaging["averaged"])
        state.model.load_state_dict(averaging["model"])
    state.optimizer.load_state_dict(saved.training["optimizer"])
    state.progress = Progress.from_data(saved.training["progress"])
    if best := saved.training.get("best"):
        state.best = Checkpoint(state.container, saved.class_names, **best)
    elif state.progress.best_epoch:  # of a release before 0.2, which left the best weights to best.pt
        best_weights = share(lambda: checkpoint.load(best_checkpoint(folder)))
        state.best = replace(best_weights, config=state.container)
    now, before = computed_on(machine), saved.training.get("computed_on", "")
    if before and before != now:
        logger.warning("saved on %s, now on %s: the bits will not be those of an unbroken run", before, now)
    return state


def refuse_other_run(saved: Checkpoint, config: Config, path: Path) -> None:
    """Raise a UserError where a run's checkpoint is not of the run that its config.yaml describes."""
    before, now = completed(saved.config), to_container(config)
    for key in differing_keys(before, now):
        old, new = (as_typed(flatten(container).get(key)) for container in (before, now))
        # A run that was made longer has saved nothing yet.
        if key != "epochs" or before["epochs"] > config.epochs or config.schedule.follows_length:
            raise UserError(
                f"{path}: holds a run with {key}={old}, its {CONFIG} one with {key}={new}; remove "
                f"{CONFIG} and write {key}={old} to continue the run, or name=OTHER for a new one"
            )
