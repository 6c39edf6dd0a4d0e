"""`benchmark`: how fast this machine trains, and where the time goes."""

from collections.abc import Sequence

from hydra import compose as compose_choices
from hydra import initialize_config_dir

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.choices import choices, conf_folder
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.config.base import require_one_of
from dilated_cifar.config.benchmark import BenchmarkConfig
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config
from dilated_cifar.extras import require_packages
from dilated_cifar.progress import Steps

WIDTHS = (8, 16, 32)
"""Of the resnet, whose own is 16."""

COMMAND = Command(
    name="benchmark",
    config="benchmark",
    texts=("output", "data.root"),
    lists=("models",),
    help="""\
Measure how fast this machine trains: images a second of this project's step and of the usual way (Pillow,
torchvision's transforms, a DataLoader with workers, NCHW), in turn, with the median and the spread of several
rounds. For each network: where the time of a step goes, its share of the matrix-product peak measured in the
same run, memory, evaluation, writing a checkpoint. Then the start of a command, and growth with batch size,
width, image size and threads. On CIFAR-10 where it is on disk, else on random images. Close other programs
first.

usage: {benchmark} [KEY=VALUE ...]

examples:
  {benchmark}
  {benchmark} quick=true
  {benchmark} models=resnet,drn_a threads=1 growth=false
  {benchmark} device=cuda batch_size=512

written to the output folder: benchmark.txt, benchmark.json, benchmark.png
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Measure, print and write.

    Raises:
        UserError: a network is unknown, a package is missing or the output folder cannot be written.
    """
    config = compose(COMMAND, arguments, BenchmarkConfig)
    assert config.models is not None
    for name in config.models:
        require_one_of(name, list(choices([conf_folder()])["model"]), "models")
    if config.lightning:
        require_packages(["lightning"], "benchmark", "lightning=true")
    networks = {name: network(config, f"model={name}") for name in config.models}
    widths = {width: network(config, "model=resnet", f"model.width={width}") for width in WIDTHS}
    with Steps(shown=config.progress) as steps:
        # Only now: everything above answers at once, importing torch takes seconds.
        from dilated_cifar.benchmark.benchmark import measure_all

        measure_all(config, networks, widths if config.growth else {}, steps)
    return 0


def network(config: BenchmarkConfig, *overrides: str) -> Config:
    """The configuration with which `train` would train a network by SGD, on the device of the benchmark."""
    with initialize_config_dir(str(conf_folder()), job_name="benchmark", version_base="1.3"):
        same = ["optimizer=sgd", "schedule=constant"]  # as the usual way has it
        own = [f"batch_size={config.batch_size}", f"precision={config.precision}", "progress=false"]
        return to_config(compose_choices("config", overrides=[*overrides, *same, *own]))
