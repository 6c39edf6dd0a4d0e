import contextlib
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from dilated_cifar.cli.compare import main
from dilated_cifar.runs.folder import Found, found_in

ROOT = Path(__file__).resolve().parents[2]
COMPARE = ROOT / "scripts" / "compare.py"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120", "PYTHONPATH": str(ROOT)}


Ran = subprocess.CompletedProcess[str]
Compare = Callable[..., Ran]


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Compare:
    """The command, in this process: importing its libraries anew takes longer than what it does."""

    def call(*arguments: object) -> Ran:
        monkeypatch.setenv("COLUMNS", "120")
        status = main([str(each) for each in arguments])
        return Ran(arguments, status, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four real runs, of two networks and two seeds."""
    parent = tmp_path_factory.mktemp("trained")
    sizes = ["data.train=200", "data.test=100", "data.validation=100", "data.train_subset=100"]
    subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "-m", "model=plain,dilated_125", "seed=0,1", "data=spacing",
         "experiment=demo", "epochs=1", "batch_size=50", *sizes, "name=tiny", "threads=1",
         "progress=false", f"output_dir={parent}"],
        env=ENVIRONMENT, cwd=parent, capture_output=True, check=True,
    )  # fmt: skip
    return parent / "tiny"


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Path:
    """A copy of the real runs, to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "sweep"))


def run_of(sweep: Path, name: str, seed: int) -> Path:
    (found,) = [path for path in sweep.glob(f"{name}_*") if path.name.endswith(f"seed-{seed}")]
    return found


def errors(ran: Ran) -> list[str]:
    assert "Traceback" not in ran.stderr
    return [line for line in ran.stderr.splitlines() if line.startswith("error:")]


def test_one_command_compares_a_real_sweep(compare: Compare, sweep: Path) -> None:
    ran = compare(sweep)
    assert (ran.returncode, ran.stderr) == (0, "")
    for part in ("plain", "dilated_125", "(baseline)", "94,762", "McNemar", "Highest mean test accuracy"):
        assert part in ran.stdout, part
    output = sweep / "comparison"
    assert f"report: {output / 'report.html'}" in ran.stdout
    groups = pd.read_csv(output / "groups.csv")
    assert groups["group"].tolist() == ["plain", "dilated_125"]
    assert groups["overfitting"].tolist() == ["too few epochs to tell"] * 2
    assert groups["overfitting_runs"].isna().all()
    assert groups["seeds"].tolist() == ["0 1", "0 1"]
    assert groups["receptive_field"].tolist() == [7, 17]
    assert {path.name for path in (output / "figures").glob("curves.*")} == {"curves.png", "curves.svg"}


def test_again_replaces_the_comparison_and_does_not_count_it_as_runs(compare: Compare, sweep: Path) -> None:
    assert compare(sweep).returncode == 0
    again = compare(sweep, "baseline=dilated_125")
    assert (again.returncode, again.stderr) == (0, "")
    groups = pd.read_csv(sweep / "comparison" / "groups.csv")
    assert groups.set_index("group")["baseline"].to_dict() == {
        "plain": False, "dilated_125": True
    }  # fmt: skip


def test_choices_are_typed_as_keys_and_paths_as_they_are(
    compare: Compare, sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = compare("sweep", "group_by=model.dilations", "accuracies=0.01,2%", "output=out")
    assert ran.returncode == 0
    assert "to_0.01" in "".join(pd.read_csv(tmp_path / "out" / "groups.csv").columns)
    assert not (sweep / "comparison").exists()


def test_single_run_folders_may_be_given(compare: Compare, sweep: Path) -> None:
    one, other = run_of(sweep, "plain", 0), run_of(sweep, "dilated_125", 0)
    ran = compare(one, other)
    assert ran.returncode == 0
    assert (sweep / "comparison" / "report.html").is_file()
    assert not (one / "comparison").exists()
    assert "one seed: no interval" in ran.stdout
    assert ran.stdout.count("whether other seeds agree is not known") == 1
    assert "<details open><summary>Single runs" in (sweep / "comparison" / "report.html").read_text()


def test_a_single_run_is_shown_inside_it_and_stays_a_run(compare: Compare, sweep: Path) -> None:
    run = run_of(sweep, "plain", 0)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    ran = compare(run)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "One run only, plain: test accuracy" in ran.stdout
    assert (run / "comparison" / "report.html").is_file()
    assert {path: path.read_bytes() for path in before} == before
    assert found_in(run) is Found.FINISHED
    assert found_in(run / "comparison") is Found.NOTHING
    assert compare(sweep).returncode == 0
    assert len(pd.read_csv(sweep / "comparison" / "runs.csv")) == 4


def test_unfinished_and_failed_runs_are_listed_and_the_rest_compared(compare: Compare, sweep: Path) -> None:
    (run_of(sweep, "plain", 0) / "summary.json").unlink()
    failed = run_of(sweep, "dilated_125", 0)
    (failed / "summary.json").unlink()
    (failed / "error.txt").write_text("loss is not finite in epoch 1\n")
    ran = compare(sweep)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "not compared: 2 run folders" in ran.stdout
    assert re.search(r"unfinished: sweep/plain_.*1 of 1 epochs", ran.stdout)
    assert re.search(r"failed: sweep/dilated_125_.*loss is not finite in epoch 1", ran.stdout)
    left_out = pd.read_csv(sweep / "comparison" / "left_out.csv")
    assert sorted(left_out["status"]) == ["failed", "unfinished"]


@pytest.mark.parametrize("case", ["empty", "other files", "missing", "a file"])
def test_a_wrong_path_is_one_line_and_status_2_and_the_rest_is_compared(
    compare: Compare, sweep: Path, tmp_path: Path, case: str
) -> None:
    wrong = tmp_path / "wrong"
    if case == "empty":
        wrong.mkdir()
    elif case == "other files":
        (wrong / "deep").mkdir(parents=True)
        (wrong / "deep" / "notes.txt").write_text("x")
    elif case == "a file":
        wrong.write_text("x")
    ran = compare(wrong, sweep)
    assert ran.returncode == 2
    (error,) = errors(ran)
    assert str(wrong) in error
    assert len(ran.stderr.splitlines()) == 1
    assert (sweep / "comparison" / "report.html").is_file()
    alone = compare(wrong)
    assert (alone.returncode, len(alone.stderr.splitlines()), alone.stdout) == (2, 1, "")


def test_a_truncated_metrics_file_is_one_line_and_the_run_still_counts(compare: Compare, sweep: Path) -> None:
    metrics = run_of(sweep, "plain", 1) / "metrics.csv"
    metrics.write_text(metrics.read_text()[:-30])
    ran = compare(sweep)
    assert ran.returncode == 2
    (error,) = errors(ran)
    assert str(metrics) in error
    assert len(pd.read_csv(sweep / "comparison" / "runs.csv")) == 4


def test_runs_of_two_data_sets_are_compared_apart_and_the_key_is_named(compare: Compare, sweep: Path) -> None:
    for folder in sweep.glob("plain_*"):
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("family: spacing", "family: other"))
    ran = compare(sweep)
    assert ran.returncode == 0
    (note,) = ran.stderr.splitlines()
    assert note.startswith("note: ")
    assert "data.family (other | spacing)" in note
    groups = pd.read_csv(sweep / "comparison" / "groups.csv")
    assert groups["setting"].tolist() == ["data=other", "data=spacing"]


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("group_by=model.dilation", ["group_by=model.dilation: no such key", "that vary: model.dilations"]),
        ("baseline=[9,9,9]", ["baseline=[9,9,9]: expected", "plain"]),
        ("baseline=[9,9,9], x=1", ["baseline=[9,9,9], x=1: expected"]),
        ("groupby=seed", ["groupby: no such key", "group_by"]),
        ("accuracies=fast", ["accuracies=fast: expected shares"]),
        ("accuracies=1.5", ["accuracies=1.5: expected shares"]),
        ("output=", ["output=: expected a value"]),
        ("--verbose", ["--verbose: no such option"]),
    ],
)
def test_a_wrong_argument_is_one_line_and_status_2_and_writes_nothing(
    compare: Compare, sweep: Path, argument: str, parts: list[str]
) -> None:
    ran = compare(sweep, argument)
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert all(part in line for part in parts), line
    assert not (sweep / "comparison").exists()


def test_no_argument_at_all_says_what_to_write(compare: Compare) -> None:
    ran = compare()
    assert ran.returncode == 2
    assert ran.stderr == "error: no folder to compare: expected one of a sweep, such as outputs/SWEEP\n"


def test_a_folder_of_something_else_is_not_overwritten(compare: Compare, sweep: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "report.html").write_text("mine")
    ran = compare(sweep, f"output={foreign}")
    assert ran.returncode == 2
    assert "holds files that are not a comparison's" in errors(ran)[0]
    assert (foreign / "report.html").read_text() == "mine"


def test_only_unfinished_runs_are_listed_and_refused(compare: Compare, sweep: Path) -> None:
    for summary in sweep.glob("*/summary.json"):
        summary.unlink()
    ran = compare(sweep)
    assert ran.returncode == 2
    assert "not compared: 4 run folders" in ran.stdout
    assert errors(ran) == ["error: no finished run to compare: none of 4 run folders is finished"]


def test_the_script_shows_a_progress_bar_on_a_terminal_and_not_in_a_file(
    compare: Compare, sweep: Path
) -> None:
    assert "reading runs" not in compare(sweep).stderr
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, str(COMPARE), str(sweep)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=secondary) as process:
        os.close(secondary)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(primary, 1024):
                shown += part
        assert process.wait() == 0
    os.close(primary)
    assert b"reading runs" in shown
    assert b"4/4" in shown
