"""`explain`: what a network sees, before and after training, and what dilation rates leave out."""

from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.cli.errors import fail_for
from dilated_cifar.cli.naming import command_line, run_name, split_override
from dilated_cifar.config.explain import ExplainConfig
from dilated_cifar.config.rates import OF_RATES
from dilated_cifar.errors import UserError
from dilated_cifar.progress import Steps

COMMAND = Command(
    name="explain",
    config="explain",
    texts=("output", "data.root", "network", "weights"),
    files=("images",),
    lists=("rates", "position", "input"),
    free=("arguments",),
    runs="checkpoint",
    help="""\
Explain what a network sees, before training: its receptive field, whether its dilation rates leave holes,
the nearest rates that leave none, and how often each pixel is counted; the same of rates alone. Of a run,
also what the trained network makes of it: gradients, lattices and class maps beside those of randomly
initialised networks. Layers, rules and definitions are printed with details=true, and always written to
explanation.txt. Pictures come as PNG, and explanation.html is a page to play
with: rates as controls, layers and units to point at; it opens offline. With size= also the output
sizes, the matrix C of each layer, and with transposed=true the steps of transposed convolutions.

usage: {explain} [model=CHOICE] [data=CHOICE] [KEY=VALUE ...]
       {explain} 'rates=[1,2,5]' [kernel_size=3] [size=32] [padding=0] [transposed=true]
       {explain} RUN [RUN ...] [KEY=VALUE ...]      a run's folder, or a file with weights
       {explain} network=MODULE:BUILDER [arguments.KEY=VALUE ...] 'input=[3,224,224]'

examples:
  {explain} model=dilated_125
  {explain} model=plain 'model.dilations=[2,2,2]' model.padding=same
  {explain} 'rates=[[1,2,5],[2,2,2],[1,2,3,1,2,3]]'
  {explain} 'rates=[1,2,4]' kernel_size=2
  {explain} 'rates=[1,2,5]' size=32 padding=same
  {explain} 'rates=[1,1]' size=8 'kernel_size=[3,4]' stride=2 padding=1 transposed=true
  {explain} model=resnet data=cifar100
  {explain} model=resnet layer=features.stage2 'position=[0,0]'
  {explain} network=torchvision.models:vit_b_16 'input=[3,224,224]'
  {explain} network=my_networks.py:make_net arguments.width=64
  {explain} outputs/dilated_125 'images=photos/*.jpg'
  {explain} published:strided published:drn_a published:drn_c
""",
)
OF_NETWORKS = ("model", "data", "layer", "position", "images")
"""Keys, and groups of keys, of which rates alone know nothing."""
OF_PLACES = ("data.root", "data.download")
"""Keys that say of a run where its data set lies."""
NAMING = ("model", "data", "rates", *OF_RATES, "layer", "position", "arguments", "input")
"""Keys, and groups of keys, that change the pictures of a network without a checkpoint."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Explain a network that is chosen as for training, or those of checkpoints."""
    config = compose(COMMAND, arguments, ExplainConfig)
    others = [each for each in chosen(arguments, "model", "data") if split_override(each)[0] not in OF_PLACES]
    if config.checkpoint and others:
        raise UserError(f"{others[0]}: a run brings its own network and data set; leave out one of the two")
    if config.rate_lists and (config.checkpoint or (others := chosen(arguments, *OF_NETWORKS))):
        other = others[0] if others else config.checkpoint[0]
        raise UserError(f"{other}: rates= is explained without a network; leave out one of the two")
    if config.network is not None:
        require_typed(arguments, config)
        if beside := [*config.checkpoint, *chosen(arguments, "model", "data", "rates", *OF_RATES, "images")]:
            raise UserError(f"{beside[0]}: network= is explained alone; leave out one of the two")
    named = [] if config.network is None else [f"model={network_name(config.network)}"]
    name = run_name([*named, *chosen(arguments, *NAMING)], default="dilated_125")
    folder = Path(config.output or Path("outputs") / "explain" / name)
    commands = {each: command_line(each) for each in ("explain", "train")}
    faults: list[str] = []
    with Steps(shown=config.progress) as steps:
        # Only now: everything above answers at once, importing torch takes seconds.
        from dilated_cifar.inspection.explanation import explain_model
        from dilated_cifar.inspection.rates import explain_rates

        if config.network is not None:
            from dilated_cifar.inspection.any_network import explain_network

            explain_network(config, folder, name, steps, commands)
        elif config.checkpoint:
            from dilated_cifar.inspection.checkpoints import explain_checkpoints

            faults = explain_checkpoints(config, steps, commands)
        elif config.rate_lists:
            explain_rates(config, folder, steps, commands)
        else:
            explain_model(config, folder, name, steps, commands)
    return fail_for(faults)


def require_typed(arguments: Arguments, config: ExplainConfig) -> None:
    """Refuse a network that a file names: to name code is trust, which only a command line gives."""
    if arguments.value("network") != config.network:
        raise UserError(
            f"network={config.network}: named by a file; write network= on the command line, which alone may "
            "name code to import"
        )


def chosen(arguments: Arguments, *keys: str) -> list[str]:
    """The overrides of these keys, and of those in the groups of their names."""
    return [each for each in arguments.overrides if split_override(each)[0].partition(".")[0] in keys]


def network_name(network: str) -> str:
    """A name for the folder and the pictures of `MODULE:BUILDER` or `FILE.py:BUILDER`."""
    place, _, name = network.rpartition(":")
    return name if not place.endswith(".py") else f"{Path(place).stem}.{name}"
