"""Logits of many images, and what training reads from them every epoch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dilated_cifar.config.data import DataConfig
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import Machine
from dilated_cifar.freed_memory import trim_freed_memory
from dilated_cifar.models.classifier import HasClassMaps
from dilated_cifar.runs.record import Score

BATCH = 100
"""Images a forward pass; larger ones gain nothing on a CPU and cost memory."""


@torch.inference_mode()
def predict(
    model: nn.Module, images: Tensor, data: DataConfig, machine: Machine, *, flip: bool = False
) -> Tensor:
    """Logits of unaugmented images in eval mode; the model's own mode is restored.

    Several processes divide the images among them, and all get the logits of all.

    Args:
        model: Already on `machine.device`.
        images: uint8, [N, C, H, W], on any device.
        data: Whose normalisation the model was trained with.
        machine: Device, precision and memory format.
        flip: Average the logits of each image and of its mirror image.

    Returns:
        float32, [N, classes], on the machine's device.
    """
    was_training = model.training
    model.eval()
    trim_freed_memory()
    logits = []
    for number, part in enumerate(images[machine.processes.part(len(images))].split(BATCH)):
        batch = normalize(part.to(machine.device), data.mean, data.std)
        batch = batch.contiguous(memory_format=machine.memory_format)
        with machine.autocast():
            output = model(batch).float()
            if flip:
                output = (output + model(batch.flip(3)).float()) / 2
        logits.append(output)
        trim_freed_memory(number)
    model.train(was_training)
    return machine.processes.whole(torch.cat(logits), len(images))


@torch.no_grad()
def class_maps(model: nn.Module, inputs: Tensor, *, batch: int) -> Tensor:
    """Class maps [N, classes, h, w] of normalised images [N, C, H, W], `batch` of them at once.

    In eval mode; the model, one that has class maps, gets its own mode back.
    """
    assert isinstance(model, HasClassMaps)
    was_training = model.training
    model.eval()
    maps = torch.cat([model.class_maps(part) for part in inputs.split(batch)])
    model.train(was_training)
    return maps


def score(logits: Tensor, labels: Tensor) -> Score:
    """Loss and accuracy of logits [N, classes] against labels [N]."""
    right = (logits.argmax(1) == labels).sum().item()
    return Score(loss=F.cross_entropy(logits, labels).item(), accuracy=right / len(labels))


def confusion_matrix(logits: Tensor, labels: Tensor) -> Tensor:
    """Counts [classes, classes] of logits [N, classes] against labels [N]; rows are the true classes."""
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(1)
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)
