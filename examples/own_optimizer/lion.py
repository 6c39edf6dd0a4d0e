"""An optimizer of one's own: Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms").

python train.py plugin=examples/own_optimizer/lion.py optimizer=lion
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn, optim

from dilated_cifar.config.optimization import OptimizerConfig
from dilated_cifar.registry import offer, optimizer

offer(Path(__file__).with_name("conf"))


@dataclass
class LionConfig(OptimizerConfig):
    """Steps of one size along the sign of the momentum."""

    family: str = "lion"
    lr: float = 1e-3
    beta1: float = 0.9
    """Share of the momentum in a step; the rest is the gradient's."""
    beta2: float = 0.99
    """Share of the momentum that is kept for the next step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("beta1", "beta2"):
            self._require(0 <= getattr(self, key) < 1, key, f"0 <= {key} < 1")


class Lion(optim.Optimizer):
    """Algorithm 2 of the paper; weight decay is decoupled."""

    def __init__(self, parameters: list[nn.Parameter], config: LionConfig) -> None:
        super().__init__(parameters, {"lr": config.lr, "weight_decay": config.weight_decay})
        self._betas = config.beta1, config.beta2

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            lr, weight_decay = group["lr"], group["weight_decay"]
            for parameter in group["params"]:
                if (gradient := parameter.grad) is None:
                    continue
                kept = self.state[parameter]
                momentum = kept.setdefault("momentum", torch.zeros_like(parameter))
                direction = momentum.lerp(gradient, 1 - self._betas[0]).sign_()
                parameter.mul_(1 - lr * weight_decay).sub_(direction, alpha=lr)
                momentum.lerp_(gradient, 1 - self._betas[1])


@optimizer(LionConfig)
def build_lion(config: LionConfig, parameters: list[nn.Parameter]) -> Lion:
    """Lion over the parameters of a network."""
    return Lion(parameters, config)
