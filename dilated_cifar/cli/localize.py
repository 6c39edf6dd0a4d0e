"""`python scripts/localize.py`: where a network sees the class it names, without further training."""

import sys
from collections.abc import Sequence

from dilated_cifar.cli.arguments import gather
from dilated_cifar.cli.compose import compose_config
from dilated_cifar.cli.guard import guard
from dilated_cifar.cli.help import LOCALIZE, print_help
from dilated_cifar.config.localize import LocalizeConfig


def main() -> int:
    """Run the command; returns its exit status."""
    return guard(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Measure localization on scenes, or draw it on the user's own pictures."""
    if "--help" in words or "-h" in words:
        print_help(LOCALIZE, "localize")
        return 0
    gathered = gather(gather(words, "images"), "checkpoint")
    config = compose_config("localize", LocalizeConfig, gathered)
    # Only now: everything above answers at once, importing torch takes seconds.
    from dilated_cifar.inspection.localization.localization import localize_pictures, localize_scenes

    localize = localize_pictures if config.images else localize_scenes
    localize(config)
    return 0
