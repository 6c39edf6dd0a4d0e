"""Checkpoints made to do harm: each ends in one line within two seconds, whatever it claims to be."""

import io
import pickle
import struct
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_container
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.untrusted import MOST_STEPS
from dilated_cifar.runs.verified import ENTRY, MOST_ENTRIES, sealed


class Storage:
    """A storage of a tensor that claims to have so many numbers."""

    def __init__(self, key: str, numbers: int) -> None:
        self.pickled = ("storage", torch.FloatStorage, key, "cpu", numbers)


class Call:
    """A call that unpickling makes."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.pickled = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.pickled


def tensor(storage: Storage, size: tuple[int, ...], stride: tuple[int, ...] = (1,)) -> Call:
    return Call(torch._utils._rebuild_tensor_v2, storage, 0, size, stride, False, OrderedDict())


def tuples(depth: int) -> tuple[Any, ...]:
    """A tuple of tuples, each held twice by the next: hashing it takes 2**depth steps."""
    content: tuple[Any, ...] = (0,)
    for _ in range(depth):
        content = (content, content)
    return content


class Pickler(pickle.Pickler):
    def persistent_id(self, value: object) -> Any:
        return value.pickled if isinstance(value, Storage) else None


def forge(content: bytes, storages: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A file of torch's format that torch would not write."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
        for key, held in storages.items():
            archive.writestr(f"archive/data/{key}", held)
    return buffer.getvalue()


def pickled(model: object) -> bytes:
    """The pickle of a checkpoint with these weights."""
    buffer = io.BytesIO()
    content = {"format": checkpoint.FORMAT, "version": checkpoint.VERSION, "model": model}
    # Not by dict.update, which would hash what is to be hashed by the reader.
    Pickler(buffer, 2).dump(content)
    return buffer.getvalue()


class Unhashed:
    """A dict of one entry, whose key is not hashed where it is written."""

    def __init__(self, key: object) -> None:
        self.key = key

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, (), None, None, iter([(self.key, 0)])


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[bytes], str]:
    """Load a forged checkpoint; returns the one line that refuses it."""

    def load(archive: bytes) -> str:
        path = tmp_path / "forged.pt"
        path.write_bytes(archive)
        start = time.process_time()
        with pytest.raises(UserError) as refusal:
            checkpoint.load(path)
        assert time.process_time() - start < 2
        (line,) = str(refusal.value).splitlines()
        assert line.startswith(f"{path}: ")
        return line.removeprefix(f"{path}: ")

    return load


Refused = Callable[[bytes], str]


def test_a_tensor_larger_than_the_file_is_refused(refused: Refused) -> None:
    huge = tensor(Storage("0", 10**11), (10**11,))
    told = refused(sealed(forge(pickled({"w": huge}), {"0": bytes(16)})))
    assert "damaged, truncated or not a checkpoint" in told


def test_a_compressed_file_is_refused_before_it_is_unpacked(refused: Refused) -> None:
    large = tensor(Storage("0", 2**26), (2**26,))
    content = forge(pickled({"w": large}), {"0": bytes(2**28)}, zipfile.ZIP_DEFLATED)
    assert len(content) < 2**20
    assert refused(sealed(content)).startswith("it unpacks to more than its size")
    assert refused(content).startswith("damaged")


def test_an_entry_that_claims_to_be_larger_than_the_file_is_refused(refused: Refused) -> None:
    content = bytearray(forge(pickled({}), {"0": bytes(16)}))
    last = content.rindex(b"PK\x01\x02")  # its record in the directory of the archive
    content[last + 20 : last + 28] = struct.pack("<II", 10**9, 10**9)
    assert refused(sealed(bytes(content))).startswith("it unpacks to more than its size")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_twice_in_a_file_are_refused(refused: Refused) -> None:
    buffer = io.BytesIO(forge(pickled({}), {"0": bytes(16)}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("archive/data/0", bytes(16))
    assert "holds an entry twice" in refused(sealed(buffer.getvalue()))


def test_a_call_that_takes_memory_is_refused(refused: Refused) -> None:
    content = forge(pickled({"w": Call(bytearray, 10**13)}), {})
    assert "it holds __builtin__ bytearray" in refused(sealed(content))


def test_what_is_hashed_for_ever_is_refused(refused: Refused) -> None:
    content = forge(pickled(Unhashed(tuples(28))), {})
    assert "it holds tuples in tuples" in refused(sealed(content))


@pytest.mark.parametrize("tuples", [b")" + b"\x85" * 10**5, b")K\0" + b"\x86K\0" * 10**5 + b"\x86"])
def test_what_is_hashed_until_no_stack_is_left_is_refused(refused: Refused, tuples: bytes) -> None:
    assert "it holds tuples in tuples" in refused(sealed(forge(b"\x80\2}" + tuples + b"K\0s.", {})))


def test_tuples_within_marks_are_refused(refused: Refused) -> None:
    nested = b"(" * 10**5 + b"t" * 10**5
    assert "it holds tuples in tuples" in refused(sealed(forge(b"\x80\2}" + nested + b"K\0s.", {})))


@pytest.mark.parametrize(
    "steps", [b"]" + b"K\0a" * 2 * 10**6, b"]" + b"]a" * 2 * 10**6, b"](" + b"N" * 4 * 10**6 + b"e"]
)
def test_a_pickle_of_four_million_steps_is_refused(refused: Refused, steps: bytes) -> None:
    assert "takes too long to read" in refused(sealed(forge(b"\x80\2" + steps + b".", {})))


def test_as_many_steps_as_may_be_are_read_in_time(refused: Refused) -> None:
    steps = b"]" + b"]a" * ((MOST_STEPS - 10) // 2)
    assert "of another format" in refused(sealed(forge(b"\x80\2" + steps + b".", {})))


def test_more_entries_than_tensors_of_any_network_are_refused(refused: Refused) -> None:
    content = forge(pickled({}), {"0": b""})
    many = content + ENTRY * (MOST_ENTRIES + 1) + content[content.rindex(b"PK\5\6") :]
    assert "holds more tensors than a network has" in refused(sealed(many))
    assert refused(many).startswith("damaged")


def test_deep_lists_are_refused(refused: Refused) -> None:
    content = forge(b"\x80\x02" + b"]" * 40_000 + b"a" * 39_999 + b".", {})
    assert "of another format" in refused(sealed(content))


def test_a_device_is_no_checkpoint() -> None:
    with pytest.raises(UserError, match=r"^/dev/zero: no such file"):
        checkpoint.load(Path("/dev/zero"))


@pytest.fixture(scope="module")
def genuine(make_config: Callable[..., Config], tiny: list[str]) -> Checkpoint:
    config = make_config(*tiny)
    weights = dict(build(config.model, 10).state_dict())
    return Checkpoint(to_container(config), config.data.class_names, 4, weights, {"loss/train": 1.5})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"config": []}, "config is a list"),
        ({"class_names": [1] * 10}, "class_names are not texts"),
        ({"class_names": ["x" * 201] * 10}, "class_names are not texts of up to 200 characters"),
        ({"epoch": -1}, "epoch=-1; expected 0 to 100000"),
        ({"epoch": 10**300}, "epoch=10000000"),
        ({"epoch": torch.zeros(2, 2)}, "epoch=tensor"),
        ({"model": [1]}, "model is a list"),
        ({"metrics": {"loss/train": "low"}}, "metrics are not numbers"),
        ({"training": 3}, "training is a int"),
    ],
)
def test_fields_of_other_kinds_are_refused(
    genuine: Checkpoint, tmp_path: Path, keys: dict[str, Any], told: str
) -> None:
    checkpoint.save(replace(genuine, **keys), tmp_path / "odd.pt")
    with pytest.raises(UserError, match=f"odd.pt: damaged or not of this release: {told}"):
        checkpoint.load(tmp_path / "odd.pt")


def widened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return weights | {"classifier.bias": torch.zeros(1).expand(10**12)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda weights: weights | {"classifier.bias": torch.zeros(11)},
            r"float32 \[11\]; expected float32 \[10\]",
        ),
        (lambda weights: weights | {"classifier.bias": torch.zeros(10).double()}, "float64"),
        (lambda weights: weights | {"classifier.bias": torch.zeros(10).to_sparse()}, "no plain tensor"),
        (lambda weights: weights | {"classifier.bias": [0.0] * 10}, "no plain tensor"),
        (
            lambda weights: weights | {"classifier.wings": torch.zeros(1)},
            "wings. is not expected",
        ),
        (lambda weights: dict(list(weights.items())[:-1]), "bias. is missing"),
        (widened, r"float32 \[1000000000000\]"),
        (lambda _: {}, "numbers or more are expected, it holds 0"),
    ],
)
def test_weights_of_other_shapes_and_types_are_refused(
    genuine: Checkpoint, change: Callable[[dict[str, Tensor]], Any], told: str
) -> None:
    other = replace(genuine, model=change(genuine.model))
    with pytest.raises(UserError, match=rf"^a.pt: its weights do not fit its own model=cnn: .*{told}"):
        checkpoint.restore(other, Path("a.pt"))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"model": {"family": "os.system"}}, "model.family=os.system: expected one of cnn"),
        ({"model": {"family": "resnet", "width": 10**8}}, "a network of at most 250,000,000"),
        ({"model": {"family": "resnet", "width": 512}}, "numbers or more are expected, it holds"),
        ({"model": {"family": "cnn", "_target_": "os.system"}}, "model._target_: no such key"),
        ({"data": {"family": "spacing", "train": 10**12}}, "data.train=1000000000000: expected"),
        ({"data": {"family": "cifar10", "root": "${oc.env:HOME}"}}, "expected plain data"),
        ({"name": "../../x"}, "name='../../x': expected the name of a folder below another"),
        ({"data": {"family": "spacing", "largest": 3}}, "names 10 classes, its own data=spacing has 2"),
        ({3: 4}, "Key '3' not in"),
    ],
)
def test_a_configuration_passes_the_checks_of_a_command_line(
    genuine: Checkpoint, config: dict[str, Any], told: str
) -> None:
    start = time.process_time()
    with pytest.raises(UserError, match=rf"^a\.pt: .*{told}"):
        checkpoint.restore(replace(genuine, config=genuine.config | config), Path("a.pt"))
    assert time.process_time() - start < 2
