"""Networks: a configuration in, a module from images to logits out."""

from importlib import import_module
from pkgutil import iter_modules

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.registry import builder_of

# Every file of this folder registers what it builds, so that a new network is a new file and nothing else.
for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def build(config: ModelConfig, classes: int) -> Classifier:
    """The network that `config` describes, for that many classes.

    Initial weights come from torch's global generator.
    """
    network: Classifier = builder_of(config)(config, classes)
    return network
