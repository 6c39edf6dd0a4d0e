"""What `--help` prints: what can be chosen, read from the YAML files themselves, and examples."""

import textwrap
from collections.abc import Container

from dilated_cifar.cli.arguments import conf_folder

WIDTH = 100

TRAIN = """\
Train a convolutional network, plain or dilated, and say how well it does and how much it overfits.

usage: python train.py [GROUP=CHOICE ...] [KEY=VALUE ...]      one run
       python train.py -m KEY=VALUE,VALUE ... [KEY=VALUE ...]  a run for every combination

The same command again continues a run that was stopped, and leaves a finished one alone.

examples:
  python train.py experiment=demo                    a first run, without a download
  python train.py model=dilated_125                  CIFAR-10 with the defaults
  python train.py model=plain 'model.dilations=[1,2,3]' epochs=20 optimizer.lr=0.05
  python train.py -m model=plain,dilated_125 seed=0,1,2
  python train.py -m experiment=sweep_dilations hydra/launcher=joblib
  python train.py config=outputs/dilated_125/config.yaml name=again

{choices}
keys and their defaults (--cfg job prints every key of the composed configuration):
{keys}
options: -m, --multirun  sweep    --cfg job  print the configuration    -h, --help  this text
"""


EVALUATE = """\
Evaluate a checkpoint that train.py wrote: accuracy with its interval, loss, top-5, figures of every class,
confusion matrix, calibration error. Everything else about the run comes from the checkpoint.

usage: python evaluate.py run=FOLDER [KEY=VALUE ...]
       python evaluate.py checkpoint=FILE [KEY=VALUE ...]

examples:
  python evaluate.py run=outputs/dilated_125
  python evaluate.py checkpoint=outputs/dilated_125/checkpoints/last.pt split=validation
  python evaluate.py run=outputs/dilated_125 flip=true
  python evaluate.py run=outputs/dilated_125 images=photos/*.jpg
  python evaluate.py run=outputs/dilated_125 device=cpu output=results

keys and their defaults:
{keys}
options: -h, --help  this text
"""


EXPLAIN = """\
Explain what a network sees, before training: every layer with its receptive field, whether its dilation
rates leave holes, and how often each pixel is counted. With checkpoint=, also what a trained network
makes of it: gradients, lattices and class maps beside those of fresh weights. Pictures come as PNG.

usage: python scripts/explain.py [model=CHOICE] [KEY=VALUE ...]
       python scripts/explain.py checkpoint=FILE_OR_RUN [FILE_OR_RUN ...] [KEY=VALUE ...]

examples:
  python scripts/explain.py model=dilated_125
  python scripts/explain.py model=plain 'model.dilations=[2,2,2]' model.padding=same
  python scripts/explain.py 'rates=[[1,2,5],[2,2,2],[1,2,3,1,2,3]]'
  python scripts/explain.py model=resnet layer=features.stage2 'position=[0,0]'
  python scripts/explain.py checkpoint=outputs/dilated_125 images=photos/*.jpg
  python scripts/explain.py checkpoint='[outputs/plain,outputs/dilated_125]'
  python scripts/explain.py checkpoint=outputs/small/resnet outputs/small/drn_a outputs/small/drn_c

{choices}
keys and their defaults (and every key of the model, such as model.dilations):
{keys}
options: -h, --help  this text
"""


LOCALIZE = """\
Show where trained networks see the class they name, without further training: the classifier applied at
each place of the last map, and a box around the places where the class wins and passes a threshold. Measured
on scenes, test images pasted on a canvas; the threshold is chosen on scenes of training images.

usage: python scripts/localize.py checkpoint=FILE_OR_RUN [FILE_OR_RUN ...] [KEY=VALUE ...]

examples:
  python scripts/localize.py checkpoint=outputs/drn_c
  python scripts/localize.py checkpoint=outputs/small/drn_c outputs/small/resnet
  python scripts/localize.py checkpoint=outputs/drn_c canvas=96 'scales=[0.5,2]'
  python scripts/localize.py checkpoint=outputs/drn_c images=photos/*.jpg

keys and their defaults:
{keys}
options: -h, --help  this text
"""


def print_help(text: str, config: str, groups: Container[str] | None = None) -> None:
    """Print `text` with the choices (of `groups` alone) and the keys of `conf/CONFIG.yaml` filled in."""
    print(text.format(choices=choices(groups), keys=keys(config)), end="")


def choices(groups: Container[str] | None = None) -> str:
    """Every choice of every group with the line of comment its YAML file begins with."""
    blocks = []
    conf = conf_folder()
    for folder in sorted({file.parent for file in conf.rglob("*.yaml")} - {conf}):
        # The launchers and sweepers are Hydra's, with defaults of our own.
        group = folder.relative_to(conf).as_posix().replace("engines/", "hydra/")
        if groups is not None and group not in groups:
            continue
        lines = [f"{group}="]
        for file in sorted(folder.glob("*.yaml")):
            comments = [line[2:] for line in file.read_text().splitlines() if line.startswith("# ")]
            meaning = next(comment for comment in comments if not comment.startswith("@package"))
            indent = " " * 22
            lines.append(
                textwrap.fill(meaning, WIDTH, initial_indent=f"  {file.stem:<20}", subsequent_indent=indent)
            )
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def keys(config: str) -> str:
    """The top-level keys of a configuration as its YAML file writes them, comments included."""
    text = (conf_folder() / f"{config}.yaml").read_text()
    lines = [
        line for line in text.splitlines() if line and line[0].isalpha() and not line.startswith("defaults")
    ]
    return "".join(f"  {line}\n" for line in lines)
