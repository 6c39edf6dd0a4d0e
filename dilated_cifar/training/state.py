"""All that changes while a run trains, and its way to disk and back."""

from dataclasses import asdict, dataclass, field
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
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.record import Row
from dilated_cifar.training.optimizer import build_optimizer


class Sums(NamedTuple):
    """Sums over the steps of an epoch."""

    loss: float = 0.0
    """Mean loss of a step times its images."""
    correct: float = 0.0
    """Images classified correctly, as they were augmented."""
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

    @property
    def evaluated(self) -> nn.Module:
        """The network whose figures count: the averaged one where there is one."""
        return self.model if self.average is None else self.average

    def weights(self) -> dict[str, Tensor]:
        """The state dict of `evaluated`, under the plain network's names."""
        network = self.model if self.average is None else self.average.module
        return dict(network.state_dict())

    def save_last(self, path: Path) -> None:
        """Write everything that going on bit for bit needs."""
        averaging = None
        if self.average is not None:
            averaging = {"model": self.model.state_dict(), "averaged": self.average.n_averaged}
        training = {
            "progress": self.progress.as_data(),
            "optimizer": self.optimizer.state_dict(),
            "averaging": averaging,
        }
        checkpoint.save(self._checkpoint(training), path)

    def save_best(self, path: Path) -> None:
        """Write the weights and what evaluating them needs."""
        checkpoint.save(self._checkpoint(None), path)

    def _checkpoint(self, training: dict[str, Any] | None) -> Checkpoint:
        history = self.progress.history
        return Checkpoint(
            config=to_container(self.config),
            class_names=self.class_names,
            epoch=self.progress.epoch,
            model=self.weights(),
            metrics=dict(history[-1]) if history else {},
            training=training,
        )


def new_state(config: Config, class_names: list[str], machine: Machine) -> State:
    """The state before the first step; the initial weights are a function of the seed alone."""
    torch.manual_seed(derive_seed("weights", config.seed))
    model = machine.place(build(config.model, len(class_names)))
    average = None
    if config.ema is not None:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
    optimizer = build_optimizer(config.optimizer, model.parameters())
    return State(config, class_names, model, average, optimizer, Progress())


def saved_state(config: Config, path: Path, machine: Machine) -> State:
    """The state that `save_last` wrote.

    Raises:
        UserError: the file is damaged or does not hold a training state.
    """
    saved = checkpoint.load(path)
    checkpoint.restore(saved, path)  # refuses weights that do not fit in one line
    state = new_state(config, saved.class_names, machine)
    assert saved.training is not None
    averaging = saved.training["averaging"]
    if state.average is None:
        state.model.load_state_dict(saved.model)
    else:
        state.average.module.load_state_dict(saved.model)
        state.average.n_averaged.copy_(averaging["averaged"])
        state.model.load_state_dict(averaging["model"])
    state.optimizer.load_state_dict(saved.training["optimizer"])
    state.progress = Progress.from_data(saved.training["progress"])
    return state
