"""What several processes compute together is what one computes alone."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from dilated_cifar.cli.train import main
from dilated_cifar.processes import ALONE, Processes
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.reading import read_predictions, read_sessions
from dilated_cifar.training.batch_norm import SyncedBatchNorm

SGD = ["optimizer=sgd", "optimizer.lr=0.01"]  # Adam divides tiny gradients by their own size
UNEVEN = ["data.train=94", "data.validation=41", "data.test=39", "batch_size=31", "epochs=1"]

ENDLESS = ["epochs=100000", "save_minutes=60", "name=run"]

SERVER = """
import json, os, sys
import dilated_cifar.training.loop  # torch is imported once, not in each process
from dilated_cifar.cli.train import main
for line in sys.stdin:
    environment, output, arguments = json.loads(line)
    processes = []
    for rank in range(2):
        if not (process := os.fork()):
            os.environ.update(environment, RANK=str(rank), LOCAL_RANK=str(rank))
            file = os.open(f"{output}-{rank}", os.O_CREAT | os.O_WRONLY)
            os.dup2(file, 1), os.dup2(file, 2)
            status = main(arguments)
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
        processes.append(process)
    print(json.dumps(processes), flush=True)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in processes]), flush=True)
"""
"""Trains in two processes, told of each other as torchrun tells them, for each line of stdin."""

Start = Callable[..., tuple[list[int], Callable[[], list[int]]]]


@pytest.fixture(scope="module")
def start_two() -> Iterator[Start]:
    """Start two processes; returns their ids and a function that waits for their exit statuses."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        answers = server.stdout

        def start(output: Path, *arguments: str) -> tuple[list[int], Callable[[], list[int]]]:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            environment = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            print(json.dumps([environment, str(output), arguments]), file=server.stdin, flush=True)
            return json.loads(answers.readline()), lambda: json.loads(answers.readline())

        yield start
        server.stdin.close()


def wait_for_epoch(number: int, log: Path, process: "subprocess.Popen[bytes] | None" = None) -> None:
    deadline = time.monotonic() + 240
    while not (log.is_file() and f" epoch {number}/" in log.read_text()):
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None
        time.sleep(0.05)


def test_two_processes_reach_the_weights_of_one_which_continues_their_run(
    tiny: list[str], tmp_path: Path, start_two: Start
) -> None:
    common = [*tiny, *SGD, *UNEVEN, "augment=standard", "schedule=constant", f"output_dir={tmp_path}"]
    _, statuses = start_two(tmp_path / "printed", *common, "name=two")
    assert statuses() == [0, 0]
    assert (tmp_path / "printed-0").read_text().count("epoch 1/1") == 1
    assert (tmp_path / "printed-1").read_text() == ""

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
    began, continued = read_sessions(tmp_path / "two")
    assert (began.epoch, began.processes, began.threads) == (0, 2, 1)
    assert (continued.epoch, continued.processes) == (1, 1)
    assert {"python", "dilated-cifar", "torch", "torchvision", "numpy"} == continued.versions.keys()
    assert "2 processes, fp32), torch" in log  # saved on two, now on one


def test_a_process_that_dies_ends_the_other_with_a_message(
    tiny: list[str], tmp_path: Path, start_two: Start
) -> None:
    processes, statuses = start_two(tmp_path / "printed", *tiny, *ENDLESS, f"output_dir={tmp_path}")
    wait_for_epoch(1, tmp_path / "run" / "train.log")
    os.kill(processes[1], signal.SIGKILL)
    died = time.monotonic()
    assert statuses() == [1, -signal.SIGKILL]
    assert time.monotonic() - died < 10
    error = (tmp_path / "printed-0").read_text()
    assert error.count("error: process 0 of 2: lost contact to another process") == 1
    assert "Traceback" not in error
    assert checkpoint.load(tmp_path / "run" / "checkpoints" / "last.pt").model


def test_a_signal_to_one_process_stops_both_with_the_state_saved(
    tiny: list[str], tmp_path: Path, start_two: Start
) -> None:
    processes, statuses = start_two(tmp_path / "printed", *tiny, *ENDLESS, f"output_dir={tmp_path}")
    wait_for_epoch(1, tmp_path / "run" / "train.log")
    os.kill(processes[1], signal.SIGTERM)
    assert statuses() == [128 + signal.SIGTERM] * 2
    printed = (tmp_path / "printed-0").read_text()
    assert printed.count("stopped; the state is saved in") == 1
    assert "the same command continues" in printed
    assert "Traceback" not in printed
    assert (tmp_path / "printed-1").read_text() == ""
    saved = checkpoint.load(tmp_path / "run" / "checkpoints" / "last.pt")
    assert saved.training is not None
    assert (saved.training["progress"]["epoch"], saved.training["progress"]["step"]) >= (1, 0)


@pytest.mark.slow
def test_torchrun_trains_in_two_processes(tiny: list[str], tmp_path: Path) -> None:
    torchrun = shutil.which("torchrun")
    assert torchrun
    command = [torchrun, "--nproc-per-node=2", "train.py", *tiny, f"output_dir={tmp_path}", "name=two"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/3") == 1  # of the first process alone
    assert (tmp_path / "two" / "summary.json").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_torchrun_stopped_by_a_signal_or_restarted_after_a_kill_ends_with_the_same_bits(
    tiny: list[str], tmp_path: Path, start_two: Start
) -> None:
    arguments = [*tiny, "epochs=12", "model.dropout=0.3", f"output_dir={tmp_path}"]
    _, statuses = start_two(tmp_path / "printed", *arguments, "name=whole")
    assert statuses() == [0, 0]
    whole = checkpoint.load(tmp_path / "whole" / "checkpoints" / "last.pt")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        name = number.name
        command = [str(shutil.which("torchrun")), "--nproc-per-node=2", "--max-restarts=2", "train.py"]
        command += [*arguments, f"name={name}"]
        with (tmp_path / f"printed-{name}").open("w") as printed:
            started = subprocess.Popen(command, stdout=printed, stderr=printed)
        wait_for_epoch(2, tmp_path / name / "train.log", started)
        os.kill(worker(started.pid, 1) if number is signal.SIGKILL else started.pid, number)
        status = started.wait(timeout=240)
        told = (tmp_path / f"printed-{name}").read_text()
        assert "dilated_cifar/" not in told  # no traceback of ours; torchrun prints its own
        if number is signal.SIGKILL:
            assert status == 0, told  # torchrun started both again
        else:
            assert status != 0
            assert told.count("stopped; the state is saved in") == 1
            assert not (tmp_path / name / "summary.json").exists()
            subprocess.run(command, capture_output=True, timeout=240, check=True)
        ended = checkpoint.load(tmp_path / name / "checkpoints" / "last.pt")
        for weights, value in whole.model.items():
            assert torch.equal(value, ended.model[weights]), (name, weights)
        began, continued = read_sessions(tmp_path / name)
        assert began.epoch == 0
        assert continued.epoch > 0
        assert continued.processes == 2


def worker(launcher: int, rank: int) -> int:
    """The process with that rank among those that torchrun started."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    (found,) = (
        int(child)
        for child in children
        if f"RANK={rank}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
    )
    return found


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
