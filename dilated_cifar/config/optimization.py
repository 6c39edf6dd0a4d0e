"""Optimizers and learning-rate schedules."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from omegaconf import MISSING

from dilated_cifar.config.base import Choice, require
from dilated_cifar.config.limits import LARGEST_NUMBER


@dataclass
class OptimizerConfig(Choice):
    """What turns gradients into steps."""

    group = "optimizer"
    lr: float = MISSING
    """Learning rate that the schedule scales; with `schedule=onecycle` the peak."""
    weight_decay: float = 0.0
    """L2 penalty on every parameter (decoupled in adamw and muon)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        rates = f"a learning rate above 0 and up to {LARGEST_NUMBER:,.0f}, such as 0.1"
        self._require(0 < self.lr <= LARGEST_NUMBER, "lr", rates)
        self._require(
            0 <= self.weight_decay <= LARGEST_NUMBER,
            "weight_decay",
            f"0 or more, up to {LARGEST_NUMBER:,.0f}",
        )


@dataclass
class SgdConfig(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    family: str = "sgd"
    lr: float = 0.1
    weight_decay: float = 5e-4
    momentum: float = 0.9
    """Share of the last step kept in the next one."""
    nesterov: bool = True
    """Look ahead along the momentum before taking the gradient."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 <= self.momentum < 1, "momentum", "0 <= momentum < 1")
        self._require(
            self.momentum > 0 or not self.nesterov,
            "nesterov",
            "momentum above 0; write optimizer.nesterov=false for plain gradient descent",
        )


@dataclass
class AdamConfig(OptimizerConfig):
    """Adam (Kingma and Ba 2015)."""

    family: str = "adam"
    lr: float = 1e-3
    beta1: float = 0.9
    """Decay of the running mean of the gradient."""
    beta2: float = 0.999
    """Decay of the running mean of its square."""
    eps: float = 1e-8
    """Added to the root of the running square."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("beta1", "beta2"):
            value = getattr(self, key)
            require(0 <= value < 1, f"optimizer.{key}", value, f"0 <= {key} < 1")
        self._require(
            0 < self.eps <= LARGEST_NUMBER, "eps", f"a number above 0 and up to {LARGEST_NUMBER:,.0f}"
        )


@dataclass
class AdamWConfig(AdamConfig):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    family: str = "adamw"
    weight_decay: float = 0.05


@dataclass
class MuonConfig(OptimizerConfig):
    """Muon for the kernels, Nesterov's SGD for the rest (Jordan et al. 2024)."""

    family: str = "muon"
    lr: float = 0.05
    momentum: float = 0.95
    """Share of the last step kept in the next one."""
    others: float = 3.0
    """Learning rate of the biases, the norms and the classifier, as a multiple of lr."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 <= self.momentum < 1, "momentum", "0 <= momentum < 1")
        self._require(
            0 < self.others <= LARGEST_NUMBER, "others", f"a number above 0 and up to {LARGEST_NUMBER:,.0f}"
        )


@dataclass
class ScheduleConfig(Choice):
    """How the learning rate changes with the step."""

    group = "schedule"
    follows_length: ClassVar[bool] = False
    """Whether the rate of a step depends on how many epochs the run has."""
    warmup_epochs: float = 0.0
    """Epochs (fractions allowed) over which the rate first rises linearly from 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.warmup_epochs >= 0, "warmup_epochs", "0 or more epochs")


@dataclass
class ConstantConfig(ScheduleConfig):
    """The same rate throughout."""

    family: str = "constant"


@dataclass
class StepConfig(ScheduleConfig):
    """Multiply the rate by gamma every few epochs."""

    family: str = "step"
    every: int = 20
    """Epochs between two decays."""
    gamma: float = 0.2
    """Factor of each decay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.every >= 1, "every", "a whole number of epochs from 1")
        self._require(0 < self.gamma <= 1, "gamma", "0 < gamma <= 1")


@dataclass
class MultiStepConfig(ScheduleConfig):
    """Multiply the rate by gamma after each of the given epochs."""

    family: str = "multistep"
    milestones: list[int] = field(default_factory=lambda: [30, 45])
    """Epochs after which the rate decays, rising."""
    gamma: float = 0.1
    """Factor of each decay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = self.milestones == sorted(set(self.milestones)) and min(self.milestones, default=1) >= 1
        self._require(rising, "milestones", "rising epochs from 1, such as [30,45]")
        self._require(0 < self.gamma <= 1, "gamma", "0 < gamma <= 1")


@dataclass
class CosineConfig(ScheduleConfig):
    """Half a cosine from the full rate down to a share of it (Loshchilov and Hutter 2017)."""

    family: str = "cosine"
    follows_length = True
    final: float = 0.0
    """Share of the rate that is left at the end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 <= self.final <= 1, "final", "a share, 0 <= final <= 1")


@dataclass
class OneCycleConfig(ScheduleConfig):
    """Rise to the peak and fall far below the start, each along half a cosine (Smith and Topin 2018)."""

    family: str = "onecycle"
    follows_length = True
    rise: float = 0.3
    """Share of the run in which the rate rises."""
    start_divisor: float = 25.0
    """The run starts at the peak divided by this."""
    final_divisor: float = 1e4
    """The run ends at its starting rate divided by this."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 < self.rise < 1, "rise", "a share, 0 < rise < 1")
        for key in ("start_divisor", "final_divisor"):
            value = getattr(self, key)
            require(1 <= value < math.inf, f"schedule.{key}", value, "a number from 1")
