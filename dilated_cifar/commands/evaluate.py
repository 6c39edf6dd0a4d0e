"""`python evaluate.py`: what a checkpoint is worth."""

import sys
from collections.abc import Sequence

from dilated_cifar.commands.arguments import is_override, quoted
from dilated_cifar.commands.compose import compose_config
from dilated_cifar.commands.guard import guard
from dilated_cifar.commands.help import EVALUATE, print_help
from dilated_cifar.config.evaluate import EvaluateConfig


def main() -> int:
    """Run the command; returns its exit status."""
    return guard(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Evaluate one checkpoint on a split, or on the user's own pictures."""
    if "--help" in words or "-h" in words:
        print_help(EVALUATE, "evaluate")
        return 0
    config = compose_config("evaluate", EvaluateConfig, gather_images(words))
    # Only now: everything above answers at once, importing torch takes seconds.
    from dilated_cifar.evaluation.report import report_images, report_split

    report = report_images if config.images else report_split
    report(config)
    return 0


def gather_images(words: Sequence[str]) -> list[str]:
    """The words, with `images=A B C` (as a shell expands `images=A` and a pattern) as one list."""
    pictures: list[str] = []
    rest: list[str] = []
    for word in words:
        if word.startswith("images=") and not word.startswith("images=["):
            pictures.append(word.removeprefix("images="))
        elif pictures and not is_override(word) and not word.startswith("-"):
            pictures.append(word)
        else:
            rest.append(word)
    return [*rest, f"images=[{','.join(quoted(picture) for picture in pictures)}]"] if pictures else rest
