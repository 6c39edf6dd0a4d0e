"""`export`: trained networks as files that other programs read."""

from collections.abc import Sequence

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.config.export import ExportConfig
from dilated_cifar.progress import Steps

COMMAND = Command(
    name="export",
    config="export",
    texts=("output", "data.root"),
    lists=("formats",),
    runs="checkpoint",
    help="""\
Export trained networks: weights as safetensors, a graph as ONNX, a program of torch.export. Each file is
opened again and must give the network's logits on test images. They lie, with config.json and a model card
that states what was measured, in a folder as the Hugging Face hub takes it; nothing is uploaded.

usage: {export} RUN [RUN ...] [KEY=VALUE ...]      a run's folder, or a file with weights

examples:
  {export} outputs/dilated_125
  {export} outputs/dilated_125 formats=safetensors,onnx output=exported
  {export} outputs/dilated_125/checkpoints/last.pt samples=10000
  {evaluate} outputs/dilated_125/export/model.onnx
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Export the networks of runs, and compare what was written with them."""
    config = compose(COMMAND, arguments, ExportConfig)
    with Steps(shown=config.progress) as steps:
        # Only now: everything above answers at once, importing torch takes seconds.
        from dilated_cifar.export.export import export_all

        export_all(config, steps)
    return 0
