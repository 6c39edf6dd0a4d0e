"""Safetensors files: what was written is read, and what was made to do harm ends in one line."""

import json
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from dilated_cifar.config.run import Config
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.runs import checkpoint, weights
from dilated_cifar.runs.description import as_texts, describe
from dilated_cifar.runs.record import Figures, Score

Forge = Callable[..., str]


@pytest.fixture(scope="module")
def config(make_config: Callable[..., Config], tiny: list[str]) -> Config:
    return make_config(*tiny, "output_dir=/home/someone", "name=mine")


@pytest.fixture(scope="module")
def state(config: Config) -> dict[str, torch.Tensor]:
    return dict(build(config.model, 10).state_dict())


@pytest.fixture(scope="module")
def description(config: Config) -> dict[str, Any]:
    score = Score(1.0, 0.5)
    figures = Figures(4, score, None, score)
    return describe(config, config.data.class_names, 4, figures, normalised=False)


@pytest.fixture
def written(tmp_path: Path, state: dict[str, torch.Tensor], description: dict[str, Any]) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(weights.safetensors_of(state, description))
    return path


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[bytes], str]:
    """Read a forged file; returns the one line that refuses it."""

    def read(content: bytes) -> str:
        path = tmp_path / "forged.safetensors"
        path.write_bytes(content)
        start = time.monotonic()
        with pytest.raises(UserError) as refusal:
            checkpoint.restore(weights.read(path), path)
        assert time.monotonic() - start < 2
        (line,) = str(refusal.value).splitlines()
        assert line.startswith(f"{path}: ")
        return line.removeprefix(f"{path}: ")

    return read


Refused = Callable[[bytes], str]


def test_what_was_written_is_read_without_the_keys_of_a_machine(
    written: Path, config: Config, state: dict[str, torch.Tensor]
) -> None:
    found = weights.read(written)
    assert found.epoch == 4
    assert found.class_names == config.data.class_names
    assert found.model.keys() == state.keys()
    assert all(torch.equal(found.model[name], value) for name, value in state.items())
    read, _ = checkpoint.restore(found, written)
    assert (read.model, read.data, read.optimizer, read.epochs) == (
        config.model, config.data, config.optimizer, config.epochs
    )  # fmt: skip
    assert (read.name, read.output_dir, read.threads) == (None, "outputs", None)


@pytest.mark.parametrize("length", [0, 1, 2**22 + 1, 2**40, 2**63, 2**64 - 1])
def test_a_header_of_any_announced_length_is_refused_before_it_is_read(refused: Refused, length: int) -> None:
    assert "no safetensors file" in refused(struct.pack("<Q", length) + b"{}" + bytes(100))


def test_a_tensor_that_reaches_beyond_the_file_is_refused(refused: Refused) -> None:
    header = {"w": {"dtype": "F32", "shape": [10**11], "data_offsets": [0, 4 * 10**11]}}
    text = json.dumps(header).encode()
    assert "no safetensors file" in refused(struct.pack("<Q", len(text)) + text + bytes(16))


def test_a_changed_bit_is_found_wherever_it_is(written: Path, state: dict[str, torch.Tensor]) -> None:
    whole, chosen = written.read_bytes(), random.Random(0)
    start = len(whole) - sum(value.nbytes for value in state.values())
    for at in chosen.sample(range(start, len(whole)), 50):
        written.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :])
        with pytest.raises(UserError, match="checksum"):
            weights.read(written)
    # In the header a bit may be in a text that only people read; else it is refused, and never a traceback.
    for at in [*range(10), *chosen.sample(range(start), 40)]:
        written.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :])
        try:
            found = checkpoint.restore(weights.read(written), written)[1].state_dict()
        except UserError:
            continue
        assert all(torch.equal(found[name], value) for name, value in state.items())


def test_a_file_that_was_cut_off_is_refused(written: Path) -> None:
    whole = written.read_bytes()
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        written.write_bytes(whole[:length])
        with pytest.raises(UserError, match="damaged, truncated or no safetensors file"):
            weights.read(written)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dilated_cifar": None}, "no such metadata of dilated-cifar"),
        ({"dilated_cifar": "99"}, "of version 99 metadata of dilated-cifar, version 1"),
        ({"config": None}, "its metadata are damaged (KeyError)"),
        ({"config": "[" * 100_000}, "its metadata are damaged (RecursionError)"),
        ({"config": "[]"}, "its metadata are damaged: config is a list"),
        ({"config": "{}"}, "missing in the configuration"),
        ({"epoch": "-1"}, "its metadata are damaged: epoch=-1"),
        ({"epoch": "9" * 5000}, "its metadata are damaged (ValueError)"),
        ({"class_names": '["one"]'}, "names 1 classes, its own data=spacing has 10"),
        ({"sha256": None}, "checksum"),
    ],
)
def test_metadata_of_another_kind_are_refused(
    refused: Refused,
    state: dict[str, torch.Tensor],
    description: dict[str, Any],
    change: dict[str, str | None],
    told: str,
) -> None:
    texts = as_texts(description) | {"sha256": weights.digest(state)} | change
    kept = {key: text for key, text in texts.items() if text is not None}
    assert told in refused(save(state, kept))


def test_a_network_that_the_file_is_too_small_for_is_not_built(
    refused: Refused, state: dict[str, torch.Tensor], description: dict[str, Any]
) -> None:
    model = {"family": "resnet", "width": 512}
    forged = description | {"config": description["config"] | {"model": model}}
    assert "numbers or more are expected, it holds" in refused(weights.safetensors_of(state, forged))


def test_other_peoples_safetensors_and_devices_are_refused(refused: Refused, tmp_path: Path) -> None:
    assert "no such metadata of dilated-cifar" in refused(save({"w": torch.zeros(2)}))
    (tmp_path / "device.safetensors").symlink_to("/dev/zero")
    with pytest.raises(UserError, match="no such file"):
        weights.read(tmp_path / "device.safetensors")
