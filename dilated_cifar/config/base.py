"""What every configuration dataclass shares."""

from dataclasses import FrozenInstanceError


class Frozen:
    """A base for configuration dataclasses: a field is set once, by `__init__`, and never again.

    `dataclass(frozen=True)` would do the same, but OmegaConf refuses to merge a YAML or an override into
    a schema made of one.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super().__setattr__(name, value)
