"""Checkpoints opened to be looked into, with test images of their own data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dilated_cifar import checkpoint
from dilated_cifar.config.data import Cifar10Config
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.models.classifier import Classifier

LONGEST_NAME = 100


@dataclass(frozen=True)
class Trained:
    """A checkpoint ready to be looked into."""

    label: str
    path: Path
    epoch: int
    class_names: list[str]
    config: Config
    model: Classifier
    machine: Machine

    def stem(self, others: Sequence["Trained"]) -> str:
        """What its files begin with among those of several networks; nothing where it stands alone."""
        return f"{self.label}-" if len(others) > 1 else ""

    def inputs(self, images: Tensor) -> Tensor:
        """Images as the network takes them, uint8 [N, 3, H, W] to normalised floats on its device."""
        data = self.config.data
        batch = normalize(images.to(self.machine.device), data.mean, data.std)
        return batch.contiguous(memory_format=self.machine.memory_format)


def open_all(config: ExplainConfig) -> list[Trained]:
    """Read every checkpoint and put its network on the device; labels tell them apart."""
    paths = [Path(text) for text in config.checkpoint]
    paths = [checkpoint.of_run(path, key="checkpoint") if path.is_dir() else path for path in paths]
    folders = [run_folder(path).resolve().name or path.stem for path in paths]
    found = []
    for number, (path, folder) in enumerate(zip(paths, folders, strict=True), start=1):
        label = re.sub(r"[^\w.+-]+", "-", folder)
        if folders.count(folder) > 1:
            label = f"{number}-{label}-{path.stem}"
        saved = checkpoint.load(path)
        run_config, model = checkpoint.restore(saved, path)
        # Gradients and their differences are small: full precision, whatever the device.
        machine = choose_machine(config.device, precision="fp32", channels_last=run_config.channels_last)
        found.append(
            Trained(label, path, saved.epoch, saved.class_names, run_config, machine.place(model), machine)
        )
    return found


def run_folder(path: Path) -> Path:
    """The run folder that a checkpoint lies in, or the folder it lies in."""
    return path.parent.parent if path.parent.name == "checkpoints" else path.parent


def default_folder(trained: list[Trained]) -> Path:
    """`RUN/explain`, or for several checkpoints a folder of all their names."""
    if len(trained) == 1:
        return run_folder(trained[0].path) / "explain"
    return Path("outputs") / "explain" / "__".join(each.label for each in trained)[:LONGEST_NAME]


def read_test_images(run_config: Config, config: ExplainConfig) -> Split:
    """Evenly spread images of the run's own test split."""
    data = run_config.data
    if isinstance(data, Cifar10Config):
        data = replace(data, root=config.data.root or data.root, download=config.data.download)
    split = load_split(data, "test")
    count = min(config.samples, len(split))
    chosen = torch.arange(count) * len(split) // count
    return Split(split.images[chosen], split.labels[chosen])
