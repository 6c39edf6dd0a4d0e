"""The output folder of a comparison."""

from pathlib import Path

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.errors import UserError
from dilated_cifar.report.figures import write_figures
from dilated_cifar.report.files import write_tables
from dilated_cifar.report.page import render
from dilated_cifar.report.tables import tables
from dilated_cifar.runs.record import write_text

MARK = "comparison.json"


def prepare(folder: Path) -> None:
    """Make the output folder, or see that an earlier comparison may be replaced there.

    Raises:
        UserError: it cannot be written, or holds files of something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = any(folder.iterdir()) and not (folder / MARK).is_file()
        if foreign:
            raise UserError(f"output={folder}: holds files that are not a comparison's; write output=OTHER")
        (folder / ".probe").touch()
        (folder / ".probe").unlink()
    except OSError as error:
        raise UserError(
            f"output={folder}: cannot be written ({error.strerror}); write output=FOLDER"
        ) from error


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write tables, figures and the page into a prepared folder."""
    write_tables(comparison, tables(comparison), folder)
    write_figures(comparison, folder / "figures")
    write_text(folder / "report.html", render(comparison, folder))
