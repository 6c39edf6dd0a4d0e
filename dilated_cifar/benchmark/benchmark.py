"""The whole benchmark: every network in every way, then the start of a command and growth."""

import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch

import dilated_cifar
from dilated_cifar.benchmark import measure
from dilated_cifar.benchmark.figures import LIGHTNING, PROJECT, USUAL, Figures, NetworkFigures, Spread
from dilated_cifar.benchmark.growth import measure_growth
from dilated_cifar.benchmark.images import find_images
from dilated_cifar.benchmark.report import draw, sentences, tables
from dilated_cifar.benchmark.start import measure_start
from dilated_cifar.benchmark.ways import (
    project_steps,
    usual_loader,
    usual_network,
    usual_optimizer,
    usual_steps,
)
from dilated_cifar.config.benchmark import BenchmarkConfig
from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.config.run import Config
from dilated_cifar.data.splits import Split
from dilated_cifar.device import Machine, choose_machine, use_threads
from dilated_cifar.dilation.trace import trace
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.predict import predict
from dilated_cifar.progress import Steps
from dilated_cifar.runs.environment import processor
from dilated_cifar.runs.record import last_checkpoint
from dilated_cifar.training.state import State, new_state

PREFETCHED = 2
"""Batches that each worker of a DataLoader has ready: so many steps would measure nothing but training."""


def measure_all(
    config: BenchmarkConfig, networks: Mapping[str, Config], widths: Mapping[int, Config], steps: Steps
) -> Figures:
    """Measure, print and write everything.

    Args:
        config: What is measured.
        networks: The configurations of training by the names of their networks.
        widths: Those of the resnet by its width, for growth; none where that is not measured.
        steps: What is shown meanwhile.

    Raises:
        UserError: the device, the data or the output folder is not as expected.
    """
    assert config.rounds is not None
    assert config.seconds is not None
    use_threads(config.threads)
    machine = choose_machine(config.device, precision=config.precision)
    output = Output(Path(config.output))
    steps.begin("reading images")
    split, real = find_images(config.data)
    output.prepare()
    split = split.to(machine.device)
    measured = []
    peaks = []
    for name, each in networks.items():
        steps.begin(f"{name}: matrix products")
        seconds = config.seconds / 2
        peaks += [measure.matrix_product_peak(machine, seconds=seconds) for _ in range(config.rounds)]
        measured.append(measure_network(name, each, config, split, machine, steps))
    steps.begin("start of a command")
    data = ["data=cifar10", f"data.root={cifar_place(config)}"] if real else ["data=spacing"]
    asked = [*data, f"device={config.device}", f"threads={config.threads or 'null'}"]
    start = measure_start(asked, starts=config.starts) if config.starts else {}
    growth = measure_growth(config, widths, split, machine, steps) if widths else {}
    figures = Figures(
        computer=processor(),
        device=str(machine),
        versions={"dilated-cifar": dilated_cifar.__version__, "torch": str(torch.__version__)},
        data="CIFAR-10" if real else "random images, for CIFAR-10 is not on disk",
        batch_size=config.batch_size,
        workers=workers_of(config),
        rounds=config.rounds,
        peak=Spread.of(peaks),
        networks=measured,
        start=start,
        growth=growth,
    )
    output.note("benchmark", figures.as_data())
    output.draw("benchmark", draw(figures))
    with steps.hidden():
        output.tell("benchmark", tables(figures), sentences(figures), detailed=True)
        output.close()
    return figures


def workers_of(config: BenchmarkConfig) -> int:
    """Processes that load images for the usual way."""
    return torch.get_num_threads() if config.workers is None else config.workers


def cifar_place(config: BenchmarkConfig) -> str:
    """The folder in which CIFAR-10 was found."""
    return str(Cifar10Config(root=config.data.root).place.absolute())


def measure_network(
    name: str, config: Config, asked: BenchmarkConfig, split: Split, machine: Machine, steps: Steps
) -> NetworkFigures:
    """One network in all ways, in turn, round after round."""
    assert asked.rounds is not None
    assert asked.seconds is not None
    state = new_state(config, config.data.class_names, machine)
    rates: dict[str, list[float]] = {}
    evaluation, checkpoints = [], []
    with measure.peak_memory(machine) as peak:
        parts = measure.shares(state, split, machine, seconds=asked.seconds)
        predict(state.model, split.images[: asked.images], config.data, machine)
    ways = all_ways(state, asked, split, machine)
    for number in range(asked.rounds):
        for way, measured in ways.items():
            steps.begin(f"{name}: {way}, round {number + 1} of {asked.rounds}")
            rates.setdefault(way, []).append(measured(asked.seconds))
        evaluation.append(evaluation_rate(state, split, asked, machine))
        checkpoints.append(checkpoint_seconds(state, machine, Path(asked.output)))
    return NetworkFigures(
        name=name,
        multiply_adds=trace(state.model, config.data.input_size).multiply_adds,
        training={way: Spread.of(values) for way, values in rates.items()},
        evaluation=Spread.of(evaluation),
        checkpoint_seconds=Spread.of(checkpoints),
        shares=parts,
        memory=peak[0] if peak else None,
    )


def all_ways(
    state: State, asked: BenchmarkConfig, split: Split, machine: Machine
) -> dict[str, Callable[[float], float]]:
    """For each way a function that trains for so many seconds and returns its images a second."""
    config, workers = state.config, workers_of(asked)
    loader = usual_loader(split, config, machine, workers)
    network = usual_network(config, machine)
    ours = project_steps(state, split, machine)
    usual = usual_steps(network, usual_optimizer(config, network), loader, machine)
    warm_up = 1 + PREFETCHED * workers
    ways = {
        PROJECT: lambda seconds: measure.rate(ours, machine, seconds=seconds, warm_up=1),
        USUAL: lambda seconds: measure.rate(usual, machine, seconds=seconds, warm_up=warm_up),
    }
    if asked.lightning or (asked.lightning is None and find_spec("lightning")):
        from dilated_cifar.benchmark.lightning_way import lightning_rate

        other = usual_network(config, machine)
        ways[LIGHTNING] = lambda seconds: lightning_rate(
            other,
            config,
            usual_loader(split, config, machine, workers),
            machine,
            seconds=seconds,
            warm_up=warm_up,
        )
    return ways


def evaluation_rate(state: State, split: Split, asked: BenchmarkConfig, machine: Machine) -> float:
    """Images a second of evaluation, as it is after each epoch."""
    images = split.images[: asked.images]
    predict(state.model, images[:100], state.config.data, machine)  # not timed: the first pass is slow
    machine.synchronize()
    start = time.perf_counter()
    predict(state.model, images, state.config.data, machine)
    machine.synchronize()
    return len(images) / (time.perf_counter() - start)


def checkpoint_seconds(state: State, machine: Machine, folder: Path) -> float:
    """How long writing the state of training takes, on the disk of the output folder."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        last_checkpoint(Path(name)).parent.mkdir()
        start = time.perf_counter()
        state.save(Path(name), machine)
        return time.perf_counter() - start
