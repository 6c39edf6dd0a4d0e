"""The commands from Python: a few functions whose results are data, and show themselves in a notebook.

`import dilated_cifar` offers them; they are imported, and torch with them, when the first one is used.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from dilated_cifar.cli import explain as explaining
from dilated_cifar.cli import train as training
from dilated_cifar.cli.command import compose
from dilated_cifar.cli.overrides import read_arguments
from dilated_cifar.comparison import collect, comparison
from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.published import path_of
from dilated_cifar.data.splits import load_split
from dilated_cifar.dilation import coverage, rates
from dilated_cifar.dilation import trace as tracing
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation import metrics
from dilated_cifar.evaluation.predict import predict
from dilated_cifar.evaluation.trained import data_here, open_checkpoint
from dilated_cifar.inspection.verdicts import rates_text
from dilated_cifar.models import build as build_network
from dilated_cifar.notebook.results import (
    Compared,
    CountMap,
    Evaluated,
    FinishedRun,
    Judgement,
    Layers,
    LoadedNetwork,
    same,
)
from dilated_cifar.plugins import load_plugins
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.reading import read_summary

IMAGE = Cifar10Config().input_size


def train(*overrides: str) -> FinishedRun:
    """Train, or continue, one run: `train("model=plain", "epochs=20", "seed=1")`.

    Args:
        overrides: As on the command line of `train.py`, each a string of its own.

    Raises:
        UserError: an override or the data are not as expected.
        RunError: training cannot go on; the last good state stays.
        Interrupted: it was stopped; the same call continues it.
    """
    arguments = read_arguments(training.COMMAND, overrides)
    if arguments.multirun:
        raise UserError("train: expected one run; call it in a loop, or start a sweep with train.py -m")
    folder = training.run_one(arguments)
    return FinishedRun(folder, read_summary(folder))


def build(*overrides: str) -> nn.Module:
    """Build a network with random weights, for images of `data=`: `build("model=drn_c", "model.width=8")`.

    Args:
        overrides: As on the command line of `train.py`; without `data=`, the images are those of CIFAR-10.

    Raises:
        UserError: an override is not as expected, or the classes are known only once the images are read.
    """
    chosen = compose(explaining.COMMAND, read_arguments(explaining.COMMAND, overrides), ExplainConfig)
    return build_network(chosen.model, chosen.data.classes, chosen.data.input_size)


def load(run: str | Path, *, device: str = "auto", plugin: str | Sequence[str] = ()) -> LoadedNetwork:
    """Read the network of a run's folder, whose selected weights are taken, of a file, or `published:NAME`.

    Args:
        run: The folder, the file or the name.
        device: auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:N or mps.
        plugin: FILE.py or module, or several, with what the run needs of your own.

    Raises:
        UserError: there is none, it is damaged, its plugin is not loaded, or the device is not there.
    """
    load_plugins([plugin] if isinstance(plugin, str) else plugin)
    path = checkpoint.of_run(path_of(str(run)))
    trained = open_checkpoint(path, device=device, precision="fp32")
    trained.model.eval()
    return LoadedNetwork(trained)


def evaluate(
    run: str | Path,
    split: str = "test",
    *,
    flip: bool = False,
    device: str = "auto",
    root: str | None = None,
    download: bool = True,
    plugin: str | Sequence[str] = (),
) -> Evaluated:
    """Evaluate the network of a run on a split of its data set.

    Args:
        run: Its folder, a file with weights, or `published:NAME`.
        split: test, validation, train or train_subset, all without augmentation.
        flip: Average the logits of each image and of its mirror image.
        device: auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:N or mps.
        root: Folder of the data set; None for the run's own, else CIFAR10_ROOT, else ./data.
        download: Fetch the data set where it is missing.
        plugin: As of `load`.

    Raises:
        UserError: there is no such run, split, device or data set.
    """
    trained = load(run, device=device, plugin=plugin).trained
    data = data_here(trained.config.data, DataPlace(root, download))
    found = load_split(data, split)
    images = found.images.to(trained.machine.device)
    logits = predict(trained.model, images, data, trained.machine, flip=flip)
    return same(Evaluated, metrics.evaluate(logits, found.labels, trained.class_names))


def compare(*paths: str | Path, group_by: Sequence[str] = (), baseline: str | None = None) -> Compared:
    """Compare the finished runs below some folders; of what cannot be read it warns.

    Args:
        paths: Folders of runs, or runs.
        group_by: Keys to group by; without any, all that differ but the seed.
        baseline: The group that others are compared with; the first without.

    Raises:
        UserError: there is no finished run, an unknown key, or a baseline that is no group or several.
    """
    found = collect.collect(collect.folders_given(paths))
    for fault in found.faults:
        warnings.warn(fault, stacklevel=2)
    collect.require_runs(found)
    return Compared(comparison.compare(found, group_by=group_by, baseline=baseline))


def trace(network: nn.Module, input_size: tuple[int, int, int] = IMAGE) -> Layers:
    """List the layers of a network as they run on an image `[C, H, W]`, with what each can see.

    Raises:
        ValueError: the network cannot take such an input, or runs an operation that no rule describes.
    """
    return same(Layers, tracing.trace(network, input_size))


def judge(dilations: Sequence[int], kernel_size: rates.Kernel = 3) -> Judgement:
    """Judge a list of dilation rates: whether a stack of such convolutions covers every pixel.

    Raises:
        ValueError: the list is empty, a rate or a kernel is below 1, or there is not one kernel a rate.
    """
    return same(Judgement, rates.judge(dilations, kernel_size))


def count_map(
    of: Sequence[int] | nn.Module,
    kernel_size: rates.Kernel = 3,
    *,
    input_size: tuple[int, int, int] = IMAGE,
    layer: str | None = None,
) -> CountMap:
    """Count how often each pixel enters one output of a stack of dilated convolutions, or of a network.

    Args:
        of: Dilation rates, or a network.
        kernel_size: Of the convolutions with these rates.
        input_size: Of an image, `[C, H, W]`, for a network.
        layer: Of a network, whose centre unit is counted; None for its output.

    Raises:
        ValueError: rates or kernels that are none, no such layer, or an operation that cannot be counted.
    """
    if not isinstance(of, nn.Module):
        title = rates_text(rates.judge(of, kernel_size))
        return CountMap(title, coverage.count_map(of, kernel_size), centred=True)
    if layer is None:
        return CountMap(type(of).__name__, coverage.network_count_map(of, input_size), centred=False)
    counted = coverage.count_unit(of, tracing.trace(of, input_size), layer)
    return CountMap(f"centre unit of {layer}", counted.counts, centred=False)
