"""Trained networks: read from files onto a device, with the data set of their runs on this machine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.published import path_of
from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.data.splits import Split, load_split
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.graph import open_graph, unnormalised
from dilated_cifar.models.classifier import HasClassMaps
from dilated_cifar.runs import checkpoint, weights
from dilated_cifar.runs.folder import folder_of

LONGEST_NAME = 100


@dataclass(frozen=True)
class Predictor:
    """What makes logits of images, on its device, under the label that it has in tables and pictures."""

    path: Path
    epoch: int
    class_names: list[str]
    config: Config
    """Of its run, but for the normalisation where the model brings its own."""
    model: nn.Module
    machine: Machine
    label: str

    @property
    def not_finite(self) -> int:
        """How many of its weights, and of the statistics of its batch norms, are nan or infinite."""
        return sum(int((~weight.isfinite()).sum()) for weight in self.model.state_dict().values())

    @property
    def weights_name(self) -> str:
        """What tells files about it from those about others of its run: `best`, or `model.onnx`."""
        return self.path.stem if self.path.suffix == ".pt" else self.path.name

    def stem(self, others: Sequence["Predictor"]) -> str:
        """What its files begin with among those of several networks; nothing where it stands alone."""
        return f"{self.label}-" if len(others) > 1 else ""


@dataclass(frozen=True)
class Trained(Predictor):
    """A network whose layers are there, so that it can be looked into."""

    @property
    def has_class_maps(self) -> bool:
        """Whether it says where on an image it sees a class."""
        return isinstance(self.model, HasClassMaps)

    def inputs(self, images: Tensor) -> Tensor:
        """Images as the network takes them, uint8 [N, C, H, W] to normalised floats on its device."""
        data = self.config.data
        batch = normalize(images.to(self.machine.device), data.mean, data.std)
        return batch.contiguous(memory_format=self.machine.memory_format)


def open_checkpoint(path: Path, *, device: str, precision: str, label: str | None = None) -> Trained:
    """Read weights and put their network on the device; its label is the name of its run by default.

    Raises:
        UserError: the file or the device is not as expected.
    """
    saved = weights.read(path)
    config, model = checkpoint.restore(saved, path)
    machine = choose_machine(device, precision=precision, channels_last=config.channels_last)
    model = machine.place(model)
    return Trained(path, saved.epoch, saved.class_names, config, model, machine, label or run_label(path))


def open_predictor(path: Path, *, device: str, precision: str, label: str) -> Predictor:
    """Read weights as `open_checkpoint` does, or a graph, which runs on the CPU in fp32.

    Raises:
        UserError: the file or the device is not as expected.
    """
    if path.suffix != weights.ONNX:
        return open_checkpoint(path, device=device, precision=precision, label=label)
    for key, value, only in (("device", device, "cpu"), ("precision", precision, "fp32")):
        if value not in ("auto", only):
            raise UserError(f"{key}={value}: {path} runs with {key}={only} alone; write {key}={only}")
    file, model = open_graph(path)
    config = replace(file.config, data=unnormalised(file.config.data))
    machine = choose_machine("cpu", precision="fp32", channels_last=False)
    return Predictor(path, file.described.epoch, file.described.class_names, config, model, machine, label)


def open_all(checkpoints: Sequence[str], *, device: str, precision: str = "fp32") -> list[Trained]:
    """Read the weights of every file, or the selected ones of every run folder; labels tell them apart.

    Raises:
        UserError: a file or the device is not as expected.
    """
    return [
        open_checkpoint(path, device=device, precision=precision, label=label)
        for path, label in labelled(checkpoints)
    ]


def open_predictors(checkpoints: Sequence[str], *, device: str, precision: str) -> list[Predictor]:
    """As `open_all`, graphs too.

    Raises:
        UserError: a file or the device is not as expected.
    """
    return [
        open_predictor(path, device=device, precision=precision, label=label)
        for path, label in labelled(checkpoints)
    ]


def labelled(checkpoints: Sequence[str]) -> list[tuple[Path, str]]:
    """The files that files and run folders stand for, with labels that tell them apart.

    Raises:
        UserError: a folder holds no weights.
    """
    paths = [checkpoint.of_run(path_of(text)) for text in checkpoints]
    names = [run_label(path) for path in paths]
    return [
        (path, f"{number}-{name}-{path.stem}" if names.count(name) > 1 else name)
        for number, (path, name) in enumerate(zip(paths, names, strict=True), start=1)
    ]


def require_finite(trained: Sequence[Trained]) -> None:
    """Raise a UserError where a weight is nan or infinite: what such a network sees cannot be measured."""
    for each in trained:
        if broken := each.not_finite:
            raise UserError(
                f"checkpoint={each.path}: {broken:,} of its weights are nan or infinite; expected a network "
                "whose training did not diverge"
            )


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


def some_test_images(data: DataConfig, place: DataPlace, count: int, *, progress: bool) -> Split:
    """At most `count` evenly spread images of the test split of a run's data set.

    Raises:
        UserError: its images are missing and cannot be had, or are damaged.
    """
    split = load_split(data_here(data, place), "test", progress=progress)
    count = min(count, len(split))
    chosen = torch.arange(count) * len(split) // count
    return Split(split.images[chosen], split.labels[chosen])


def data_here(data: DataConfig, place: DataPlace) -> DataConfig:
    """The data set of a run, looked for at `place` on this machine."""
    return data.at(place.root, download=place.download)
