"""`localize`: where a network finds the class it predicts, without further training."""

from collections.abc import Sequence

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.cli.errors import fail_for
from dilated_cifar.config.localize import LocalizeConfig
from dilated_cifar.progress import Steps

COMMAND = Command(
    name="localize",
    config="localize",
    texts=("output", "data.root"),
    files=("images",),
    lists=("scales",),
    runs="checkpoint",
    help="""\
Localize the predicted class without further training: the classifier applied at each position of the last
feature map gives class maps, and the box surrounds the positions where the predicted class has the highest
response and passes a threshold. Measured on scenes, test images pasted on a canvas; the threshold is chosen
on scenes of training images. Figures of each background and definitions are printed with details=true, and
always written to localization.txt.

usage: {localize} RUN [RUN ...] [KEY=VALUE ...]      a run's folder, or a file with weights

examples:
  {localize} outputs/drn_c
  {localize} published:drn_c published:strided
  {localize} outputs/drn_c canvas=96 'scales=[0.5,2]'
  {localize} outputs/drn_c 'images=photos/*.jpg'
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Measure localization on scenes, or draw it on the user's own pictures."""
    config = compose(COMMAND, arguments, LocalizeConfig)
    faults: list[str] = []
    with Steps(shown=config.progress) as steps:
        # Only now: everything above answers at once, importing torch takes seconds.
        from dilated_cifar.inspection.localization.localization import localize_scenes
        from dilated_cifar.inspection.localization.pictures import localize_pictures

        if config.images:
            faults = localize_pictures(config, steps)
        else:
            localize_scenes(config, steps)
    return fail_for(faults)
