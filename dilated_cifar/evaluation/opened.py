"""Checkpoints opened: the network on its device, and the data set of its run on this machine."""

from dataclasses import dataclass, replace
from pathlib import Path

from dilated_cifar import checkpoint
from dilated_cifar.config.data import Cifar10Config, DataConfig
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.run import Config
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.models.classifier import Classifier


@dataclass(frozen=True)
class Opened:
    """A checkpoint whose network is ready to answer."""

    path: Path
    epoch: int
    class_names: list[str]
    config: Config
    model: Classifier
    machine: Machine


def open_checkpoint(path: Path, *, device: str, precision: str) -> Opened:
    """Read a checkpoint and put its network on the device.

    Raises:
        UserError: the checkpoint or the device is not as expected.
    """
    saved = checkpoint.load(path)
    config, model = checkpoint.restore(saved, path)
    machine = choose_machine(device, precision=precision, channels_last=config.channels_last)
    return Opened(path, saved.epoch, saved.class_names, config, machine.place(model), machine)


def run_folder(path: Path) -> Path:
    """The run folder that a checkpoint lies in, or the folder it lies in."""
    return path.parent.parent if path.parent.name == "checkpoints" else path.parent


def data_here(data: DataConfig, place: DataPlace) -> DataConfig:
    """The data set of a run, looked for at `place` on this machine."""
    if isinstance(data, Cifar10Config):
        return replace(data, root=place.root or data.root, download=place.download)
    return data
