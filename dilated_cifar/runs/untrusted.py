"""Checks on a checkpoint that may come from anyone: before torch reads it, and on what it then holds.

`torch.load(weights_only=True)` runs no code of a file. What it lets pass is refused here: files that are
small on disk and large in memory, or that take for ever to read, and data that is not what a run writes.
"""

import pickletools
import zipfile
from typing import Any, BinaryIO

import torch
from torch import Tensor

NAMED = {"torch._utils _rebuild_tensor_v2", "collections OrderedDict"} | {
    f"torch {kind}Storage"
    for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Byte", "Bool")
}
"""What the pickles of our checkpoints name; torch would also make, say, a `bytearray` of any length."""
STORING = {"BINPUT", "LONG_BINPUT", "PROTO"}
TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
OPCODES = STORING | TUPLES | {
    "APPEND", "APPENDS", "BINFLOAT", "BINGET", "BININT", "BININT1", "BININT2", "BINPERSID", "BINUNICODE",
    "BUILD", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "GLOBAL", "LONG1", "LONG_BINGET", "MARK", "NEWFALSE",
    "NEWTRUE", "NONE", "REDUCE", "SETITEM", "SETITEMS", "STOP",
}  # fmt: skip
LARGEST_PICKLE, MOST_OPCODES = 32 * 2**20, 4_000_000
"""Of a checkpoint apart from its tensors: bytes, and steps of reading it. 100,000 epochs fit in."""


def archive_fault(file: BinaryIO) -> str | None:
    """What is wrong with an open checkpoint file; None where torch may read it.

    What it unpacks to may not be larger than the file itself.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            held, size = sum(entry.file_size for entry in entries), file.seek(0, 2)
            if len(names) < len(entries) or held > size:
                return "it unpacks to more than its size, or holds an entry twice"
            if len(pickles) != 1 or pickles[0].file_size > LARGEST_PICKLE:
                return "damaged, truncated or not a checkpoint"
            return pickle_fault(archive.read(pickles[0]))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return "damaged, truncated or not a checkpoint"
    finally:
        file.seek(0)


def pickle_fault(pickled: bytes) -> str | None:
    """What a pickle holds beside the plain data and tensors of a run; None where there is nothing else."""
    tuples, last = set(), ""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
        if number > MOST_OPCODES:
            return "it takes too long to read"
        if opcode.name not in OPCODES or (opcode.name == "GLOBAL" and argument not in NAMED):
            return f"it holds {argument or opcode.name}; not data of a run"
        if opcode.name.endswith("BINPUT") and last in TUPLES:
            tuples.add(argument)
        if opcode.name.endswith("BINGET") and argument in tuples:
            # Tuples within tuples, each twice: as keys of a dict they would be hashed for ever.
            return "it holds a tuple in several places; not data of a run"
        last = last if opcode.name in STORING else opcode.name
    return None


def content_fault(content: dict[str, Any]) -> str | None:
    """What is wrong with the fields of a checkpoint; None where all are of the right kinds."""
    kinds: dict[str, Any] = {
        "config": dict,
        "class_names": list,
        "epoch": int,
        "model": dict,
        "metrics": dict,
        "training": dict | None,
    }
    if set(content) != set(kinds):
        return f"it holds {', '.join(sorted(map(str, content)))[:200]}; expected {', '.join(kinds)}"
    for name, kind in kinds.items():
        if not isinstance(content[name], kind):
            return f"{name} is a {type(content[name]).__name__}"
    if content["epoch"] < 0 or not all(isinstance(name, str) for name in content["class_names"]):
        return "epoch or class_names is not as a run writes it"
    if not all(isinstance(value, float | int) for value in content["metrics"].values()):
        return "metrics are not numbers"
    return None


def weights_fault(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> str | None:
    """The first weight that is not of the expected name, shape and type; None where all are."""
    if set(weights) != set(expected):
        odd = min(map(str, set(weights) ^ set(expected)))
        return f"{odd[:200]} is {'not expected' if odd in weights else 'missing'}"
    for name, own in expected.items():
        found = weights[name]
        if not isinstance(found, Tensor) or found.layout is not torch.strided:
            return f"{name} is no plain tensor"
        if found.shape != own.shape or found.dtype != own.dtype:
            kinds = (f"{str(each.dtype).removeprefix('torch.')} {list(each.shape)}" for each in (found, own))
            return "{} is {}; expected {}".format(name, *kinds)
    return None
