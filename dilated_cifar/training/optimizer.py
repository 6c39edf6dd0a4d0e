"""Configured optimizers, and the learning rate as a pure function of the step: no scheduler state to save."""

from collections.abc import Iterable
from inspect import unwrap
from math import cos, pi
from typing import TypeVar

import torch
from torch import nn, optim

from dilated_cifar.config.optimization import (
    AdamConfig,
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    MultiStepConfig,
    MuonConfig,
    OneCycleConfig,
    OptimizerConfig,
    ScheduleConfig,
    SgdConfig,
    StepConfig,
)
from dilated_cifar.training.muon import Muon

Kind = TypeVar("Kind", bound=optim.Optimizer)


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """An optimizer without what torch wraps its methods in for torch.compile, which imports the compiler.

    Only the network is ever compiled here.
    """
    names = ("add_param_group", "step", "zero_grad", "state_dict", "load_state_dict")
    methods = {name: unwrap(getattr(kind, name)) for name in names}
    return type(kind.__name__, (kind,), methods | {"step": torch.no_grad()(methods["step"])})


_SGD, _Adam, _AdamW = without_compiler(optim.SGD), without_compiler(optim.Adam), without_compiler(optim.AdamW)
_Muon = without_compiler(Muon)


def build_optimizer(
    config: OptimizerConfig, parameters: Iterable[nn.Parameter], *, fused: bool = False
) -> optim.Optimizer:
    """The optimizer that `config` describes, over `parameters`; `fused` into one kernel, as GPUs want it."""
    match config:
        case SgdConfig():
            return _SGD(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=config.weight_decay,
                fused=fused,
            )
        case AdamConfig():
            kind = _AdamW if isinstance(config, AdamWConfig) else _Adam
            return kind(
                parameters,
                lr=config.lr,
                betas=(config.beta1, config.beta2),
                eps=config.eps,
                weight_decay=config.weight_decay,
                fused=fused,
            )
        case MuonConfig():
            return _Muon(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                weight_decay=config.weight_decay,
                others=config.others,
            )
    raise AssertionError(f"no optimizer is paired with {type(config).__name__}")


def set_learning_rate(optimizer: optim.Optimizer, lr: float) -> None:
    """Use `lr` for every parameter from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def learning_rate(
    config: ScheduleConfig, peak: float, step: int, *, steps_per_epoch: int, epochs: int
) -> float:
    """The rate of optimizer step `step`, counted from 0 over the whole run.

    Step and multistep decays change at epoch borders only; cosine and onecycle change with every step. A
    warm-up multiplies the schedule's rate by a factor that rises linearly to 1.
    """
    total = steps_per_epoch * epochs
    rate = peak * factor(config, step, epoch=step // steps_per_epoch, total=total)
    warmup = round(config.warmup_epochs * steps_per_epoch)
    return rate * (step + 1) / (warmup + 1) if step < warmup else rate


def factor(config: ScheduleConfig, step: int, *, epoch: int, total: int) -> float:
    """The share of the peak rate at `step` of `total` steps, in `epoch` (both from 0), without warm-up."""
    match config:
        case ConstantConfig():
            return 1.0
        case StepConfig():
            return config.gamma ** (epoch // config.every)
        case MultiStepConfig():
            return config.gamma ** sum(epoch >= milestone for milestone in config.milestones)
        case CosineConfig():
            return ramp(1.0, config.final, step / total)
        case OneCycleConfig():
            return one_cycle(config, step, total)
    raise AssertionError(f"no schedule is paired with {type(config).__name__}")


def one_cycle(config: OneCycleConfig, step: int, total: int) -> float:
    """The share of the peak in a one-cycle schedule, whose last step has the smallest rate."""
    start = 1 / config.start_divisor
    end = start / config.final_divisor
    top = config.rise * total - 1
    if step <= top:
        return ramp(start, 1.0, step / top) if top > 0 else 1.0
    return ramp(1.0, end, (step - top) / (total - 1 - top))


def ramp(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` (at share 0) to `end` (at share 1)."""
    return end + (start - end) * (1 + cos(pi * min(max(share, 0.0), 1.0))) / 2
