"""The families of each group: the project's own, and those that plugins register."""

from dataclasses import is_dataclass

from omegaconf import MISSING

from dilated_cifar.config.base import Choice, shortened
from dilated_cifar.errors import UserError

_HOME = __name__.rpartition(".")[0]
"""The package in whose modules every family is the project's own."""
_ADDED: dict[type[Choice], str] = {}
"""The families of plugins, with the modules that registered them."""


def families(base: type[Choice]) -> dict[str, type[Choice]]:
    """Every family of a group by its name, subclasses of subclasses too."""
    found = _own(base)
    return found | {each.family: each for each in _ADDED if issubclass(each, base)}


def add_family(config: type[Choice], base: type[Choice], module: str) -> None:
    """Make a dataclass that `module` registers a family of the group of `base`.

    Raises:
        UserError: it is no dataclass of that group with a name of its own.
    """
    if config in _own(base).values():
        return
    if not issubclass(config, base) or not is_dataclass(config) or "__dataclass_fields__" not in vars(config):
        raise UserError(f"{config.__name__}: expected a @dataclass that is a subclass of {base.__name__}")
    name = vars(config).get("family", MISSING)
    if not isinstance(name, str) or not name.isidentifier():
        raise UserError(
            f"{config.__name__}.family={shortened(str(name))}: expected a name of letters, digits and _; "
            'write family: str = "my_name"'
        )
    known = families(base).get(name)
    if known is not None and (known.__module__, known.__qualname__) != (
        config.__module__,
        config.__qualname__,
    ):
        other = "the project itself" if known not in _ADDED else f"{known.__name__} of {_ADDED[known]}"
        raise UserError(
            f"{config.__name__}: {base.group}.family={name} is already that of {other}; give one of the two "
            "another name"
        )
    _ADDED.pop(known, None)  # type: ignore[arg-type]  # the same class again, after its module was reloaded
    _ADDED[config] = module


def added_by(config: type[Choice]) -> str | None:
    """The module that registered a family; None for the project's own."""
    return _ADDED.get(config)


def remove_added(module: str) -> None:
    """Take back the families that a module, or one below it, has registered."""
    for config, by in list(_ADDED.items()):
        if by == module or by.startswith(f"{module}."):
            del _ADDED[config]


def _own(base: type[Choice]) -> dict[str, type[Choice]]:
    """The project's own families of a group by their names."""
    found: dict[str, type[Choice]] = {}
    for subclass in base.__subclasses__():
        if subclass.__module__.startswith(f"{_HOME}."):
            found |= {subclass.family: subclass} | _own(subclass)
    found.pop(MISSING, None)  # a base of several
    return found
