"""`evaluate`: how accurate a checkpoint is."""

from collections.abc import Sequence

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.config.evaluate import EvaluateConfig

COMMAND = Command(
    name="evaluate",
    config="evaluate",
    texts=("checkpoint", "run", "output", "data.root"),
    files=("images",),
    help="""\
Evaluate the checkpoint of a run: accuracy with its interval, loss, top-5, figures of every class, confusion
matrix, calibration error. Everything else about the run comes from the checkpoint.

usage: {evaluate} run=FOLDER [KEY=VALUE ...]
       {evaluate} checkpoint=FILE [KEY=VALUE ...]

examples:
  {evaluate} run=outputs/dilated_125
  {evaluate} checkpoint=outputs/dilated_125/checkpoints/last.pt split=validation
  {evaluate} run=outputs/dilated_125 flip=true
  {evaluate} run=outputs/dilated_125 images=photos/*.jpg
  {evaluate} run=outputs/dilated_125 device=cpu output=results
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Evaluate one checkpoint on a split, or on the user's own pictures."""
    config = compose(COMMAND, arguments, EvaluateConfig)
    # Only now: everything above answers at once, importing torch takes seconds.
    from dilated_cifar.evaluation.evaluation import evaluate_images, evaluate_split

    (evaluate_images if config.images else evaluate_split)(config)
    return 0
