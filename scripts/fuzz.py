"""Random command lines of every command: each ends well, or with one line and status 2, and leaves nothing.

    python scripts/fuzz.py [COUNT [FIRST]]

Line NUMBER is the same on every machine: `python scripts/fuzz.py 1 NUMBER` repeats it alone. A process of its
own takes a hundred of them; one that dies or takes too long is told by the number it came to.
"""

import argparse
import contextlib
import importlib
import io
import logging
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import yaml

COMMANDS = ("train", "evaluate", "explain", "localize", "compare", "export", "benchmark")
SHARES = (8, 4, 4, 4, 1, 1, 1)
"""How often each is drawn; comparisons and benchmarks take the longest."""
CHUNK, SECONDS, LONGEST = 100, 60, 900
"""Lines of a process; seconds of computing, and of waiting, after which a line counts as one that hangs."""
RUN = "runs/tiny"
SMALL = [
    "experiment=demo", "model.channels=[2,2,2]", "data.train=48", "data.validation=20", "data.test=20",
    "data.train_subset=20", "batch_size=16", "epochs=1", "device=cpu", "threads=1", "progress=false",
    "pictures=0",
]  # fmt: skip
"""A real run that takes a fraction of a second."""
BASES = {
    "train": SMALL,
    "evaluate": [RUN, "device=cpu", "threads=1"],
    "explain": ["model=plain", "model.channels=[2,2,2]", "device=cpu", "threads=1"],
    "localize": [RUN, "canvas=32", "scales=[0.5,1]", "scenes=6", "tuning=6", "shown=1", "threads=1"],
    "compare": ["runs"],
    "export": [RUN, "formats=safetensors", "samples=3", "threads=1"],
    "benchmark": [
        "models=[dilated_125]", "growth=false", "rounds=1", "seconds=0.001", "images=2", "starts=0",
        "batch_size=2", "workers=0", "lightning=false", "device=cpu", "threads=1", "progress=false",
    ],
}  # fmt: skip
NUMBERS = [
    "0", "1", "2", "3", "-1", "0.5", "1e-9", "-0.0", "1.7e308", "1e-320", "nan", "inf", "-inf", "1e999",
    *(str(2**bits + more) for bits in (31, 32, 63, 64) for more in (-1, 0)), "9" * 20, "-" + "9" * 40,
    "9" * 5000,
]  # fmt: skip
TEXTS = [
    "", "''", '""', "a", "null", "true", "no", "~", "???", "a b", "a=b", "a,b", "0,1", "{a:1}", "{}", "[]",
    "[[]]", "[1,2,3]", "[a]", "[1,[2]]", "[1,2", "]", "{", "'", '"', "\\", "\\'", "a'b", "$HOME", "${seed}",
    "${x}", "${oc.env:HOME}", "${oc.env:NO_SUCH}", "${", "%s", "{0}", "../../x", "/", ".", "/dev/null",
    "/dev/zero", "é中", "\u202e\u0301", "\U0001f600", "\udcff", "\x1b[31m", "a\nb", "\0", "x" * 5000,
    "range(3)", "choice(1,2)", "glob(*)", "interval(0,1)", "shuffle(1,2)", "sort(2,1)", "int(3)", "str(a)",
    "tag(a,1)", "os.system", "demo", "plain", "resnet", "cifar10", "spacing", "cuda:99999999999", "mps",
    RUN, "runs", "picture.png",
]  # fmt: skip
HYDRAS = [
    "hydra.verbose", "hydra.job.name", "hydra.job.chdir", "hydra.job.config", "hydra.job.env_set",
    "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.mode",
    "hydra.searchpath", "hydra.runtime", "hydra.help.template", "hydra.sweeper.params",
    "hydra.sweeper.max_batch_size", "hydra.launcher._target_", "hydra.job_logging", "hydra.callbacks",
    "hydra.overrides.task", "hydra/launcher", "hydra/sweeper", "hydra/help", "hydra/job_logging",
    "hydra/output", "hydra/env", "hydra", "experiment", "config", "defaults", "_target_", "model@data",
    "schema/model", "run", "checkpoint", "images",
]  # fmt: skip
FLAGS = [
    "--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p", "--run",
    "-r", "--multirun", "-m", "--shell-completion", "-sc", "--config-path", "-cp", "--config-name", "-cn",
    "--config-dir", "-cd", "--experimental-rerun", "--info", "-i", "--no-such", "--", "-", "--cfg=job",
    "--info=all", "-x=1",
]  # fmt: skip
VALUES_OF_FLAGS = ["job", "hydra", "all", "defaults", "config", "searchpath", "model", "install=bash", "conf"]


def main_of(command: str) -> Callable[[list[str]], int]:
    """The command's entry, which takes arguments and returns an exit status."""
    entry: Callable[[list[str]], int] = importlib.import_module(f"dilated_cifar.cli.{command}").main
    return entry


def keys_of(command: str) -> list[str]:
    """The keys that `--cfg job` prints."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        main_of(command)(["--cfg", "job", *(BASES[command] if command != "train" else SMALL)])

    def flat(content: dict[str, object], prefix: str = "") -> Iterator[str]:
        for key, value in content.items():
            yield prefix + key
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{key}.")

    return list(flat(yaml.safe_load(told.getvalue())))


def command_line(number: int, keys: dict[str, list[str]]) -> tuple[str, list[str]]:
    """The command and the arguments of a number."""
    draw = random.Random(number)
    (command,) = draw.choices(COMMANDS, SHARES)
    added = []
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        kind = draw.random()
        value = draw.choice(NUMBERS if draw.random() < 0.4 else TEXTS)
        if kind < 0.7:
            key = draw.choice(keys[command])
        elif kind < 0.85:
            key = draw.choice(HYDRAS)
        elif kind < 0.92:
            added.append(draw.choice(FLAGS))
            if draw.random() < 0.5:
                added.append(draw.choice([*VALUES_OF_FLAGS, value]))
            continue
        else:
            added.append(value)
            continue
        sign = draw.choice(["", "", "", "", "+", "++", "~"])
        added.append(f"{sign}{key}" if sign == "~" and draw.random() < 0.7 else f"{sign}{key}={value}")
    base = BASES[command] if draw.random() < 0.95 else []
    return command, [*base, *added] if command == "train" or draw.random() < 0.8 else [*added, *base]


def prepare(folder: Path) -> dict[str, list[str]]:
    """Fill a folder with what command lines may name; returns the keys of every command."""
    from PIL import Image

    os.chdir(folder)
    # No data set, and no network to fetch it from.
    os.environ |= {"CIFAR10_ROOT": "none", "https_proxy": "http://127.0.0.1:9", "COLUMNS": "120"}
    Image.new("RGB", (40, 30), "red").save("picture.png")
    with contextlib.redirect_stdout(io.StringIO()):
        if main_of("train")([*SMALL, "output_dir=runs", "name=tiny"]):
            raise SystemExit("the tiny run failed")
    shutil.copytree("runs", folder.with_name(f"{folder.name}-kept"), dirs_exist_ok=True)
    return {command: keys_of(command) for command in COMMANDS}


def files() -> dict[str, int]:
    """Every file and folder here, with the time of its last change."""
    return {str(path): path.stat().st_mtime_ns if path.is_file() else 0 for path in sorted(Path().rglob("*"))}


def fault_of(command: str, arguments: list[str]) -> str | None:
    """Run a command in this process; what it did that it may not do, or None."""
    before, folder = files(), Path.cwd()
    out, err = io.StringIO(), io.StringIO()
    try:
        with limited(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main_of(command)(arguments)
    except SystemExit as end:  # as --version ends
        status = int(end.code or 0)
    except BaseException:
        return traceback.format_exc()
    finally:
        for name in [each for each in logging.root.manager.loggerDict if each.startswith("hydra")]:
            logging.getLogger(name).disabled = False
        if Path.cwd() != folder:
            os.chdir(folder)
    after = files()
    if after != before:
        restore(after, before)
    lines = err.getvalue().splitlines()
    left = [path for path in after if path not in before]
    if "Traceback" in err.getvalue() or "\x1b" in out.getvalue() + err.getvalue():
        return f"status {status}, stderr: {err.getvalue()}"
    if status == 0:
        return None
    if status == 1 and all(line.startswith(("failed: ", "error: ")) for line in lines) and lines:
        return None  # a run whose loss is no longer finite, or a sweep of which some failed
    if status != 2 or not lines or not all(line.startswith("error: ") for line in lines):
        return f"status {status}, stderr: {err.getvalue()}"
    if any(len(line) > 2000 for line in lines):
        return f"a line of {max(map(len, lines))} characters: {lines[0][:300]}"
    several = command == "compare"  # which names every folder that it cannot use
    if not out.getvalue() and (left or (len(lines) != 1 and not several)):
        return f"{len(lines)} lines, left behind: {left[:5]}; {lines[0]}"
    return None


class TooLongError(BaseException):
    """A command takes too long; no command catches it."""


def too_long(number: int, _frame: FrameType | None) -> None:
    """End a command that takes too long."""
    raise TooLongError(f"more than {LONGEST if number == signal.SIGALRM else SECONDS} seconds")


TIMERS = (
    (signal.SIGPROF, signal.ITIMER_PROF, SECONDS),
    (signal.SIGALRM, signal.ITIMER_REAL, LONGEST),
)
"""By the processor's clock, since a busy machine takes its time."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """End what takes too long."""
    for number, kind, seconds in TIMERS:
        signal.signal(number, too_long)
        signal.setitimer(kind, seconds)
    try:
        yield
    finally:
        for _, kind, _ in TIMERS:
            signal.setitimer(kind, 0)


def restore(after: dict[str, int], before: dict[str, int]) -> None:
    """Bring the folder back to what it was."""
    for path in sorted(set(after) - set(before), reverse=True):
        shutil.rmtree(path) if Path(path).is_dir() and not Path(path).is_symlink() else Path(path).unlink()
    if any(after.get(path) != time for path, time in before.items()):
        shutil.rmtree("runs", ignore_errors=True)
        shutil.copytree(Path.cwd().with_name(f"{Path.cwd().name}-kept"), "runs")


def run_lines(numbers: range, say: bool = False) -> list[str]:
    """The faults of these command lines, run in this process."""
    faults, here = [], Path.cwd()
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        try:
            folder = Path(place).resolve() / "here"
            folder.mkdir()
            keys = prepare(folder)
            for number in numbers:
                command, arguments = command_line(number, keys)
                if say:
                    print(number, flush=True)
                if fault := fault_of(command, arguments):
                    faults.append(f"{number}: {command} {shlex.join(arguments)[:600]}\n{fault[-3000:]}")
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(environment)
    return faults


def main() -> int:
    """Run the command lines; returns 1 where one did not end as it should."""
    parser = argparse.ArgumentParser(description="Run random command lines.")
    parser.add_argument("count", nargs="?", type=int, default=5000)
    parser.add_argument("first", nargs="?", type=int, default=0)
    parser.add_argument("--here", action="store_true", help="in this process, telling each number")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.count)
    if options.here:
        faults = run_lines(numbers, say=True)
        print(*faults, sep="\n", file=sys.stderr)
        return 1 if faults else 0
    bad = 0
    for start in numbers[::CHUNK]:
        stop = min(start + CHUNK, numbers.stop)
        while start < stop:
            command = [sys.executable, __file__, str(stop - start), str(start), "--here"]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode:
                bad += 1
                print(done.stderr.strip(), flush=True)
            told = [int(line) for line in done.stdout.split() if line.isdigit()]
            if done.returncode in (0, 1):
                break
            # The process died: of what, its last number says; the others are still to be run.
            start = told[-1] + 1 if told else stop
            print(f"{start - 1}: the process ended with status {done.returncode}", flush=True)
        print(f"{stop - numbers.start} of {len(numbers)} command lines", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
