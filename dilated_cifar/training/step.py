"""One step of training, from a batch as it lies in the data set to changed weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import augment, normalize
from dilated_cifar.data.batches import Batch
from dilated_cifar.data.randomness import derive_seed
from dilated_cifar.device import Machine
from dilated_cifar.freed_memory import trim_freed_memory
from dilated_cifar.training.state import State


def take_step(
    state: State,
    network: nn.Module,
    batch: Batch,
    machine: Machine,
    *,
    epoch: int,
) -> Tensor:
    """Augment a batch and make the optimizer's step on it, with choices of the seed, the epoch and the step.

    Args:
        state: What the step changes.
        network: The model of `state`, whose gradients several processes average.
        batch: The whole one, also of several processes.
        machine: Device, precision and processes.
        epoch: From 0.

    Returns:
        What `training_step` returns.
    """
    config, processes = state.config, machine.processes
    inputs, targets = varied(batch, config, epoch, processes.part(len(batch.labels)))
    own = [processes.rank] if processes.rank else []
    torch.manual_seed(derive_seed("dropout", config.seed, epoch, batch.step, *own))
    added = training_step(state, network, inputs, targets, machine, batch=len(batch.labels))
    trim_freed_memory(batch.step)
    return added


def varied(batch: Batch, config: Config, epoch: int, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
    """What `augment` makes of a part of a run's batch in an epoch, from 0."""
    return augment(
        batch,
        config.augment,
        seed=config.seed,
        epoch=epoch,
        epochs=config.epochs,
        colours=config.data.colours,
        classes=config.data.classes,
        part=part,
    )


def training_step(
    state: State, network: nn.Module, images: Tensor, targets: Tensor, machine: Machine, *, batch: int
) -> Tensor:
    """One step of the optimizer on augmented images, uint8 [N, 3, H, W].

    Args:
        state: What the step changes.
        network: The model of `state`, whose gradients several processes average.
        images: Of this process: the whole batch, or its part of it.
        targets: Their labels, int64 [N], or of mixed images the share of each class, float32 [N, classes].
        machine: Device, precision and processes.
        batch: Images of the batch in all processes.

    Returns:
        What the step adds to Sums: float32 `[4]`, in the order of its fields.
    """
    config = state.config
    inputs = normalize(images, config.data.mean, config.data.std)
    inputs = inputs.contiguous(memory_format=machine.memory_format)
    with machine.autocast():
        logits = network(inputs)
        loss = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=config.label_smoothing)
        if state.teacher is not None:
            loss = state.teacher.joined(loss, logits, images)
    state.optimizer.zero_grad()
    # The mean over the batch, not of means: the parts of the processes may differ in size.
    (loss * (machine.processes.count / batch)).backward()
    parameters = list(state.model.parameters())
    norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
    if config.gradient_clip is not None:
        clip_grads_with_norm_(parameters, config.gradient_clip, norm)
    state.optimizer.step()
    if state.average is not None:
        state.average.update_parameters(state.model)
    with torch.no_grad():
        predicted = logits.argmax(1)
        # Of a mixed image the share of its target that the predicted class has.
        right = targets.gather(1, predicted[:, None]) if targets.dim() > 1 else targets == predicted
        correct = right.sum()
        added = machine.processes.total(torch.stack([loss, correct]).float())
        images_seen = torch.full((1,), float(batch), device=loss.device)  # filled there, not copied
        return torch.cat([added, images_seen, norm.float().to(loss.device).view(1)])
