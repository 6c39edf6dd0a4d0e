import pytest
import torch

from dilated_cifar.device import (
    choose_machine,
    operations_named,
    resolve_device,
)
from dilated_cifar.errors import RunError, UserError


def test_auto_takes_cuda_then_mps_then_the_cpu() -> None:
    if torch.cuda.is_available():
        expected = "cuda"
    elif torch.backends.mps.is_available():
        expected = "mps"
    else:
        expected = "cpu"
    assert resolve_device("auto").type == expected


def test_a_machine_says_what_it_is() -> None:
    assert str(choose_machine("cpu")) == f"cpu ({torch.get_num_threads()} threads, fp32)"
    assert "bf16" in str(choose_machine("cpu", precision="bf16"))


def test_bf16_autocast_reaches_the_convolutions() -> None:
    machine = choose_machine("cpu", precision="bf16")
    with machine.autocast():
        assert torch.nn.Conv2d(3, 4, 3)(torch.zeros(1, 3, 8, 8)).dtype is torch.bfloat16


@pytest.mark.parametrize("channels_last", [True, False])
def test_weights_take_the_memory_format(channels_last: bool) -> None:
    machine = choose_machine("cpu", channels_last=channels_last)
    weight = machine.place(torch.nn.Conv2d(4, 8, 3)).weight
    assert weight.is_contiguous(memory_format=torch.channels_last) is channels_last


@pytest.mark.parametrize("word", ["gpu", "cuda:x", "cpu:1", ""])
def test_unknown_devices_are_refused(word: str) -> None:
    with pytest.raises(UserError, match="expected auto, cpu, cuda, cuda:N or mps"):
        resolve_device(word)


def test_an_operation_that_does_not_repeat_is_refused_by_name() -> None:
    choose_machine("cpu", deterministic=True)
    try:
        told = r"deterministic=true: put_ has no .*write deterministic=false"
        with pytest.raises(RunError, match=told), operations_named():
            torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))
    finally:
        choose_machine("cpu")
    assert not torch.are_deterministic_algorithms_enabled()
