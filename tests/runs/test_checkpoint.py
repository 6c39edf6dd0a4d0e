import pickle
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_container
from dilated_cifar.errors import UserError
from dilated_cifar.models import build
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.verified import SEAL


@pytest.fixture
def saved(make_config: Callable[..., Config], tiny: list[str], tmp_path: Path) -> tuple[Checkpoint, Path]:
    config = make_config(*tiny)
    content = Checkpoint(
        config=to_container(config),
        class_names=[str(number) for number in range(10)],
        epoch=4,
        model=dict(build(config.model, 10).state_dict()),
        metrics={"loss/train": 1.5},
    )
    checkpoint.save(content, tmp_path / "best.pt")
    return content, tmp_path / "best.pt"


def test_a_checkpoint_comes_back_as_it_was(saved: tuple[Checkpoint, Path]) -> None:
    content, path = saved
    read = checkpoint.load(path)
    assert (read.config, read.class_names, read.epoch) == (content.config, content.class_names, 4)
    assert read.metrics == content.metrics
    assert all(torch.equal(read.model[name], value) for name, value in content.model.items())
    config, model = checkpoint.restore(read, path)
    assert to_container(config) == content.config
    assert torch.equal(model.state_dict()["classifier.bias"], content.model["classifier.bias"])


def test_a_save_that_fails_leaves_the_old_file(saved: tuple[Checkpoint, Path]) -> None:
    content, path = saved
    before = path.read_bytes()
    with pytest.raises((AttributeError, pickle.PicklingError)):  # the one or the other, by Python version
        checkpoint.save(replace(content, metrics={"loss/train": lambda: 0}), path)  # type: ignore[dict-item]
    assert path.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(saved: tuple[Checkpoint, Path], share: float) -> None:
    path = saved[1]
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match="damaged, truncated or not a checkpoint"):
        checkpoint.load(path)


OLD = Path(__file__).parent / "written_by_0.1.0" / "stopped" / "checkpoints" / "last.pt"


@pytest.mark.parametrize("sealed", [True, False])
def test_a_flipped_bit_is_found_wherever_it_is(
    saved: tuple[Checkpoint, Path], sealed: bool, tmp_path: Path
) -> None:
    source = saved[1] if sealed else OLD  # files of release 0.1.0 carry no checksum of the whole
    whole, expected = source.read_bytes(), checkpoint.load(source)
    path = tmp_path / "flipped.pt"
    chosen = random.Random(0)
    # The ends and the borders of records, where headers and names lie, are taken whole.
    ends = [at for at in range(len(whole)) if at < 200 or at > len(whole) - 300]
    places = [*chosen.sample(ends, 100), *chosen.sample(range(len(whole)), 150)]
    refused = 0
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :])
        try:
            read = checkpoint.load(path)
        except UserError:
            refused += 1
        else:
            assert not sealed or at >= len(whole) - SEAL - 2  # only the seal itself or its length
            assert same(asdict(read), asdict(expected)), at
    assert refused > 0.9 * len(places) if sealed else refused > 0.5 * len(places)


def same(one: object, other: object) -> bool:
    """Whether two nested contents are the same to the bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        checkpoint.load(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("weights")
    with pytest.raises(UserError, match="not a checkpoint"):
        checkpoint.load(tmp_path / "text.pt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="of another format"):
        checkpoint.load(tmp_path / "foreign.pt")
    torch.save({"format": checkpoint.FORMAT, "version": 99}, tmp_path / "newer.pt")
    with pytest.raises(UserError, match="format version 99"):
        checkpoint.load(tmp_path / "newer.pt")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "owned",)

    torch.save({"format": checkpoint.FORMAT, "model": Attack()}, tmp_path / "attack.pt")
    with pytest.raises(UserError):
        checkpoint.load(tmp_path / "attack.pt")
    assert not (tmp_path / "owned").exists()


def test_weights_of_a_different_network_are_refused(saved: tuple[Checkpoint, Path]) -> None:
    content, path = saved
    other = replace(content, model={"weight": torch.zeros(1)})
    with pytest.raises(UserError, match="do not fit its own model"):
        checkpoint.restore(other, path)


def test_a_configuration_that_names_an_unknown_network_is_refused(saved: tuple[Checkpoint, Path]) -> None:
    content, path = saved
    config = content.config | {"model": content.config["model"] | {"family": "os.system"}}
    with pytest.raises(UserError, match=r"model.family=os.system: expected one of cnn, resnet"):
        checkpoint.restore(replace(content, config=config), path)
