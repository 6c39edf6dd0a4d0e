"""The ways of training a network that are measured beside each other, each one step after the other."""

from collections.abc import Iterator
from itertools import count

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2 as transforms

from dilated_cifar.config.optimization import SgdConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.batches import batches
from dilated_cifar.data.splits import Split
from dilated_cifar.device import Machine
from dilated_cifar.models import build
from dilated_cifar.training.state import State
from dilated_cifar.training.step import take_step


def project_steps(state: State, split: Split, machine: Machine) -> Iterator[int]:
    """Train as `train` does, for ever; yields the images of each step."""
    network = machine.compiled(state.model)
    state.model.train()
    for epoch in count():
        for batch in batches(split, state.config.batch_size, seed=state.config.seed, epoch=epoch):
            take_step(state, network, batch, machine, epoch=epoch)
            yield len(batch.labels)


class PillowImages(Dataset[tuple[Tensor, int]]):
    """Images as Pillow's, varied one by one with torchvision's transforms, as tutorials do it."""

    def __init__(self, split: Split, config: Config) -> None:
        self._images = split.images.cpu().permute(0, 2, 3, 1).contiguous().numpy()
        self._labels = split.labels.tolist()
        size = config.data.input_size[1:]
        self._transform = transforms.Compose(
            [
                transforms.RandomCrop(size, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.PILToTensor(),
                transforms.ToDtype(torch.float32, scale=True),
                transforms.Normalize(config.data.mean, config.data.std),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """A varied image, float32 [3, H, W], and its class."""
        return self._transform(Image.fromarray(self._images[index])), self._labels[index]


def usual_loader(
    split: Split, config: Config, machine: Machine, workers: int
) -> DataLoader[tuple[Tensor, int]]:
    """Shuffled batches of them from processes that stay."""
    return DataLoader(
        PillowImages(split, config),
        config.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=machine.device.type == "cuda",
    )


def usual_network(config: Config, machine: Machine) -> nn.Module:
    """The same network with maps in the order NCHW, torch's own."""
    return build(config.model, config.data.classes, config.data.input_size).to(machine.device)


def usual_optimizer(config: Config, network: nn.Module) -> optim.Optimizer:
    """Torch's SGD with the values that `config` has."""
    chosen = config.optimizer
    assert isinstance(chosen, SgdConfig)
    return optim.SGD(
        network.parameters(),
        lr=chosen.lr,
        momentum=chosen.momentum,
        nesterov=chosen.nesterov,
        weight_decay=chosen.weight_decay,
    )


def usual_steps(
    network: nn.Module,
    optimizer: optim.Optimizer,
    loader: DataLoader[tuple[Tensor, int]],
    machine: Machine,
) -> Iterator[int]:
    """Train the usual way, for ever; yields the images of each step."""
    network.train()
    sums = torch.zeros(2, device=machine.device)
    while True:
        for images, labels in loader:
            inputs = images.to(machine.device, non_blocking=True)
            sums += usual_step(network, optimizer, inputs, labels.to(machine.device), machine)
            yield len(labels)


def usual_step(
    network: nn.Module, optimizer: optim.Optimizer, inputs: Tensor, labels: Tensor, machine: Machine
) -> Tensor:
    """One step on normalised images [N, 3, H, W]; returns summed loss and right predictions, float32 [2]."""
    with machine.autocast():
        logits = network(inputs)
        loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    right = (logits.argmax(1) == labels).sum()
    return torch.stack([loss.detach() * len(labels), right]).float()
