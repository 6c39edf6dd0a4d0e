"""Batch norm over the whole batch where each process has a part of it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # what the three dimensions have in common

from dilated_cifar.device import Machine, Module
from dilated_cifar.processes import Processes


class Total(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, processes: Processes) -> Tensor:
        """Add up."""
        ctx.processes = processes
        return processes.total(tensor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Add up what each process found, for every one of them used the sum."""
        return ctx.processes.total(gradient), None


class SyncedBatchNorm(_BatchNorm):
    """Batch norm by the statistics of all processes, on any device; torch.nn.SyncBatchNorm is for GPUs alone.

    Sums of the images are added up over the processes, forwards and backwards, so that a process may have
    any number of them, none included.
    """

    def __init__(self, plain: _BatchNorm, processes: Processes) -> None:
        super().__init__(plain.num_features, plain.eps, plain.momentum, plain.affine)
        # The same tensors, not copies: an optimizer may hold them.
        self._parameters, self._buffers = plain._parameters, plain._buffers
        self.track_running_stats, self.training = plain.track_running_stats, plain.training
        self._processes = processes

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  # torch's own name
        """Any number of dimensions will do."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # torch's own name
        """Normalise features `[N, C, ...]`."""
        if not self.training:
            plain: Tensor = super().forward(input)
            return plain
        features = input.float()
        others = [dimension for dimension in range(features.dim()) if dimension != 1]
        shape = [1, -1] + [1] * (features.dim() - 2)
        # One sum for the mean and one for the variance about it: the mean of squares would lose digits.
        own = torch.tensor([features.numel() / self.num_features], device=features.device)
        sums = Total.apply(torch.cat([own, features.sum(others)]), self._processes)
        count, mean = sums[:1], sums[1:]
        count = count.detach()
        mean = mean / count
        centred = features - mean.view(shape)
        variance = Total.apply(centred.square().sum(others), self._processes) / count
        self._note(mean.detach(), (variance * count / (count - 1)).detach())
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        normalised = centred * scale.view(shape)
        if self.affine:
            normalised = normalised + self.bias.view(shape)
        result: Tensor = normalised.to(input.dtype)
        return result

    def _note(self, mean: Tensor, variance: Tensor) -> None:
        """Bring the running statistics up to date with those of a batch."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronised(model: Module, machine: Machine) -> Module:
    """`model`, the batch norms in it over all processes; weights and their names stay."""
    if machine.processes.count == 1:
        return model
    if machine.device.type == "cuda":
        converted: Module = nn.SyncBatchNorm.convert_sync_batchnorm(model, machine.processes.group)
        return converted
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            model.set_submodule(name, SyncedBatchNorm(module, machine.processes))
    return model
