"""`python scripts/explain.py`: what a network sees, before and after training."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.cli.arguments import gather, is_override, run_name, split_override
from dilated_cifar.cli.compose import compose_config
from dilated_cifar.cli.guard import guard
from dilated_cifar.cli.help import EXPLAIN, print_help
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.errors import UserError

NAMING = ("model", "rates", "kernel_size", "layer", "position")
"""Keys, and groups of keys, that change the pictures of a network without a checkpoint."""


def main() -> int:
    """Run the command; returns its exit status."""
    return guard(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Explain a network that is chosen as for training, or those of checkpoints."""
    if "--help" in words or "-h" in words:
        print_help(EXPLAIN, "explain", groups=["model"])
        return 0
    gathered = gather(gather(words, "images"), "checkpoint")
    config = compose_config("explain", ExplainConfig, gathered)
    # Only now: everything above answers at once, importing torch takes seconds.
    if config.checkpoint:
        refuse_a_model(words)
        from dilated_cifar.inspection.checkpoints import explain_checkpoints

        explain_checkpoints(config)
    else:
        from dilated_cifar.inspection.explanation import explain_model

        name = folder_name(words)
        explain_model(config, Path(config.output or Path("outputs") / "explain" / name), name)
    return 0


def refuse_a_model(words: Sequence[str]) -> None:
    """Raise a UserError where a network is chosen beside checkpoints, which bring their own."""
    for word in words:
        if is_override(word) and split_override(word)[0].partition(".")[0] == "model":
            raise UserError(f"{word}: a checkpoint brings its own network; leave out one of the two")


def folder_name(words: Sequence[str]) -> str:
    """A legible folder name made of the choices that change the pictures."""
    overrides = [word for word in words if is_override(word)]
    naming = [word for word in overrides if split_override(word)[0].partition(".")[0] in NAMING]
    return run_name(naming, default="dilated_125")
