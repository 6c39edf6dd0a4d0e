"""`evaluate`: how accurate a checkpoint is."""

from collections.abc import Sequence

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.cli.errors import fail_for
from dilated_cifar.config.evaluate import EvaluateConfig
from dilated_cifar.progress import Steps

COMMAND = Command(
    name="evaluate",
    config="evaluate",
    texts=("output", "data.root"),
    runs="checkpoint",
    files=("images",),
    help="""\
Evaluate trained networks: accuracy with its interval, loss, top-5, figures of every class, confusion matrix,
calibration error. Everything else about a run comes from its checkpoint, or from what export
made of it: .safetensors, .onnx.

usage: {evaluate} RUN [RUN ...] [KEY=VALUE ...]      a run's folder, or a file with weights

examples:
  {evaluate} outputs/dilated_125
  {evaluate} outputs/dilated_125/checkpoints/last.pt split=validation
  {evaluate} outputs/dilated_125 flip=true
  {evaluate} outputs/dilated_125 'images=photos/*.jpg'
  {evaluate} outputs/dilated_125 outputs/plain device=cpu output=results
  {evaluate} outputs/dilated_125/export/model.onnx
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Evaluate checkpoints on a split, or on the user's own pictures."""
    config = compose(COMMAND, arguments, EvaluateConfig)
    # Only now: everything above answers at once, importing torch takes seconds.
    with Steps(shown=config.progress) as steps:
        steps.begin("loading torch")
        from dilated_cifar.evaluation.evaluation import evaluate_all

        faults = evaluate_all(config, steps)
    return fail_for(faults)
