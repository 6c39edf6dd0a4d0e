"""The output folder of a comparison."""

import tempfile
from pathlib import Path

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.errors import UserError
from dilated_cifar.report.charts import section_charts
from dilated_cifar.report.figures import write_figures
from dilated_cifar.report.files import write_tables
from dilated_cifar.report.page import MAX_CHARTED, render
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
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"output={folder}: cannot be written ({error.strerror}); write output=FOLDER"
        ) from error


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write tables, figures and the page into a prepared folder."""
    charts = [section_charts(figures) for figures in comparison.sections[:MAX_CHARTED]]
    write_tables(comparison, folder)
    write_figures(comparison, charts, folder / "figures")
    write_text(folder / "report.html", render(comparison, charts, folder))
