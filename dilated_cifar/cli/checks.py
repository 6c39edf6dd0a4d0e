"""What is asked of a run beside what its dataclasses check, for it depends on what was typed."""

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from dilated_cifar.cli.naming import searches, split_override
from dilated_cifar.config.run import Config
from dilated_cifar.errors import UserError


def require_possible(config: Config) -> None:
    """Raise a UserError where what was typed asks the run that Hydra is calling for what it cannot do."""
    require_a_value(config)
    require_one_validation_split(config)


def require_a_value(config: Config) -> None:
    """Raise a UserError where a search could not learn from a run of this configuration."""
    context = HydraConfig.get()
    if context.mode is RunMode.MULTIRUN and searches(context.sweeper) and config.data.held_out == "test":
        raise UserError("data.validation=0: expected images to hold out; a search goes by their accuracy")


def require_one_validation_split(config: Config) -> None:
    """Raise a UserError where a validation split is typed beside a fold, which is one.

    That of a preset gives way: no one asked for it.
    """
    typed = dict(split_override(override) for override in HydraConfig.get().overrides.task)
    if config.data.fold is not None and "data.validation" in typed:
        raise UserError(
            f"data.validation={typed['data.validation']}: expected no other validation split beside "
            f"data.fold={config.data.fold}, which is one; leave out one of the two"
        )
