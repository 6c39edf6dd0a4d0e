"""All that changes while a run trains, and its way to disk."""

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_container
from dilated_cifar.data.randomness import derive_seed
from dilated_cifar.device import Machine
from dilated_cifar.models import build
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.record import Row, best_checkpoint, last_checkpoint, previous_checkpoint
from dilated_cifar.training.distillation import Teacher, read_teacher
from dilated_cifar.training.optimizer import build_optimizer


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
        """Plain data, as a checkpoint holds it; the history as float64 columns `[epochs]` by their names."""
        names = self.history[0] if self.history else ()
        columns = {
            name: torch.tensor([row[name] for row in self.history], dtype=torch.float64) for name in names
        }
        return asdict(replace(self, history=[])) | {"sums": list(self.sums), "history": columns}

    @classmethod
    def from_data(cls, content: dict[str, Any]) -> "Progress":
        """What `as_data` gave."""
        rows = rows_of(content["history"])
        return cls(**content | {"sums": Sums(*content["sums"]), "history": rows})


def rows_of(history: dict[str, Tensor] | list[Row]) -> list[Row]:
    """The rows of a saved history, whose epochs are whole numbers."""
    if isinstance(history, list):  # releases before 0.2 saved the rows
        return history
    columns = {name: column.tolist() for name, column in history.items()}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [row | {"epoch": int(row["epoch"])} for row in rows]


@dataclass
class State:
    """A network in training."""

    config: Config
    class_names: list[str]
    model: nn.Module
    average: AveragedModel | None
    optimizer: optim.Optimizer
    progress: Progress
    teacher: Teacher | None = None
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
            "optimizer": {"state": self.optimizer.state_dict()["state"]},
            "averaging": averaging,
            "best": best,
            "computed_on": computed_on(machine),
        }
        if self.teacher is not None:
            training["teacher"] = self.teacher.digest
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
    teacher = read_teacher(config, class_names, machine)
    return State(config, class_names, model, average, optimizer, Progress(), teacher)


def computed_on(machine: Machine) -> str:
    """What else the bits of a run depend on, beside its configuration."""
    return f"{machine}, torch {torch.__version__}"
