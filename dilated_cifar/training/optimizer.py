"""Configured optimizers."""

from collections.abc import Iterable

from torch import nn, optim

from dilated_cifar.config.optimization import AdamConfig, AdamWConfig, OptimizerConfig, SgdConfig


def build_optimizer(config: OptimizerConfig, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The optimizer that `config` describes, over `parameters`."""
    match config:
        case SgdConfig():
            return optim.SGD(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=config.weight_decay,
            )
        case AdamConfig():
            kind = optim.AdamW if isinstance(config, AdamWConfig) else optim.Adam
            return kind(
                parameters,
                lr=config.lr,
                betas=(config.beta1, config.beta2),
                eps=config.eps,
                weight_decay=config.weight_decay,
            )
    raise AssertionError(f"no optimizer is paired with {type(config).__name__}")


def set_learning_rate(optimizer: optim.Optimizer, lr: float) -> None:
    """Use `lr` for every parameter from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = lr
