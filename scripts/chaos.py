"""Kill training again and again, have the same command continue it, and compare the end to the bit.

`python scripts/chaos.py` kills 50 times: before single changes of the run folder, at random instants, and
sweeps; `--help` says what can be chosen. The exit status is 1 where a run was lost, ended otherwise, repeated
more than an epoch or left something behind.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from run_contents import differing, fingerprint, unsaved

from dilated_cifar.cli import train as command
from dilated_cifar.training import loop  # noqa: F401  # so that forked processes need not import torch

TRAIN = Path(__file__).resolve().parents[1] / "train.py"
RUN = [
    "experiment=demo", "model.channels=[4,6,8]", "data.train=96", "data.validation=40", "data.test=40",
    "data.train_subset=40", "batch_size=32", "epochs=2", "ema=0.9", "augment=standard", "threads=1",
    "progress=false", "device=cpu",
]  # fmt: skip
"""A real run that takes a second and uses every kind of state."""
KINDS = {"aimed": 24, "swept": 2, "random": 12, "basic": 6, "joblib": 6}
"""How many of fifty kills are of which kind."""
CHANGES = {"os.rename": 1, "os.link": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0}
"""What Python tells an audit hook of changes on disk: the place of the changed path among its arguments."""


def main() -> int:
    """Kill as often as the arguments say; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kinds", default=",".join(KINDS), help="some of " + ", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = random.Random(options.seed)
    kinds = options.kinds.split(",")
    share = options.kills / sum(KINDS[kind] for kind in kinds)
    torch.set_num_threads(1)
    began, faults, kills = time.monotonic(), [], 0
    with tempfile.TemporaryDirectory() as place:
        for kind in kinds:
            count = round(KINDS[kind] * share)
            folder = Path(place) / kind
            folder.mkdir()
            os.chdir(folder)
            found = IN_FORKS[kind](count) if kind in IN_FORKS else timed(kind, count, chosen)
            for what, fault in found:
                kills += 1
                faults += [fault] if fault else []
                print(f"{kind}: killed {what}: {fault or 'the same end'}", flush=True)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s, {len(faults)} faults")
    return 1 if faults or not kills else 0


# Kills before a change on disk, in forked processes, each in a run of its own.


def aimed(count: int) -> Iterator[tuple[str, str | None]]:
    """Kill a run before one change of its folder each time: of every file first, then evenly over all."""
    arguments = [*RUN, "pictures=0", "name=run"]
    folder = Path("outputs/run")
    trace = Path("trace")
    finish(arguments, trace=trace)
    changes = trace.read_text().splitlines()
    whole = fingerprint(folder)
    each = list({change: number for number, change in reversed([*enumerate(changes)])}.values())
    rest = [number for number in range(len(changes)) if number not in each]
    # Before a file comes to its place the others are there and it is not: these kills first.
    each.sort(key=lambda number: (not changes[number].startswith("os.rename"), -number))
    for number in [*each, *rest[:: max(1, len(rest) // max(1, count - len(each)))]][:count]:
        shutil.rmtree("outputs")
        status = forked(partial(run_until, arguments, number))
        fault = None if status == -signal.SIGKILL else f"ended with {status} instead of being killed"
        fault = fault or unsaved(folder) or continued(arguments) or differing(whole, folder)
        yield f"before {changes[number]} (change {number + 1} of {len(changes)})", fault


def swept(count: int) -> Iterator[tuple[str, str | None]]:
    """Kill a sweep of two runs, one after the other, before changes spread evenly over its folder."""
    arguments = ["-m", *RUN, "pictures=0", "epochs=1", "name=sweep", "seed=0,1"]
    trace = Path("trace")
    finish(arguments, trace=trace)
    changes = trace.read_text().splitlines()
    whole = fingerprint(Path("outputs"))
    for number in range(len(changes) // (count + 1), len(changes), len(changes) // (count + 1) + 1):
        shutil.rmtree("outputs")
        status = forked(partial(run_until, arguments, number))
        fault = None if status == -signal.SIGKILL else f"ended with {status} instead of being killed"
        fault = fault or continued(arguments) or differing(whole, Path("outputs"))
        yield f"before {changes[number]} (change {number + 1} of {len(changes)})", fault


def forked(call: Callable[[], int]) -> int:
    """The exit status of `call` in a process of its own, minus the signal that ended it."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        silent = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        status = 70
        try:
            status = call()
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def run_until(arguments: list[str], last: int | None, trace: Path | None = None) -> int:
    """Train in this process, and kill it before the change of its run folder with that number, from 0."""
    seen = 0
    root = Path("outputs").resolve()

    def watch(event: str, values: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open":
            path = values[0] if values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else None
        else:
            path = values[CHANGES[event]] if event in CHANGES else None
        if path is None or isinstance(path, int):
            return
        place = Path(os.fsdecode(path)).resolve()
        if root not in place.parents:
            return
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
        if trace is not None:
            name = re.sub(r"(tfevents)\..*", r"\1", place.name)
            with trace.open("a") as file:
                file.write(f"{event} {name}\n")

    sys.addaudithook(watch)
    return command.main(arguments)


def finish(arguments: list[str], trace: Path | None = None) -> None:
    """Train to the end, unharmed."""
    status = forked(lambda: run_until(arguments, None, trace))
    if status:
        raise SystemExit(f"ended with {status}: {Path('output').read_text()}")


def continued(arguments: list[str]) -> str | None:
    """Give the same command again; returns what went wrong."""
    status = forked(lambda: command.main(arguments))
    return f"the same command ended with {status}: {Path('output').read_text()[-2000:]}" if status else None


# Kills at random instants, of commands as a user gives them; one run or sweep takes several.


def timed(kind: str, count: int, chosen: random.Random) -> Iterator[tuple[str, str | None]]:
    """Kill a run, or a sweep of two, at random instants and after every third kill have it finish."""
    arguments = [*RUN, "pictures=1", "name=run", "epochs=12"]
    if kind != "random":
        arguments = ["-m", *arguments, "epochs=6", "seed=0,1"]
    if kind == "joblib":
        arguments += ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    seconds = started(arguments, wait=None)
    whole = fingerprint(Path("outputs"))
    shutil.rmtree("outputs")
    for number in range(count):
        wait = chosen.uniform(0, seconds / 2)
        group = kind != "joblib" or number % 2 == 0
        started(arguments, wait=wait, group=group)
        fault = None
        if number % 3 == 2 or number == count - 1:
            started(arguments, wait=None)
            fault = differing(whole, Path("outputs"))
            shutil.rmtree("outputs")
        yield f"after {wait:.1f} s" + ("" if group else " (the command without its workers)"), fault


def started(arguments: list[str], wait: float | None, *, group: bool = True) -> float:
    """Run the command; kill it that many seconds after it began to train, or else wait for its end.

    Returns:
        Seconds that it trained.
    """
    with (
        Path("errors").open("w") as errors,
        subprocess.Popen(
            [sys.executable, str(TRAIN), *arguments],
            stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if "training on" in line or "finished before" in line:
                break
        began = time.monotonic()
        try:
            process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
    told = Path("errors").read_text()
    if (wait is None and process.returncode) or "Traceback" in told:
        raise SystemExit(f"ended with {process.returncode}: {told}")
    return time.monotonic() - began


IN_FORKS = {"aimed": aimed, "swept": swept}

if __name__ == "__main__":
    sys.exit(main())
