"""The benchmark measures the project's own steps beside usual ones that compute the same."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from dilated_cifar.benchmark import ways
from dilated_cifar.benchmark.figures import PARTS, PROJECT, USUAL
from dilated_cifar.benchmark.images import random_images
from dilated_cifar.cli.benchmark import main
from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import Machine, choose_machine
from dilated_cifar.training.state import State, new_state
from dilated_cifar.training.step import training_step


@pytest.fixture
def machine() -> Machine:
    return choose_machine("cpu")


@pytest.fixture
def state(make_config: Callable[..., Config], machine: Machine) -> State:
    config = make_config(
        "model=resnet", "model.width=4", "batch_size=8", "optimizer=sgd", "schedule=constant"
    )
    return new_state(config, config.data.class_names, machine)


def test_a_usual_step_has_the_projects_loss_gradients_and_weights(state: State, machine: Machine) -> None:
    config, split = state.config, random_images(32)
    images, labels = split.images[:8], split.labels[:8]
    network = ways.usual_network(config, machine)
    network.load_state_dict(state.model.state_dict())
    optimizer = ways.usual_optimizer(config, network)
    inputs = normalize(images, config.data.mean, config.data.std).contiguous()
    assert next(network.parameters()).is_contiguous()
    assert inputs.is_contiguous()
    loss, right = ways.usual_step(network, optimizer, inputs, labels, machine).tolist()
    sums = training_step(state, state.model, images, labels, machine, batch=8).tolist()
    assert (loss, right) == pytest.approx(sums[:2], rel=1e-5)
    for one, other in zip(network.parameters(), state.model.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        # To rounding: the other memory format adds in another order.
        assert (one.grad - other.grad).norm() <= 1e-4 * other.grad.norm()
        assert (one - other).norm() <= 1e-4 * other.norm()


def test_the_usual_images_are_shifted_mirrored_and_normalised(state: State, machine: Machine) -> None:
    config, split = state.config, random_images(32)
    split.images[0] = 255
    images = ways.PillowImages(split, config)
    (white,) = normalize(split.images[:1], config.data.mean, config.data.std)
    assert len(images) == len(split)
    seen = set()
    for _ in range(20):
        image, label = images[0]
        assert (image.shape, image.dtype, label) == ((3, 32, 32), torch.float32, split.labels[0])
        torch.testing.assert_close(image[:, 4:28, 4:28], white[:, 4:28, 4:28])
        seen.add(image.sum().item())
    assert len(seen) > 1
    batch, _ = next(iter(ways.usual_loader(split, config, machine, workers=0)))
    assert batch.shape == (8, 3, 32, 32)


def test_the_projects_steps_are_those_of_the_batches(state: State, machine: Machine) -> None:
    split = random_images(32)
    fewer = type(split)(split.images[:20], split.labels[:20])
    before = [weight.clone() for weight in state.model.parameters()]
    assert list(islice(ways.project_steps(state, fewer, machine), 5)) == [8, 8, 4, 8, 8]
    assert not any(map(torch.equal, before, state.model.parameters()))


def test_a_benchmark_writes_a_text_figures_and_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    threads = torch.get_num_threads()
    short = ["rounds=1", "seconds=0.001", "images=20", "starts=0", "batch_size=4", "workers=0"]
    arguments = ["models=dilated_125", *short, "threads=1", "device=cpu", "lightning=false", "output=out"]
    try:
        assert main(arguments) == 0
    finally:
        torch.set_num_threads(threads)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "benchmark.json",
        "benchmark.png",
        "benchmark.txt",
    ]
    found = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    (network,) = found["networks"]
    assert (network["name"], network["multiply_adds"]) == ("dilated_125", 32_113_280)
    assert network["training"].keys() == {PROJECT, USUAL}
    assert all(each["low"] <= each["median"] <= each["high"] for each in network["training"].values())
    assert network["shares"].keys() == set(PARTS)
    assert sum(network["shares"].values()) == pytest.approx(1)
    rate, peak = network["training"][PROJECT]["median"], found["peak"]["median"]
    assert network["peak_share"] == pytest.approx(6 * network["multiply_adds"] * rate / peak)
    sizes = {what: list(values) for what, values in found["growth"].items()}
    assert sizes["batch size"] == ["1", "2", "4", "8"]
    assert sizes["width"] == ["8", "16", "32"]
    assert sizes["image size"] == ["32", "48", "64"]
    assert sizes["threads"] == ["1"]
    assert found["data"].startswith("random images")
    assert "dilated_125" in capsys.readouterr().out
    assert "dilated_125" in (tmp_path / "out" / "benchmark.txt").read_text()


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("models=[resnet,resnot]", "models=resnot: expected resnet"),
        ("models=[]", "models=[]: expected at least one network"),
        ("seconds=nan", "seconds=nan: expected seconds above 0"),
        ("workers=-1", "workers=-1: expected a whole number from 0"),
        ("device=tpu", "device=tpu: expected auto, cpu"),
        ("data.root=nowhere data.download=false", "nowhere"),
    ],
)
def test_a_wrong_argument_is_one_line(
    argument: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*argument.split(), "progress=false"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


@pytest.mark.slow
def test_lightning_trains_the_same_network(state: State, machine: Machine) -> None:
    pytest.importorskip("lightning")
    from dilated_cifar.benchmark.lightning_way import lightning_rate

    network = ways.usual_network(state.config, machine)
    before = [weight.clone() for weight in network.parameters()]
    loader = ways.usual_loader(random_images(32), state.config, machine, workers=0)
    assert lightning_rate(network, state.config, loader, machine, seconds=0.01, warm_up=1) > 0
    assert not any(map(torch.equal, before, network.parameters()))
