"""Networks: a configuration in, a module from images to logits out."""

from importlib import import_module
from pkgutil import iter_modules

from torch import nn

from dilated_cifar.config.families import added_by
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.models.contract import require_logits
from dilated_cifar.plugins import made, told
from dilated_cifar.registry import builder_of

# Every file of this folder registers what it builds, so that a new network is a new file and nothing else.
for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def build(config: ModelConfig, classes: int, input_size: tuple[int, int, int] = (3, 32, 32)) -> nn.Module:
    """The network that `config` describes, for that many classes and images `[C, H, W]`.

    Initial weights come from torch's global generator.

    Raises:
        UserError: a plugin's builder fails, or returns no network from images to logits.
    """
    builder = builder_of(config)
    if added_by(type(config)) is None:
        network: nn.Module = builder(config, classes, input_size)
        return network
    kind = "a network, a torch.nn.Module"
    found = made(builder, config, classes, input_size, kind=nn.Module, what=kind)
    require_logits(found, classes, input_size, told(builder, config))
    return found
