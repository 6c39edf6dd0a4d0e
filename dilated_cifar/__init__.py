"""Train, compare and look inside plain, dilated and DRN-style convolutional networks on CIFAR-10."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dilated_cifar.notebook.functions import (
        build,
        compare,
        count_map,
        evaluate,
        judge,
        load,
        trace,
        train,
    )

__version__ = "0.1.0"
__all__ = ["build", "compare", "count_map", "evaluate", "judge", "load", "trace", "train"]


def __getattr__(name: str) -> Any:
    """The functions of `__all__`, imported when one is used: torch takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dilated_cifar.notebook import functions

    return getattr(functions, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
