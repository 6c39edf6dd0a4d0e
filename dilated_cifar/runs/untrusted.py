"""Checks on a checkpoint that may come from anyone: before torch reads it, and on what it then holds.

`torch.load(weights_only=True)` runs no code of a file. What it lets pass is refused here: files that are
small on disk and large in memory, or that take for ever to read, and data that is not what a run writes.
"""

import io
import pickletools
import reprlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dilated_cifar.config.limits import MOST_EPOCHS
from dilated_cifar.runs.verified import has_too_many_entries

NAMED = {"torch._utils _rebuild_tensor_v2", "collections OrderedDict"} | {
    f"torch {kind}Storage"
    for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Byte", "Bool")
}
"""What the pickles of our checkpoints name; torch would also make, say, a `bytearray` of any length."""
STORING = {"BINPUT", "LONG_BINPUT", "PROTO"}
SHORT = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
TUPLES, GETTING, ENDING = {"TUPLE", *SHORT}, {"BINGET", "LONG_BINGET"}, {"TUPLE", "SETITEMS", "APPENDS"}
NUMBERS = {"BINFLOAT", "BININT", "BININT1", "BININT2", "LONG1"}
MOST_MARKS = 20
"""How deep what is begun may lie in what is begun; less than ten in a run."""
OPCODES = STORING | TUPLES | GETTING | ENDING | NUMBERS | {
    "APPEND", "BINPERSID", "BINUNICODE", "BUILD", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "GLOBAL", "MARK",
    "NEWFALSE", "NEWTRUE", "NONE", "REDUCE", "SETITEM", "STOP",
}  # fmt: skip
LONGEST_NAME = 200
"""Characters of a class."""
LARGEST_PICKLE = 32 * 2**20
"""Bytes of a checkpoint apart from its tensors."""
MOST_STEPS, MOST_STEPS_A_TENSOR = 100_000, 60
"""Of reading a pickle, a few microseconds each: for all but the tensors, such as the 3,000 rows of metrics
that a release before 0.2 might have saved there, and for each tensor, which takes up to 40."""


def archive_fault(content: bytes) -> str | None:
    """What is wrong with the bytes of a checkpoint file; None where torch may read it.

    What it unpacks to may not be larger than the file itself.
    """
    if has_too_many_entries(content):
        return "it holds more tensors than a network has"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(names) < len(entries) or sum(entry.file_size for entry in entries) > len(content):
                return "it unpacks to more than its size, or holds an entry twice"
            if len(pickles) != 1 or pickles[0].file_size > LARGEST_PICKLE:
                return "damaged, truncated or not a checkpoint"
            return pickle_fault(archive.read(pickles[0]), tensors=len(entries))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return "damaged, truncated or not a checkpoint"


def pickle_fault(pickled: bytes, *, tensors: int) -> str | None:
    """What a pickle holds beside the plain data and tensors of a run; None where there is nothing else.

    Args:
        pickled: The pickle.
        tensors: How many there may be, which it takes its time to describe.
    """
    most = MOST_STEPS + MOST_STEPS_A_TENSOR * tensors
    tuples, recent, marks = set(), ("", "", ""), 0
    for number, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
        name = opcode.name
        if number > most:
            return "it takes too long to read"
        if name not in OPCODES or (name == "GLOBAL" and argument not in NAMED):
            return f"it holds {argument or name}; not data of a run"
        if name in STORING:
            if recent[-1] in TUPLES:
                tuples.add(argument)
            continue
        # Tuples in tuples, in several places or deep in each other: as keys of a dict they would be hashed
        # for ever, or until no stack is left. In the data of a run the short ones hold numbers.
        marks += (name == "MARK") - (name in ENDING)
        short = SHORT.get(name, 0)
        if (
            marks > MOST_MARKS
            or (name in GETTING and argument in tuples)
            or (short and any(each not in NUMBERS for each in recent[-short:]))
        ):
            return "it holds tuples in tuples; not data of a run"
        recent = (*recent[1:], name)
    return None


def content_fault(content: dict[str, Any]) -> str | None:
    """What is wrong with the fields of a checkpoint; None where all are of the right kinds."""
    kinds: dict[str, Any] = {
        "config": dict,
        "class_names": list,
        "epoch": object,
        "model": dict,
        "metrics": dict,
        "training": dict | None,
    }
    if fault := next(keys_fault("it", content, list(kinds)), None):
        return fault
    for name, kind in kinds.items():
        if not isinstance(content[name], kind):
            return f"{name} is a {type(content[name]).__name__}"
    if not is_number(content["epoch"], 0, MOST_EPOCHS, whole=True):
        return f"epoch={shown(content['epoch'])}; expected 0 to {MOST_EPOCHS}"
    if not all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in content["class_names"]):
        return f"class_names are not texts of up to {LONGEST_NAME} characters"
    if not all(isinstance(value, float | int) for value in content["metrics"].values()):
        return "metrics are not numbers"
    return None


def shown(value: Any) -> str:
    """A value of any kind, size and depth in one short line."""
    return " ".join(reprlib.repr(value).split())


def is_number(value: Any, low: float, high: float, *, whole: bool = False) -> bool:
    """Whether a value is a number within its bounds, and not nan."""
    kinds = int if whole else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high


def keys_fault(name: str, content: Any, keys: Sequence[str], optional: Sequence[str] = ()) -> Iterator[str]:
    """What is wrong with the keys of a dict; nothing where those are there that must be."""
    if not isinstance(content, dict) or not set(keys) <= set(content) <= {*keys, *optional}:
        held = shown(list(content) if isinstance(content, dict) else content)
        yield f"{name} holds {held}; expected {', '.join(keys)}"


def weights_fault(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """The first weight that is not of the expected name, shape and type; None where all are."""
    if set(weights) != set(expected):
        odd = min(map(shown, set(weights) ^ set(expected)))
        return f"{odd} is {'not expected' if odd in map(shown, weights) else 'missing'}"
    for name, own in expected.items():
        found = weights[name]
        if not isinstance(found, Tensor) or found.layout is not torch.strided:
            return f"{name} is no plain tensor"
        if found.shape != own.shape or found.dtype != own.dtype:
            kinds = (f"{str(each.dtype).removeprefix('torch.')} {list(each.shape)}" for each in (found, own))
            return "{} is {}; expected {}".format(name, *kinds)
    return None
