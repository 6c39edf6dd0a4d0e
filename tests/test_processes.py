"""What several processes compute together is what one computes alone."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from dilated_cifar.cli.train import main
from dilated_cifar.processes import ALONE, Processes
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.reading import read_predictions
from dilated_cifar.training.batch_norm import SyncedBatchNorm

SGD = ["optimizer=sgd", "optimizer.lr=0.01"]  # Adam divides tiny gradients by their own size
UNEVEN = ["data.train=95", "data.validation=41", "data.test=39", "batch_size=31", "epochs=1"]


def test_two_processes_reach_the_weights_of_one_which_continues_their_run(
    tiny: list[str], tmp_path: Path
) -> None:
    torchrun = shutil.which("torchrun")
    assert torchrun
    common = [*tiny, *SGD, *UNEVEN, "augment=standard", "schedule=constant", f"output_dir={tmp_path}"]
    command = [torchrun, "--nproc-per-node=2", "train.py", *common, "name=two"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/1") == 1  # of the first process alone

    assert main([*common, "name=one"]) == 0
    one, two = (checkpoint.load(tmp_path / name / "checkpoints" / "last.pt") for name in ("one", "two"))
    for name, weights in one.model.items():
        assert torch.allclose(weights, two.model[name], atol=1e-5), name
    predictions = read_predictions(tmp_path / "two", 10)
    assert predictions.labels.tolist() == read_predictions(tmp_path / "one", 10).labels.tolist()
    assert len(predictions.labels) == 39

    assert main([*common, "name=two", "epochs=2"]) == 0
    log = (tmp_path / "two" / "train.log").read_text()
    assert "continuing after epoch 1" in log
    assert "torchvision" in log
    assert "command: " in log
    assert "2 processes, fp32), torch" in log  # saved on two, now on one


@pytest.mark.parametrize(("items", "count"), [(10_000, 3), (2, 3), (31, 2)])
def test_each_item_is_in_the_part_of_one_process(items: int, count: int) -> None:
    parts = [range(items)[Processes(rank, count).part(items)] for rank in range(count)]
    assert [item for part in parts for item in part] == list(range(items))


def test_synchronised_batch_norm_is_batch_norm_in_one_process() -> None:
    torch.manual_seed(0)
    features, weights = torch.randn(2, 5, 4, 6, 6).double().unbind()
    results = []
    for norm in (nn.BatchNorm2d(4), SyncedBatchNorm(nn.BatchNorm2d(4), ALONE)):
        inputs = features.float().requires_grad_()
        (norm(inputs).relu() * weights).sum().backward()
        results.append([inputs.grad, norm.running_mean, norm.running_var, norm.weight.grad, norm.bias.grad])
    for expected, found in zip(*results, strict=True):
        assert torch.allclose(expected, found, atol=1e-5)
