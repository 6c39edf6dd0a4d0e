"""`python scripts/compare.py`: many runs in, one answer out."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dilated_cifar.cli.guard import fail, guard
from dilated_cifar.config.compare import CompareConfig, read_words
from dilated_cifar.errors import UserError

HELP = """\
Compare finished runs: which group is better, by how much, and which overfit.

usage: python scripts/compare.py FOLDER [FOLDER ...] [KEY=VALUE ...]

Every run below the folders is read. Runs that differ in nothing but the seed are a group; of each group you
get the mean over seeds with its 95% interval, and its difference to a baseline over common seeds. Runs of
other data, splits or epochs are compared apart. Runs that failed or did not finish are listed.

examples:
  python scripts/compare.py outputs/sweep_dilations
  python scripts/compare.py outputs/sweep_dilations group_by=model.dilations
  python scripts/compare.py outputs/sweep_dilations 'baseline=[1,1,1]'
  python scripts/compare.py outputs/monday outputs/tuesday group_by=model.dilations,model.pool
  python scripts/compare.py outputs/sweep_dilations accuracies=0.8,0.9 output=reports/dilations

keys:
  group_by    keys to group by, such as model.dilations or model.dilations,optimizer.lr;
              default: every key that differs between the runs, the seed apart
  baseline    the group that the others are compared with, by its label or a value in it;
              default: the first group of the table
  accuracies  held-out accuracies for which the time to reach them is given, such as 0.8,0.9;
              default: the three highest round ones that were reached
  output      folder to write to; default: FOLDER/comparison, of the first folder

written to the output folder:
  report.html          everything on one page that opens offline
  figures/             curves, accuracy against cost and field, confusion, as PNG and SVG
  *.csv                groups, differences, mcnemar, per_class, confusion, curves, runs, left_out, ...
  comparison.json      all of it

exit status: 0; 2 where something in the input is wrong, after comparing the rest
"""


def main() -> int:
    """Run the command; returns its exit status."""
    return guard(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Compare what the words ask for.

    Raises:
        UserError: nothing can be compared, a wrong word, or an output folder that cannot be written.
    """
    if "--help" in words or "-h" in words:
        print(HELP, end="")
        return 0
    config = read_words(words)
    # Only now: help and wrong words answer at once, importing pandas and scipy takes a second.
    from dilated_cifar.comparison.collect import collect
    from dilated_cifar.comparison.comparison import compare
    from dilated_cifar.report.files import prepare, write_report
    from dilated_cifar.report.terminal import show, show_left_out

    found = collect(config.paths)
    status = 0
    for fault in found.faults:
        status = fail(fault, UserError.status)
    if not found.runs:
        show_left_out(found.left_out)
        raise UserError(f"no finished run to compare: none of {len(found.left_out)} run folders is finished")
    comparison = compare(
        found, group_by=config.group_by, baseline=config.baseline, accuracies=config.accuracies
    )
    for note in comparison.notes:
        print(f"note: {note}", file=sys.stderr)
    folder = output_folder(config, [run.folder for run in found.runs])
    prepare(folder)
    show(comparison, folder)
    write_report(comparison, folder)
    return status


def output_folder(config: CompareConfig, runs: Sequence[Path]) -> Path:
    """Where the report goes: into the first path that holds runs, but not into a run."""
    if config.output is not None:
        return config.output
    first = next(path for path in config.paths if any(run.is_relative_to(path.resolve()) for run in runs))
    return (first.parent if first.resolve() in runs else first) / "comparison"
