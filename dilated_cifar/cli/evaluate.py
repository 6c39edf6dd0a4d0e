"""`python evaluate.py`: what a checkpoint is worth."""

import sys
from collections.abc import Sequence

from dilated_cifar.cli.arguments import gather
from dilated_cifar.cli.compose import compose_config
from dilated_cifar.cli.guard import guard
from dilated_cifar.cli.help import EVALUATE, print_help
from dilated_cifar.config.evaluate import EvaluateConfig


def main() -> int:
    """Run the command; returns its exit status."""
    return guard(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Evaluate one checkpoint on a split, or on the user's own pictures."""
    if "--help" in words or "-h" in words:
        print_help(EVALUATE, "evaluate")
        return 0
    config = compose_config("evaluate", EvaluateConfig, gather(words, "images"))
    # Only now: everything above answers at once, importing torch takes seconds.
    from dilated_cifar.evaluation.evaluation import evaluate_images, evaluate_split

    (evaluate_images if config.images else evaluate_split)(config)
    return 0
