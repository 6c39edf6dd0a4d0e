"""`explain`: what a network sees, before and after training."""

from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.cli.errors import fail_for
from dilated_cifar.cli.naming import run_name, split_override
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.errors import UserError

COMMAND = Command(
    name="explain",
    config="explain",
    texts=("output", "data.root"),
    files=("images",),
    lists=("rates", "position"),
    runs="checkpoint",
    help="""\
Explain what a network sees, before training: every layer with its receptive field, whether its dilation
rates leave holes, and how often each pixel is counted. Of a run, also what the trained network makes of it:
gradients, lattices and class maps beside those of randomly initialised networks. Pictures come as PNG.

usage: {explain} [model=CHOICE] [KEY=VALUE ...]
       {explain} RUN [RUN ...] [KEY=VALUE ...]      a run's folder, or a .pt file in it

examples:
  {explain} model=dilated_125
  {explain} model=plain 'model.dilations=[2,2,2]' model.padding=same
  {explain} 'rates=[[1,2,5],[2,2,2],[1,2,3,1,2,3]]'
  {explain} model=resnet layer=features.stage2 'position=[0,0]'
  {explain} outputs/dilated_125 'images=photos/*.jpg'
  {explain} outputs/small/resnet outputs/small/drn_a outputs/small/drn_c
""",
)
NAMING = ("model", "rates", "kernel_size", "layer", "position")
"""Keys, and groups of keys, that change the pictures of a network without a checkpoint."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Explain a network that is chosen as for training, or those of checkpoints."""
    config = compose(COMMAND, arguments, ExplainConfig)
    # Only now: everything above answers at once, importing torch takes seconds.
    if config.checkpoint:
        for override in chosen(arguments, "model"):
            raise UserError(f"{override}: a checkpoint brings its own network; leave out one of the two")
        from dilated_cifar.inspection.checkpoints import explain_checkpoints

        return fail_for(explain_checkpoints(config))
    from dilated_cifar.inspection.explanation import explain_model

    name = run_name(chosen(arguments, *NAMING), default="dilated_125")
    explain_model(config, Path(config.output or Path("outputs") / "explain" / name), name)
    return 0


def chosen(arguments: Arguments, *keys: str) -> list[str]:
    """The overrides of these keys, and of those in the groups of their names."""
    return [each for each in arguments.overrides if split_override(each)[0].partition(".")[0] in keys]
