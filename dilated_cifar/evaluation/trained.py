"""Trained networks: read from checkpoints onto a device, with the data set of their runs on this machine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from dilated_cifar.config.base import expanded
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.folder import folder_of

LONGEST_NAME = 100


@dataclass(frozen=True)
class Trained:
    """The network of a checkpoint on its device, under the label that it has in tables and pictures."""

    path: Path
    epoch: int
    class_names: list[str]
    config: Config
    model: Classifier
    machine: Machine
    label: str

    @property
    def not_finite(self) -> int:
        """How many of its weights, and of the statistics of its batch norms, are nan or infinite."""
        return sum(int((~weight.isfinite()).sum()) for weight in self.model.state_dict().values())

    def stem(self, others: Sequence["Trained"]) -> str:
        """What its files begin with among those of several networks; nothing where it stands alone."""
        return f"{self.label}-" if len(others) > 1 else ""

    def inputs(self, images: Tensor) -> Tensor:
        """Images as the network takes them, uint8 [N, 3, H, W] to normalised floats on its device."""
        data = self.config.data
        batch = normalize(images.to(self.machine.device), data.mean, data.std)
        return batch.contiguous(memory_format=self.machine.memory_format)


def open_checkpoint(path: Path, *, device: str, precision: str, label: str | None = None) -> Trained:
    """Read a checkpoint and put its network on the device; its label is the name of its run by default.

    Raises:
        UserError: the checkpoint or the device is not as expected.
    """
    saved = checkpoint.load(path)
    config, model = checkpoint.restore(saved, path)
    machine = choose_machine(device, precision=precision, channels_last=config.channels_last)
    model = machine.place(model)
    return Trained(path, saved.epoch, saved.class_names, config, model, machine, label or run_label(path))


def open_all(checkpoints: Sequence[str], *, device: str, precision: str = "fp32") -> list[Trained]:
    """Read every checkpoint, or that of every run folder; labels tell them apart.

    Raises:
        UserError: a checkpoint or the device is not as expected.
    """
    paths = [checkpoint.of_run(expanded(text)) for text in checkpoints]
    labels = [run_label(path) for path in paths]
    found = []
    for number, (path, name) in enumerate(zip(paths, labels, strict=True), start=1):
        label = f"{number}-{name}-{path.stem}" if labels.count(name) > 1 else name
        found.append(open_checkpoint(path, device=device, precision=precision, label=label))
    return found


def folder_for(trained: Sequence[Trained], command: str, chosen: str | None) -> Path:
    """The folder the user chose, else `RUN/COMMAND`, or for several checkpoints one of all their names."""
    if chosen is not None:
        return Path(chosen)
    if len(trained) == 1:
        return folder_of(trained[0].path) / command
    return Path("outputs") / command / "__".join(each.label for each in trained)[:LONGEST_NAME]


def run_label(path: Path) -> str:
    """The name of a checkpoint's run folder, with characters that any file name may have."""
    return re.sub(r"[^\w.+-]+", "-", folder_of(path).resolve().name or path.stem)


def data_here(data: DataConfig, place: DataPlace) -> DataConfig:
    """The data set of a run, looked for at `place` on this machine."""
    return data.at(place.root, download=place.download)
