"""Where a run's log lines and errors go: the screen, and files in its folder."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from dilated_cifar.errors import UserError, one_line
from dilated_cifar.runs.record import CONFIG, ERROR

logger = logging.getLogger("dilated_cifar")


@contextmanager
def console() -> Iterator[None]:
    """Show the project's log lines on stdout, above a progress bar where there is one."""
    handler = logging.StreamHandler(sys.stdout)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        with logging_redirect_tqdm([logger]):
            yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def log_file(folder: Path) -> Iterator[None]:
    """Also append the log lines to the run's train.log."""
    handler = logging.FileHandler(folder / "train.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


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
def error_file(folder: Path) -> Iterator[None]:
    """Leave what goes wrong in the run's error.txt: one line, and the traceback where it is a bug."""
    path = folder / ERROR
    path.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        details = "" if isinstance(error, UserError) else "\n" + traceback.format_exc()
        path.write_text(f"{one_line(error)}\n{details}", encoding="utf-8")
        logger.error("failed: %s", one_line(error))
        raise
