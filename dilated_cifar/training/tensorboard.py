"""What TensorBoard shows beside curves and pictures: texts, layout, graph, hyper-parameters."""

import logging
import textwrap
import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from tensorboard.compat.proto.summary_pb2 import Summary as Written
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars, hparams

from dilated_cifar.config.base import as_typed, shortened
from dilated_cifar.config.run import LOCAL_KEYS, flatten
from dilated_cifar.config.store import to_container, to_yaml
from dilated_cifar.data.augment import augment
from dilated_cifar.data.batches import batches
from dilated_cifar.data.pictures import as_shown
from dilated_cifar.data.splits import Splits
from dilated_cifar.errors import one_line, printable
from dilated_cifar.inspection.network import Inspection, describe
from dilated_cifar.runs.events import NETWORK
from dilated_cifar.runs.record import Summary
from dilated_cifar.training.state import State

logger = logging.getLogger(__name__)


def begin(writer: SummaryWriter, state: State, splits: Splits, network: Inspection | None) -> None:
    """Write what is known before the first step: configuration, network, augmented images."""
    config, held_out = state.config, splits.held_out[0]
    # Indented, so that no text of the configuration ends the block of code.
    writer.add_text("config", printable(textwrap.indent(to_yaml(config), "    ")), 0)
    writer._get_file_writer().add_summary(both_splits(["train_subset", held_out]))
    seed, data = config.seed, config.data
    drawn, _ = augment(
        next(batches(splits.train, 32, seed=seed)),
        config.augment,
        seed=seed,
        epoch=0,
        epochs=config.epochs,
        colours=data.colours,
        classes=data.classes,
    )
    shown = torch.stack([as_shown(image).permute(2, 0, 1) for image in drawn])
    writer.add_images("augmented", F.pad(shown, [1, 1, 1, 1]), 0)  # eight in a row, apart
    add_graph(writer, state)
    # Last, so that the beginning is whole where it is there.
    writer.add_text(NETWORK, describe(network) if network else "It cannot be traced.", 0)


def both_splits(splits: Sequence[str]) -> Written:
    """Lay out custom scalars: loss and accuracy, the curves of these two splits in one chart."""
    layout = Layout()
    category = layout.category.add(title="overfitting")
    for figure in ("loss", "accuracy"):
        legend = ", ".join(f"{mark} {split}" for mark, split in zip("◼◆", splits, strict=True))
        chart = category.chart.add(title=f"{figure}: {legend}")
        for split in splits:
            # A chart of margins, here of no width, gives its series their marks in this order, so that a mark
            # is the same split in every run; a chart of several lines does so in the order of arrival.
            tag = f"{figure}/{split}"
            chart.margin.series.add(value=tag, lower=tag, upper=tag)
    written = custom_scalars({})  # torch knows margins of one series only
    written.value[0].tensor.string_val[:] = [layout.SerializeToString()]
    return written


def tag_of(curve: str) -> str:
    """A curve's tag: TensorBoard opens the first two groups, accuracy and loss, each with its gap."""
    figure, _, measure = curve.partition("/")
    if figure == "gap":
        return f"{measure}/gap"
    return curve if figure in ("accuracy", "loss") else f"training/{curve.replace('/', '_')}"


def add_final(writer: SummaryWriter, state: State, summary: Summary) -> None:
    """Add the final figures as a text, and beside the settings as columns of the HPARAMS table."""
    chosen, epoch = summary.selected, state.progress.epoch
    scores = {"train": chosen.train, "validation": chosen.validation, "test": chosen.test}
    rows = [f"| {name} | {each.accuracy:.4f} | {each.loss:.4f} |" for name, each in scores.items() if each]
    table = "\n".join(["| split | accuracy | loss |", "|---|---|---|", *rows])
    writer.add_text("result", f"{summary.chosen} weights, of epoch {chosen.epoch}\n\n{table}", epoch)
    # A metric of the HPARAMS table would have to be a curve, here of one point.
    results = {f"result/{name}_accuracy": each.accuracy for name, each in scores.items() if each}
    settings = {
        key: value if isinstance(value, bool | int | float) else printable(as_typed(value))
        for key, value in flatten(to_container(state.config)).items()
        if key not in LOCAL_KEYS
    }
    # add_hparams would open a run of its own beside this one. Without its first part, which describes an
    # experiment by one run, TensorBoard looks at all of them and shows first what differs.
    for part in hparams(results | settings, {})[1:]:
        writer._get_file_writer().add_summary(part)


def add_graph(writer: SummaryWriter, state: State) -> None:
    """Add the network's graph; the network stays as it is."""
    training = state.model.training
    device = next(state.model.parameters()).device
    with warnings.catch_warnings():
        # The event format takes a TorchScript graph; torch warns that TorchScript itself is no longer grown.
        warnings.simplefilter("ignore")
        try:
            image = torch.zeros(1, *state.config.data.input_size, device=device)
            # Traced here, without the check that the writer's own tracing makes: it takes longer than a step.
            writer.add_graph(torch.jit.trace(state.model.eval(), image, check_trace=False), image)
        except OSError:
            raise
        except Exception as error:  # a plugin's network need not be one that TorchScript can follow
            logger.warning("the graph cannot be drawn and is left out: %s", shortened(one_line(error), 100))
    state.model.train(training)
