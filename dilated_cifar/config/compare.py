"""What `compare` may be told."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import Frozen, require
from dilated_cifar.errors import UserError


@dataclass
class CompareConfig(Frozen):
    """Which runs are compared, and how."""

    paths: list[str] = field(default_factory=list)
    """Runs, or folders of runs at any depth; as FOLDER without a key. run= means the same."""
    group_by: list[str] = field(default_factory=list)
    """Keys to group by, such as model.dilations,optimizer.lr; none for every key that differs between the
    runs, the seed apart."""
    baseline: str | None = None
    """The group that the others are compared with, by a name that you typed (of a model or run), its label or
    a value in it; null for the first."""
    accuracies: list[str] = field(default_factory=list)
    """Held-out accuracies for which the time to reach them is given, such as 0.8,0.9 or 80%,90%; none for
    the three highest round ones that were reached."""
    output: str | None = None
    """Folder for the report; null for `comparison` in the first FOLDER, or beside it where it is one of
    several runs."""
    plugin: list[str] = field(default_factory=list)
    """Files or modules with what runs need of your own: networks, data sets, optimizers."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise UserError("no folder to compare: expected one of a sweep, such as outputs/SWEEP")
        for written in self.accuracies:
            share(written)

    @property
    def shares(self) -> list[float]:
        """`accuracies` as numbers from 0 to 1."""
        return [share(written) for written in self.accuracies]


def share(written: str) -> float:
    """`0.9` or `90%` as a number from 0 to 1.

    Raises:
        UserError: it is neither.
    """
    try:
        value = float(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    except ValueError:
        value = float("nan")
    require(0 < value <= 1, "accuracies", written, "shares above 0 and up to 1, such as 0.8,0.9 or 80%,90%")
    return value
