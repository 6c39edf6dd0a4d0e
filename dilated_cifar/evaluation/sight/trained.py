"""Checkpoints opened to be looked into, with test images of their own data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dilated_cifar import checkpoint
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.evaluation.opened import Opened, data_here, open_checkpoint, run_folder

LONGEST_NAME = 100


@dataclass(frozen=True)
class Trained(Opened):
    """A checkpoint ready to be looked into."""

    label: str

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
        # Gradients and their differences are small: full precision, whatever the device.
        opened = open_checkpoint(path, device=config.device, precision="fp32")
        found.append(Trained(**vars(opened), label=label))
    return found


def default_folder(trained: list[Trained]) -> Path:
    """`RUN/explain`, or for several checkpoints a folder of all their names."""
    if len(trained) == 1:
        return run_folder(trained[0].path) / "explain"
    return Path("outputs") / "explain" / "__".join(each.label for each in trained)[:LONGEST_NAME]


def read_test_images(run_config: Config, config: ExplainConfig) -> Split:
    """Evenly spread images of the run's own test split."""
    split = load_split(data_here(run_config.data, config.data), "test")
    count = min(config.samples, len(split))
    chosen = torch.arange(count) * len(split) // count
    return Split(split.images[chosen], split.labels[chosen])
