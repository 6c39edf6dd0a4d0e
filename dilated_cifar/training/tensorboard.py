"""What a run shows in TensorBoard while it trains."""

import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams
from torchvision.utils import make_grid

from dilated_cifar.config.run import LOCAL_KEYS, flatten
from dilated_cifar.config.store import to_container, to_yaml
from dilated_cifar.data.augment import augment
from dilated_cifar.data.batches import batches
from dilated_cifar.data.splits import Splits
from dilated_cifar.evaluation.pictures import confusion_figure, mistakes_figure
from dilated_cifar.evaluation.predict import confusion_matrix
from dilated_cifar.inspection.network import Inspection, describe, draw_coverage
from dilated_cifar.runs.record import Summary
from dilated_cifar.training.state import State


class Board:
    """The event file of a run folder; the step of every curve is the epoch, from 1."""

    def __init__(self, folder: Path, *, first_epoch: int) -> None:
        # What an earlier session wrote of epochs that are now repeated is purged: curves stay one line.
        self._writer = SummaryWriter(str(folder), purge_step=first_epoch if first_epoch > 1 else 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def begin(self, state: State, splits: Splits, network: Inspection) -> None:
        """Write what is known before the first step: configuration, network, augmented images."""
        writer, config = self._writer, state.config
        held_out = splits.held_out[0]
        writer.add_text("config", f"```yaml\n{to_yaml(config)}```", 0)
        layout = {
            figure: ["Multiline", [f"{figure}/train_subset$", f"{figure}/{held_out}$"]]
            for figure in ("loss", "accuracy")
        }
        writer.add_custom_scalars({"overfitting": layout})
        _, images, _ = next(batches(splits.train, 32, seed=config.seed))
        drawn = augment(
            images, config.augment, seed=config.seed, epoch=0, step=0, colours=config.data.colours
        )
        writer.add_image("augmented", make_grid(drawn, nrow=8, padding=1), 0)
        add_graph(writer, state)
        writer.add_text("network", describe(network), 0)
        if config.pictures:
            writer.add_figure("count map", draw_coverage(network), 0)
        writer.flush()

    def add_epoch(self, state: State, splits: Splits, logits: Tensor) -> None:
        """Add the row of the epoch just completed, and now and then pictures of its held-out logits."""
        history, epochs = state.progress.history, state.config.epochs
        row = history[-1]
        epoch = int(row["epoch"])
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, epoch)
        pictures = state.config.pictures
        if pictures and (epoch % -(-epochs // pictures) == 0 or epoch == epochs):
            self._add_pictures(splits, logits, epoch)
        self._writer.flush()

    def _add_pictures(self, splits: Splits, logits: Tensor, epoch: int) -> None:
        name, held_out = splits.held_out
        matrix = confusion_matrix(logits, held_out.labels)
        title = f"{name} split, epoch {epoch}: images of each class"
        confusion = confusion_figure(matrix.cpu().numpy(), splits.class_names, title=title)
        self._writer.add_figure("confusion", confusion, epoch)
        mistakes = mistakes_figure(held_out.images, held_out.labels, logits.softmax(1), splits.class_names)
        if mistakes is not None:
            self._writer.add_figure("mistakes", mistakes, epoch)

    def finish(self, state: State, summary: Summary) -> None:
        """Write the hyper-parameters with the final figures, into the run itself."""
        chosen, epoch = summary.selected, state.progress.epoch
        figures = {
            "final/test_accuracy": chosen.test.accuracy,
            "final/test_loss": chosen.test.loss,
            "final/train_accuracy": chosen.train.accuracy,
            "final/epoch": float(chosen.epoch),
        }
        if chosen.validation is not None:
            figures["final/validation_accuracy"] = chosen.validation.accuracy
        settings = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in flatten(to_container(state.config)).items()
            if key not in LOCAL_KEYS
        }
        # add_hparams would open a run of its own beside this one.
        for part in hparams(settings, figures):
            self._writer._get_file_writer().add_summary(part)
        for name, value in figures.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()


def add_graph(writer: SummaryWriter, state: State) -> None:
    """Add the network's graph; the network stays as it is."""
    training = state.model.training
    device = next(state.model.parameters()).device
    with warnings.catch_warnings():
        # The event format takes a TorchScript graph; torch warns that TorchScript itself is no longer grown.
        warnings.simplefilter("ignore")
        writer.add_graph(state.model.eval(), torch.zeros(1, *state.config.data.input_size, device=device))
    state.model.train(training)
