"""Muon (Jordan et al. 2024): steps along the momentum made orthogonal, which all directions share alike."""

from collections.abc import Callable, Iterable
from math import sqrt

import torch
from torch import Tensor, nn, optim

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(optim.Optimizer):
    """Muon for the kernels, and Nesterov's gradient descent for what is no matrix and for the classifier.

    torch.optim.Muon takes matrices alone; here a kernel `[out, in, height, width]` is one as well, with a row
    for each filter. The last parameter of two dimensions or more is the classifier's. Weight decay is
    decoupled.

    Args:
        parameters: of a network, in its own order.
        lr: learning rate of the kernels.
        momentum: share of the last step kept in the next one.
        weight_decay: each step takes this share of the weight, times its learning rate.
        others: learning rate of the other parameters, as a multiple of `lr`.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
        others: float,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "others": others}
        super().__init__(list(parameters), settings)
        matrices = [each for group in self.param_groups for each in group["params"] if each.dim() > 1]
        self._kernels = {id(each) for each in matrices[:-1]}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # without its value
        """Change every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                kept = self.state[parameter]
                if not kept:
                    kept["momentum_buffer"] = torch.zeros_like(parameter)
                momentum = kept["momentum_buffer"].mul_(group["momentum"]).add_(parameter.grad)
                update = parameter.grad.add(momentum, alpha=group["momentum"])
                lr = group["lr"]
                if id(parameter) in self._kernels:
                    matrix = update.flatten(1)
                    update = orthogonal(matrix).view(update.shape)
                    rate = lr * sqrt(max(1.0, matrix.shape[0] / matrix.shape[1]))
                else:
                    rate = lr = lr * group["others"]
                parameter.mul_(1 - lr * group["weight_decay"]).add_(update, alpha=-rate)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix `[m, n]` with the same singular vectors and singular values between about 0.7 and 1.2.

    Five Newton-Schulz iterations with coefficients for speed, not for convergence; singular values that lie
    far below the largest one stay smaller. Each iteration multiplies by a polynomial of the Gram matrix, so
    all of them are done on that smaller matrix.
    """
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp(min=1e-7)
    gram = wide @ wide.T
    factor = polynomial = polynomial_of(gram)
    for _ in range(ITERATIONS - 1):
        gram = polynomial @ gram @ polynomial
        polynomial = polynomial_of(gram)
        factor = polynomial @ factor
    wide = torch.mm(factor, wide)
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


def polynomial_of(gram: Tensor) -> Tensor:
    """What one iteration multiplies by, of a Gram matrix `[m, m]`."""
    first, third, fifth = COEFFICIENTS
    polynomial = torch.addmm(gram, gram, gram, beta=third, alpha=fifth)
    polynomial.diagonal().add_(first)
    return polynomial
