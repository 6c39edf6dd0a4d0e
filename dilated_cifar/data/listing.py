"""Which pictures there are, and of which class: from folders, one a class, or from a list."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dilated_cifar.config.folder import require_class_names
from dilated_cifar.config.limits import MOST_IMAGES
from dilated_cifar.errors import UserError

SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
"""The folder of each split, by any of these names."""
IGNORED = ("Thumbs.db", "desktop.ini")
"""What file managers leave beside pictures; files whose name begins with a dot count as that, too."""
COLUMNS = ("path", "class", "split")


@dataclass(frozen=True)
class Listing:
    """The pictures of a data set."""

    told: str
    """What a message calls it, such as `data.root=photos`."""
    root: Path
    """The folder that names of pictures are relative to."""
    names: list[str]
    """Of the classes, in their order."""
    pictures: dict[str, list[tuple[Path, int]]]
    """Of each split that is there, train always: the files, in order, and their classes."""


def list_pictures(root: Path, told: str) -> Listing:
    """The pictures below a folder, or in a list FILE.csv.

    Raises:
        UserError: there is no such folder or list, a class is empty or alone, the splits have other classes.
    """
    try:
        if root.suffix.lower() == ".csv" and root.is_file():
            found = dict(_in_list(root, told))
        elif root.is_dir():
            found = {
                split: _in_folder(place, told)
                for split, names in SPLITS.items()
                for place in _one_of(root, names, told)
            }
        else:
            raise UserError(
                f"{told}: no such folder; expected one with train/CLASS/PICTURE, or a list FILE.csv"
            )
    except OSError as error:
        raise UserError(f"{told}: {error.filename}: {error.strerror}; expected pictures to read") from error
    if "train" not in found:
        raise UserError(f"{told}: holds no train; expected train/CLASS/PICTURE, or a list with split train")
    names = sorted(found["train"])
    for split, classes in found.items():
        place = f"{told}: {split}"
        require_class_names(sorted(classes), place)
        if empty := [name for name, files in sorted(classes.items()) if not files]:
            raise UserError(f"{place}: no picture of {empty[0]}; expected some of every class")
        if differing := sorted(set(classes) ^ set(names)):
            only = place if differing[0] in classes else f"{told}: train"
            raise UserError(
                f"{only} has the class {differing[0]}, which {'train' if only == place else split} lacks; "
                "expected the same classes in every split"
            )
    numbers = {name: number for number, name in enumerate(names)}
    pictures = {
        split: [(file, numbers[name]) for name in names for file in classes[name]]
        for split, classes in found.items()
    }
    count = sum(map(len, pictures.values()))
    if count > MOST_IMAGES:
        raise UserError(f"{told}: {count:,} pictures; expected at most {MOST_IMAGES:,}")
    return Listing(told, root if root.is_dir() else root.parent, names, pictures)


def _one_of(root: Path, names: tuple[str, ...], told: str) -> list[Path]:
    """The folder of a split, if it is there."""
    there = [root / name for name in names if (root / name).is_dir()]
    if len(there) > 1:
        listed = " and ".join(place.name for place in there)
        raise UserError(f"{told}: holds {listed}, which mean the same split; expected one of them")
    return there


def _in_folder(place: Path, told: str) -> dict[str, list[Path]]:
    """The pictures of each class below the folder of a split, in folders at any depth."""
    entries = [entry for entry in sorted(place.iterdir()) if not _is_ignored(entry)]
    if loose := [entry for entry in entries if not entry.is_dir()]:
        raise UserError(f"{told}: {loose[0]} lies in no class; expected {place.name}/CLASS/PICTURE")
    return {
        entry.name: [file for file in sorted(entry.rglob("*")) if file.is_file() and not _is_ignored(file)]
        for entry in entries
    }


def _is_ignored(file: Path) -> bool:
    return file.name.startswith(".") or file.name in IGNORED


def _in_list(path: Path, told: str) -> Iterator[tuple[str, dict[str, list[Path]]]]:
    """Each split of a list, with the pictures of each class."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (ValueError, csv.Error) as error:
        raise UserError(
            f"{told}: no CSV in UTF-8 ({error}); expected the columns path, class, split"
        ) from error
    found: dict[str, dict[str, list[Path]]] = {}
    seen: set[str] = set()
    for line, row in enumerate(rows, start=2):
        if not {"path", "class"} <= set(row) <= set(COLUMNS) or None in row.values():
            raise UserError(f"{told}: line {line}: expected the columns path, class and, optionally, split")
        split = row.get("split") or "train"
        if split not in SPLITS:
            raise UserError(f"{told}: line {line}: split {split}; expected one of {', '.join(SPLITS)}")
        if row["path"] in seen:
            raise UserError(f"{told}: line {line}: {row['path']} stands there twice; expected each once")
        seen.add(row["path"])
        found.setdefault(split, {}).setdefault(row["class"], []).append(path.parent / row["path"])
    yield from found.items()
