"""What a run says while it goes: its lines on the screen and in train.log, and why it failed in error.txt."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from dilated_cifar.cli.errors import LineFormatter
from dilated_cifar.errors import UserError, one_line
from dilated_cifar.processes import leads
from dilated_cifar.runs.record import CONFIG, ERROR, LOG

logger = logging.getLogger("dilated_cifar")


@contextmanager
def console() -> Iterator[None]:
    """Show the project's log lines on stdout, above a progress bar where there is one."""
    from tqdm.contrib.logging import logging_redirect_tqdm

    handler = logging.StreamHandler(sys.stdout) if leads() else logging.NullHandler()
    handler.setFormatter(LineFormatter())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    logging.raiseExceptions = False  # a screen that is gone, or a full disk, is no reason for a traceback
    try:
        with logging_redirect_tqdm([logger]) if leads() else nullcontext():
            yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def log_file(folder: Path) -> Iterator[logging.Handler]:
    """Also append the log lines to the run's train.log."""
    handler = RunLog(folder / LOG, encoding="utf-8")
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()


class RunLog(logging.FileHandler):
    """A run's train.log; where it can no longer be written, the run goes on without."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's own names
        """Say once, on the screen, that no further lines are kept."""
        logger.removeHandler(self)
        logger.warning("%s: cannot be written (%s); it ends here", self.baseFilename, sys.exc_info()[1])


@contextmanager
def refusal_file(folder: Path | None) -> Iterator[None]:
    """Leave why a job of a sweep was refused in its folder, unless a run is there already."""
    try:
        yield
    except UserError as error:
        if folder is not None and not (folder / CONFIG).exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ERROR).write_text(f"{one_line(error)}\n", encoding="utf-8")
        raise


@contextmanager
def error_file(folder: Path, log: logging.Handler) -> Iterator[None]:
    """Leave what goes wrong in the run's error.txt: one line, and the traceback where it is a bug.

    The line goes to the run's log too; the screen has it from whoever catches the error.
    """
    path = folder / ERROR
    path.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        details = "" if isinstance(error, UserError) else "\n" + traceback.format_exc()
        with suppress(OSError):  # of a full disk or a folder that is gone the error itself tells
            path.write_text(f"{one_line(error)}\n{details}", encoding="utf-8")
        message = ("failed: %s", (one_line(error),))
        log.handle(logging.LogRecord(logger.name, logging.ERROR, __file__, 0, *message, None))
        raise
