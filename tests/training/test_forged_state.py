"""A last.pt with a right checksum and a training state that no run has: one line, whatever is wrong."""

import copy
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from dilated_cifar.cli.train import main
from dilated_cifar.config.store import to_config
from dilated_cifar.device import choose_machine
from dilated_cifar.runs import checkpoint
from dilated_cifar.training.resume import faults
from dilated_cifar.training.state import new_state

STEPS = 3
"""Of an epoch."""
LAST = Path("outputs/run/checkpoints/last.pt")
MORE = ["name=run", "ema=0.9", "optimizer=adamw"]


@pytest.fixture(scope="module")
def stopped(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The place of a run that was stopped in its second epoch, with every kind of state."""
    place = tmp_path_factory.mktemp("stopped")
    steps: list[None] = []

    def stop(*_: object) -> None:
        steps.append(None)
        if len(steps) == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    handle = register_optimizer_step_post_hook(stop)
    here = Path.cwd()
    try:
        os.chdir(place)
        assert main([*tiny, *MORE]) == 128 + signal.SIGTERM
    finally:
        os.chdir(here)
        handle.remove()
    return place


WEIGHTS = ("features.0.0.weight", "features.0.1.running_var", "features.0.1.num_batches_tracked")
WRONG = [None, "text", True, -1, 10**300, float("nan"), float("inf"), [], {}, {"a": 1}, torch.zeros(3, 2)]


def forgeries(content: Any, told: str = "") -> Iterator[tuple[str, Any]]:
    """What a content can be forged to, by what was changed: every value, key and tensor in it.

    Of the many tensors of a network only some are, each in every way.
    """
    yield from ((f"{told} = {value}", value) for value in WRONG)
    if isinstance(content, torch.Tensor):
        yield f"{told} in another shape", torch.zeros(*content.shape, 2, dtype=content.dtype)
        yield f"{told} of another type", content.to(torch.int32)
        yield f"{told} of complex numbers", content.to(torch.complex64)
        yield f"{told} sparse", content.to_sparse()
        if content.is_floating_point():
            yield f"{told} of nan", torch.full_like(content, torch.nan)
            yield f"{told} infinite", torch.full_like(content, torch.inf)
    if isinstance(content, list):
        yield f"{told} longer", [*content, 0.0]
        yield from (
            (f"{told}[{place}] = {value}", [*content[:place], value, *content[place + 1 :]])
            for place in range(len(content))
            for value in WRONG
        )
    if isinstance(content, dict):
        yield f"{told} with more", content | {"wings": 2}
        names = [*WEIGHTS] if WEIGHTS[0] in content else list(content)
        if all(isinstance(name, int) for name in names):
            names = names[:1]
        for name in names:
            yield f"{told} without {name}", {key: value for key, value in content.items() if key != name}
            yield from (
                (what, content | {name: value}) for what, value in forgeries(content[name], f"{told}.{name}")
            )


ACCEPTED = (
    "training.computed_on = text",
    "training without computed_on",
    "training without best",  # then it is in best.pt, as releases before 0.2 have it
    "training.best = None",
    "training.optimizer.state without 0",  # a network may have parameters that it does not use
)


def test_whatever_is_forged_is_refused_in_one_line(stopped: Path) -> None:
    genuine = checkpoint.load(stopped / LAST)
    machine = choose_machine("cpu", precision="fp32", channels_last=True)
    state = new_state(to_config(genuine.config), genuine.class_names, machine)
    assert not list(faults(genuine, genuine.training or {}, state, STEPS))
    accepted = []
    for what, forged in forgeries(genuine.training, "training"):
        try:
            fault = next(faults(genuine, forged, state, STEPS), None)
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        accepted += [what] if fault is None else []
        assert "\n" not in str(fault), what
    assert sorted(accepted) == sorted(ACCEPTED)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("optimizer", "state", 0, "step"), torch.tensor(-5.0)),
        (("progress", "step"), 1),
        (("progress", "history", "loss/validation"), torch.zeros(1)),
        (("averaging", "averaged"), torch.tensor(4)),
        (("best", "model", "classifier.bias"), torch.full((10,), torch.nan)),
    ],
)
def test_the_command_refuses_a_forged_state(
    stopped: Path,
    tiny: list[str],
    keys: tuple[Any, ...],
    value: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(stopped)
    genuine = LAST.read_bytes()
    content = copy.deepcopy(checkpoint.load(LAST))
    inner: Any = content.training
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    checkpoint.save(content, LAST)
    try:
        assert main([*tiny, *MORE]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"error: {LAST}: damaged or not of this release: ")
    finally:
        LAST.write_bytes(genuine)
