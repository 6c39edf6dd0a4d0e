"""Keep the finished runs of a study in the repository, and put them back so that its sweep goes on.

`python docs/keep_runs.py outputs/STUDY` copies what `compare` reads of each finished run, some 20 kB, to
docs/results/runs/STUDY: configuration, curves, summary, test predictions and starts, without checkpoints and
TensorBoard's events. `python docs/keep_runs.py --back STUDY` copies them to outputs/STUDY, where the command
that trained them reports them as finished and trains what is missing.
"""

import argparse
import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from dilated_cifar.comparison.collect import find_run_folders
from dilated_cifar.config.run import Config, differing_keys
from dilated_cifar.config.store import to_config
from dilated_cifar.errors import UserError
from dilated_cifar.runs.atomic import write_text
from dilated_cifar.runs.reading import read_config, read_run, read_sessions
from dilated_cifar.runs.record import (
    METRICS,
    PREDICTIONS,
    STUDY,
    SUMMARY,
    LeftOut,
    Session,
)
from dilated_cifar.runs.writing import write_config, write_sessions

RUNS = Path(__file__).parent / "results" / "runs"


COPIED = (METRICS, SUMMARY, PREDICTIONS)
"""Files that are kept as they are; the configuration and the starts lose what is of one machine alone."""


@dataclass(frozen=True)
class Record:
    """What study.json says of a kept study."""

    commands: list[str]
    """With which the runs were started, each once."""
    sha256: dict[str, str]
    """Of every file, by its path below the study."""


def keep(study: Path, kept: Path) -> list[str]:
    """Copy the finished runs below the folder of a sweep into `kept`; what is kept already stays as it is.

    Returns:
        A line for each run that is not kept, with the reason.

    Raises:
        UserError: there is no run, or another one is kept under the name of one.
    """
    left_out, before = [], record_of(kept)
    commands = before.commands if before else []
    for folder, _ in find_run_folders(study):
        name = folder.relative_to(study).as_posix()
        if name == ".":
            raise UserError(f"{study}: is a run; expected the folder of a sweep, such as outputs/SWEEP")
        faults: list[str] = []
        run = read_run(folder, name, faults)
        if isinstance(run, LeftOut) or faults:
            reason = f"{run.status}: {run.reason}" if isinstance(run, LeftOut) else faults[0]
            left_out.append(f"{name}: {reason}")
            continue
        keep_run(folder, kept / name)
        commands += [session.command for session in read_sessions(kept / name)]
    if any(kept.glob(f"**/{SUMMARY}")):
        record = Record(list(dict.fromkeys(commands)), dict(digests(kept)))
        write_text(kept / STUDY, json.dumps(asdict(record), indent=1) + "\n")
    return left_out


def keep_run(folder: Path, kept: Path) -> None:
    """Copy one finished run, unless it is kept already.

    Raises:
        UserError: another one is kept there.
    """
    if kept.exists():
        unlike = [name for name in COPIED if (kept / name).read_bytes() != (folder / name).read_bytes()]
        if unlike or differing_keys(read_config(kept), read_config(folder)):
            raise UserError(f"{kept}: another run is kept there; remove it first, or keep this one elsewhere")
        return
    kept.mkdir(parents=True)
    write_config(kept, of_any_machine(to_config(read_config(folder))))
    write_sessions(kept, [without_host(each) for each in read_sessions(folder)])
    for name in COPIED:
        shutil.copyfile(folder / name, kept / name)


def of_any_machine(config: Config) -> Config:
    """A configuration without the folders of the machine that it ran on."""
    data = config.data
    if any(each.name == "root" for each in fields(data)):
        data = replace(data, root=None)  # type: ignore[call-arg]  # it has the field
    return replace(config, data=data, output_dir=Config.output_dir)


def without_host(session: Session) -> Session:
    """A start without the name of its computer and the folder of its program."""
    program, *arguments = shlex.split(session.command)
    return replace(session, host="", command=shlex.join([Path(program).name, *arguments]))


def put_back(kept: Path, study: Path) -> list[str]:
    """Copy kept runs to where their sweep looks for them; what is there already is left alone.

    Returns:
        The names of the runs that are there already.

    Raises:
        UserError: there is no such study, or a file is not as it was kept.
    """
    if fault := next(changes(kept), None):
        raise UserError(fault)
    there = []
    for folder, _ in find_run_folders(kept):
        name = folder.relative_to(kept)
        if (study / name).exists():
            there.append(name.as_posix())
        else:
            shutil.copytree(folder, study / name)
    return there


def changes(kept: Path) -> Iterator[str]:
    """What of a study is not as it was kept, one line each."""
    record, found = record_of(kept), dict(digests(kept))
    if record is None:
        yield f"{kept}: no {STUDY}; expected a study that keep_runs.py kept"
        return
    expected = record.sha256
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            state = "missing" if name not in found else "changed" if name in expected else "not of the study"
            yield f"{kept / name}: {state}; expected the files as {STUDY} lists them"


def record_of(kept: Path) -> Record | None:
    """What study.json says; None where there is none."""
    path = kept / STUDY
    return Record(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def digests(kept: Path) -> Iterator[tuple[str, str]]:
    """The SHA-256 of every file of a study, by its path below it."""
    for path in sorted(kept.rglob("*")):
        if path.is_file() and path.name != STUDY:
            yield path.relative_to(kept).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
    """Keep a study, or put one back; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", help="outputs/STUDY; with --back the name of a kept one")
    parser.add_argument("--back", action="store_true", help="put kept runs back into outputs")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where runs are put back")
    arguments = parser.parse_args(argv)
    name = Path(arguments.study).name
    kept, study = RUNS / name, arguments.outputs / name
    try:
        if arguments.back:
            for run in put_back(kept, study):
                print(f"{study / run}: there already, left as it is")
            record = record_of(kept)
            assert record is not None
            print(f"{study}: as kept; the same command goes on:", *record.commands, sep="\n  python ")
        else:
            for line in keep(Path(arguments.study), kept):
                print(f"not kept: {line}")
            print(f"{kept}: {sum(1 for _ in kept.glob(f'**/{SUMMARY}'))} runs")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
