"""What a command is doing at the moment, on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


class Steps:
    """A line on stderr that names the step at work and how many are done; gone at the end.

    It moves while the step computes. Where stderr is no terminal, nothing is written.
    """

    def __init__(self, *, shown: bool) -> None:
        columns = (
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            disable=not (shown and sys.stderr.isatty()),
        )
        self._line = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Take the line away for good, before anything is printed."""
        self._bar.stop()

    def expect(self, steps: int) -> None:
        """Say how many steps there will be."""
        self._bar.update(self._line, total=steps)

    def begin(self, what: str) -> None:
        """Name the step that begins, such as `drn_c: on 200 test images`."""
        self._bar.update(self._line, description=what)

    def done(self) -> None:
        """Count the step that ends."""
        self._bar.advance(self._line)

    def next(self, what: str) -> None:
        """Count a step and name the next."""
        self.done()
        self.begin(what)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the line away while something else, such as a download, shows its own."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()
