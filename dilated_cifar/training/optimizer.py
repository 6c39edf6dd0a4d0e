"""Configured optimizers, and the learning rate as a pure function of the step: no scheduler state to save."""

from collections.abc import Iterable
from inspect import unwrap
from math import cos, pi
from typing import TypeVar

import torch
from torch import Tensor, nn, optim

from dilated_cifar.config.families import added_by
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
from dilated_cifar.plugins import made, told
from dilated_cifar.registry import optimizer, optimizer_of
from dilated_cifar.training.contract import require_resumable
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


def build_optimizer(config: OptimizerConfig, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The optimizer that `config` describes, over `parameters`, which lie on their device already.

    Raises:
        UserError: a plugin's builder fails, or its optimizer could not go on from a checkpoint.
    """
    builder, over = optimizer_of(config), list(parameters)
    if added_by(type(config)) is None:
        own: optim.Optimizer = builder(config, over)
        return own

    def make(parameters: list[nn.Parameter]) -> optim.Optimizer:
        kind = "an optimizer, a torch.optim.Optimizer"
        return made(builder, config, parameters, kind=optim.Optimizer, what=kind)

    require_resumable(make, over, told(builder, config))
    return make(over)


@optimizer(SgdConfig)
def build_sgd(config: SgdConfig, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Gradient descent of torch."""
    return _SGD(
        parameters,
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
        fused=parameters[0].is_cuda,
    )


@optimizer(AdamConfig)
@optimizer(AdamWConfig)
def build_adam(config: AdamConfig, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Adam or AdamW of torch."""
    kind = _AdamW if isinstance(config, AdamWConfig) else _Adam
    return kind(
        parameters,
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=parameters[0].is_cuda,
    )


@optimizer(MuonConfig)
def build_muon(config: MuonConfig, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Muon of this project."""
    return _Muon(
        parameters,
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        others=config.others,
    )


def moments_of(
    config: OptimizerConfig, parameters: Iterable[nn.Parameter]
) -> dict[torch.Size, dict[str, Tensor]]:
    """What the optimizer keeps of a parameter of each shape after a step: names, shapes and types."""
    one_each = {each.shape: each for each in parameters}.values()
    copies = [nn.Parameter(torch.zeros_like(each)) for each in one_each]
    built = build_optimizer(config, copies)
    for each in copies:
        each.grad = torch.zeros_like(each)
    built.step()
    return {
        each.shape: {name: value for name, value in built.state[each].items() if value is not None}
        for each in copies
    }


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
