"""`compare`: many runs in, one answer out."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.command import compose, execute
from dilated_cifar.cli.errors import fail
from dilated_cifar.config.compare import CompareConfig
from dilated_cifar.errors import UserError, printable
from dilated_cifar.progress import Steps
from dilated_cifar.runs.record import STUDY

COMMAND = Command(
    name="compare",
    config="compare",
    texts=("baseline", "output"),
    lists=("group_by", "accuracies"),
    runs="paths",
    help="""\
Compare finished runs: which group is better, by how much, and which overfit.

usage: {compare} FOLDER [FOLDER ...] [KEY=VALUE ...]

Every run below the folders is read; a FOLDER may be a single run. Runs that differ in nothing but the seed
are a group; of each group you get the mean over seeds with its 95% interval, and its difference to a baseline
over common seeds, or with one seed what the test images say of these runs. The folds of a cross-validation
(data.fold=0,1,2,3,4) are taken like seeds, with intervals for training sets that overlap. Runs of other data,
splits or epochs are compared separately. Runs that failed or did not finish are listed.

examples:
  {compare} outputs/sweep_dilations
  {compare} outputs/sweep_dilations group_by=model.dilations
  {compare} outputs/sweep_dilations 'baseline=[1,1,1]'
  {compare} outputs/lesson baseline=plain
  {compare} outputs/monday outputs/tuesday group_by=model.dilations,model.pool
  {compare} outputs/sweep_dilations accuracies=0.8,0.9 output=reports/dilations

written to the output folder:
  report.html          everything on one page that opens offline
  figures/             curves, accuracy against cost and field, confusion, as PNG and SVG
  *.csv                groups, differences, mcnemar, per_class, confusion, curves, runs, left_out, ...
  comparison.json      all of it

exit status: 0; 2 where something in the input is wrong, after comparing the rest
""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return execute(COMMAND, run, argv)


def run(arguments: Arguments) -> int:
    """Compare the runs below the folders.

    Raises:
        UserError: nothing can be compared, or the output folder cannot be written.
    """
    config = compose(COMMAND, arguments, CompareConfig)
    with Steps(shown=True) as steps:
        steps.begin("loading scipy and plotly")
        # Only now: everything above answers at once, importing these takes seconds.
        from dilated_cifar.comparison.collect import collect, folders_given, require_runs
        from dilated_cifar.comparison.comparison import compare
        from dilated_cifar.report.files import prepare, write_report
        from dilated_cifar.report.terminal import show, show_left_out

    paths = folders_given(config.paths)
    found = collect(paths)  # shows a bar of its own
    status = 0
    for fault in found.faults:
        status = fail(fault, UserError.status)
    if not found.runs:
        show_left_out(found.left_out)
    require_runs(found)
    with Steps(shown=True) as steps:
        steps.begin("comparing")
        comparison = compare(
            found, group_by=config.group_by, baseline=config.baseline, accuracies=config.shares
        )
    for note in comparison.notes:
        print(printable(f"note: {note}"), file=sys.stderr)
    runs = [run.folder for run in found.runs]
    folder = Path(config.output) if config.output else report_folder(paths, runs)
    prepare(folder)
    show(comparison, folder)
    with Steps(shown=True) as steps:
        steps.begin("drawing the report")
        write_report(comparison, folder)
    return status


def report_folder(paths: Sequence[Path], runs: Sequence[Path]) -> Path:
    """Where the report goes by default: into the first path that holds runs; of several runs, beside it.

    A study that is kept as a record stays as it is: its report goes to `outputs/compare/STUDY`.
    """
    first = next(path for path in paths if any(run.is_relative_to(path.resolve()) for run in runs))
    if any((parent / STUDY).is_file() for run in runs for parent in run.parents):
        return Path("outputs") / "compare" / first.resolve().name
    return (first.parent if first.resolve() in runs and len(paths) > 1 else first) / "comparison"
