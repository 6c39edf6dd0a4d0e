"""A teacher: the objective, who is refused, and that a stopped run goes on with the same one."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from dilated_cifar.cli.train import main
from dilated_cifar.config.cifar10 import Cifar10Config
from dilated_cifar.runs import checkpoint
from dilated_cifar.training.distillation import Teacher


class Fixed(nn.Module):
    """Predicts what it was given, whatever it sees."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _images: Tensor) -> Tensor:
        return self.logits


IMAGES = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
LOGITS = st.lists(st.floats(-20, 20, width=32), min_size=12, max_size=12).map(
    lambda x: torch.tensor(x).view(3, 4)
)
SHARES, TEMPERATURES = st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from([0.5, 1.0, 4.0])


@settings(deadline=None, max_examples=50)
@given(LOGITS, LOGITS, SHARES, TEMPERATURES)
def test_the_objective_is_that_of_the_paper(
    ours: Tensor, theirs: Tensor, share: float, temperature: float
) -> None:
    teacher = Teacher(Fixed(theirs), Cifar10Config(), share, temperature, "")
    loss = torch.tensor(7.0)
    expected, soft = ((each.double() / temperature).softmax(1) for each in (theirs, ours))
    divergence = (expected * (expected.log() - soft.log())).sum()
    found = teacher.joined(loss, ours, IMAGES)
    assert found.item() == pytest.approx(
        7 * (1 - share) + share * temperature**2 * divergence.item(), rel=1e-4, abs=1e-4
    )


@settings(deadline=None, max_examples=25)
@given(LOGITS, TEMPERATURES)
def test_who_predicts_as_the_teacher_has_nothing_to_learn(logits: Tensor, temperature: float) -> None:
    teacher = Teacher(Fixed(logits), Cifar10Config(), 1.0, temperature, "")
    ours = logits.clone().requires_grad_()
    teacher.joined(torch.tensor(7.0), ours, IMAGES).backward()
    assert ours.grad is not None
    assert ours.grad.abs().max() < 1e-5


@pytest.fixture
def train(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Train below a folder of the test; returns exit status and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        capfd.readouterr()
        status = main([*tiny, *arguments])
        return status, capfd.readouterr().err

    return run


def last(name: str) -> checkpoint.Checkpoint:
    return checkpoint.load(Path("outputs") / name / "checkpoints" / "last.pt")


def same(one: str, other: str) -> bool:
    """Whether two runs ended with the same weights."""
    ours, theirs = last(one).model, last(other).model
    return all(torch.equal(ours[key], theirs[key]) for key in ours)


def stop_after(step: int) -> Any:
    """Stop training after so many steps of the optimizer."""
    steps = iter(range(1, step + 1))

    def count(*_: Any) -> None:
        if next(steps, None) == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return register_optimizer_step_post_hook(count)


def test_labels_do_not_count_where_the_teacher_is_all(train: Callable[..., tuple[int, str]]) -> None:
    train("name=teacher", "seed=9")
    for name, share, smoothing in (("all", 1, 0), ("all-smooth", 1, 0.5), ("half", 0.5, 0)):
        arguments = (f"teacher_share={share}", f"label_smoothing={smoothing}", f"name={name}")
        assert train("teacher=outputs/teacher", *arguments)[0] == 0
    assert same("all", "all-smooth")
    assert not same("all", "half")


def test_a_stopped_run_goes_on_with_its_teacher_and_no_other(train: Callable[..., tuple[int, str]]) -> None:
    train("name=teacher", "model.channels=[3,5,7]", "seed=9")
    arguments = ("teacher=outputs/teacher", "augment=standard", "augment.crop=[24]", "model=plain")
    train(*arguments, "name=whole")
    handle = stop_after(4)
    assert train(*arguments, "name=cut")[0] == 143
    handle.remove()
    best = Path("outputs/teacher/checkpoints/best.pt")
    kept = checkpoint.load(best)
    other = {name: weight + (weight.is_floating_point()) for name, weight in kept.model.items()}
    checkpoint.save(replace(kept, model=other), best)
    status, err = train(*arguments, "name=cut")
    assert status == 2
    assert "teacher=outputs/teacher: holds other weights than when this run began" in err
    checkpoint.save(kept, best)
    assert train(*arguments, "name=cut")[0] == 0
    assert same("whole", "cut")


def test_who_cannot_teach_is_refused_in_one_line(train: Callable[..., tuple[int, str]]) -> None:
    train("name=teacher", "model.dilations=[1,2,5]")
    best = Path("outputs/teacher/checkpoints/best.pt")
    kept = checkpoint.load(best)
    broken = {name: weight * torch.nan if "conv1" in name else weight for name, weight in kept.model.items()}
    checkpoint.save(replace(kept, model=broken), Path("broken.pt"))
    Path("no_run").mkdir()
    for teacher, more, told in (
        ("nowhere", [], "teacher=nowhere: nowhere: no such file"),
        ("no_run", [], "teacher=no_run: no_run: no checkpoint there"),
        ("published:dilated_152", [], "teacher=published:dilated_152: published:dilated_152: no such"),
        ("published:dilated_125", [], "was trained on data=cifar10; expected a network for the"),
        ("broken.pt", [], "teacher=broken.pt: has weights that are nan or infinite"),
        ("outputs/teacher", ["augment.crop=[16]", "model=plain"], "a map that does not vanish: layer 3"),
        ("outputs/teacher", ["teacher_share=0"], "teacher_share=0.0: expected a share above 0"),
        ("outputs/teacher", ["temperature=-1"], "temperature=-1.0: expected a number above 0"),
    ):
        status, err = train(f"teacher={teacher}", *more, "name=refused")
        assert status == 2
        (line,) = err.splitlines()
        assert told in line
        assert not Path("outputs/refused").exists()
