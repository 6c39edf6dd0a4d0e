"""Distillation (Hinton et al. 2015): what a trained network predicts is part of the target of another."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.published import path_of
from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import Machine
from dilated_cifar.errors import UserError
from dilated_cifar.runs import checkpoint, weights


@dataclass(frozen=True)
class Teacher:
    """A trained network whose predictions another one learns."""

    model: nn.Module
    """In evaluation mode, without gradients."""
    data: DataConfig
    """Of its own run, after which images are normalised for it."""
    share: float
    temperature: float
    digest: str
    """Of its weights, which are part of what a run is."""

    def joined(self, loss: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        """The objective with the teacher's part in it.

        Their divergence is that of the softened distributions, Kullback-Leibler's from the teacher's, times
        the square of the temperature, by which its gradient keeps its size (section 2 of the paper).

        Args:
            loss: of the labels, the sum over the images.
            logits: of the network in training, `[N, classes]`.
            images: as it saw them, uint8 `[N, C, H, W]`.

        Returns:
            `(1 - share) * loss + share * temperature**2 * divergence`, a sum over the images.
        """
        with torch.no_grad():
            expected = self.model(normalize(images, self.data.mean, self.data.std))
        ours, theirs = (F.log_softmax(each.float() / self.temperature, 1) for each in (logits, expected))
        divergence = F.kl_div(ours, theirs, reduction="sum", log_target=True)
        return (1 - self.share) * loss + self.share * self.temperature**2 * divergence


def read_teacher(config: Config, class_names: Sequence[str], machine: Machine) -> Teacher | None:
    """The network that `config` names as teacher, on the device; None where it names none.

    Raises:
        UserError: it cannot be read, or does not predict these classes of such images.
    """
    if config.teacher is None:
        return None
    try:
        path = checkpoint.of_run(path_of(config.teacher))
        saved = weights.read(path)
        own, model = checkpoint.restore(saved, path)
        own.model.require_fit(smallest_side(config))
    except UserError as error:
        raise UserError(f"teacher={config.teacher}: {error}") from error
    channels = config.data.input_size[0]
    if list(saved.class_names) != list(class_names) or own.data.input_size[0] != channels:
        raise UserError(
            f"teacher={config.teacher}: was trained on data={own.data.family}; expected a network for the "
            f"{len(class_names)} classes and {channels} colours of data={config.data.family}"
        )
    if not all(weight.isfinite().all() for weight in saved.model.values()):
        raise UserError(
            f"teacher={config.teacher}: has weights that are nan or infinite; expected a network whose "
            "training did not diverge"
        )
    model = machine.place(model).eval().requires_grad_(False)
    digest = weights.digest(saved.model)
    return Teacher(model, own.data, config.teacher_share, config.temperature, digest)


def smallest_side(config: Config) -> int:
    """Of the images that a network is trained on, in pixels."""
    whole = config.augment.canvas or min(config.data.input_size[1:])
    return min(config.augment.crop, default=whole)
