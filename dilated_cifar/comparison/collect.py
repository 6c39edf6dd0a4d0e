"""All runs below the paths that a user gives."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from dilated_cifar.config.base import as_typed, expanded
from dilated_cifar.config.run import LOCAL_KEYS
from dilated_cifar.errors import UserError
from dilated_cifar.runs.folder import folder_of
from dilated_cifar.runs.reading import read_run
from dilated_cifar.runs.record import CONFIG, ERROR, LeftOut, Run

MARKS = (CONFIG, ERROR)
"""Either file makes a folder a run's: one is written when a run starts, the other when a job fails."""


@dataclass
class Collected:
    """Everything found below the given paths."""

    runs: list[Run] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What is wrong with the input, one line each."""


def collect(paths: Sequence[Path], *, progress: bool = True) -> Collected:
    """Read every run folder below `paths`, each once, in the order of their names.

    Raises:
        UserError: there is not one run folder.
    """
    found = Collected()
    folders: dict[Path, str] = {}
    for path in paths:
        try:
            for folder, name in find_run_folders(path):
                folders.setdefault(folder.resolve(), name)
        except UserError as error:
            found.faults.append(str(error))
    if not folders:
        raise UserError("; ".join(found.faults))
    # None: no bar where stderr is a file.
    bar = tqdm(folders.items(), "reading runs", unit="run", disable=None if progress else True)
    for folder, name in bar:
        read = read_run(folder, name, found.faults)
        if isinstance(read, Run):
            found.runs.append(read)
        else:
            found.left_out.append(read)
    leave_out_duplicates(found)
    return found


def folders_given(paths: Iterable[str | Path]) -> list[Path]:
    """Paths as a user gives them, a run's folder in place of a checkpoint in it."""
    folders = [expanded(str(path)) for path in paths]
    return [folder_of(path) if path.suffix == ".pt" else path for path in folders]


def require_runs(found: Collected) -> None:
    """Raise a UserError where no run that was found is finished."""
    if not found.runs:
        raise UserError(f"no finished run to compare: none of {len(found.left_out)} run folders is finished")


def find_run_folders(path: Path) -> Iterator[tuple[Path, str]]:
    """Every run folder at or below `path`, with its name.

    Raises:
        UserError: there is no such folder, or no run in it.
    """
    if not path.is_dir():
        what = "is a file" if path.exists() else "no such folder"
        raise UserError(f"{path}: {what}; expected a folder of runs, such as outputs/SWEEP")
    count = 0
    for place, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if any(mark in files for mark in MARKS):
            folders.clear()  # what lies inside a run is the run's own
            count += 1
            yield Path(place), Path(os.path.relpath(place, path.parent)).as_posix()
    if not count:
        empty = not any(path.iterdir())
        what = "is empty" if empty else "holds no run"
        raise UserError(f"{path}: {what}; expected folders of runs, with config.yaml and summary.json")


def leave_out_duplicates(found: Collected) -> None:
    """Keep one of each set of runs with the same configuration and seed.

    The same run twice, such as a copy of a folder, is not a second seed, and would narrow an interval that
    it adds nothing to.
    """
    kept: dict[tuple[tuple[str, str], ...], Run] = {}
    for run in found.runs:
        first = kept.setdefault(identity(run), run)
        if first is not run:
            reason = f"same configuration and seed as {first.name}: not a run of its own"
            found.left_out.append(LeftOut(run.folder, run.name, "duplicate", reason))
    found.runs = list(kept.values())


def identity(run: Run) -> tuple[tuple[str, str], ...]:
    """What a run computes: every key that matters, the seed included."""
    return tuple(sorted((key, as_typed(value)) for key, value in run.config.items() if key not in LOCAL_KEYS))
