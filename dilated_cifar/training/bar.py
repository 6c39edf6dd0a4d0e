"""Progress that reads well on a terminal and in a file."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tqdm import tqdm

from dilated_cifar.percentages import percent
from dilated_cifar.progress import Steps

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 60.0


class Bar:
    """One bar over all images of a run; where stderr is no terminal, a line a minute instead."""

    def __init__(self, *, images: int, done: int, epochs: int, shown: bool) -> None:
        self._epochs, self._shown = epochs, shown
        self._bar = tqdm(
            total=images,
            initial=done,
            unit=" img",
            unit_scale=True,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining} left, {rate_noinv_fmt}{postfix}",
            mininterval=0.2,
            disable=None if shown else True,
        )
        self._lines = shown and self._bar.disable
        self._total, self._first, self._done = images, done, done
        self._start = self._next_look = time.monotonic()
        self._next_line = self._start + SECONDS_BETWEEN_LINES

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    @contextmanager
    def instead(self, what: str) -> Iterator[None]:
        """Show a line that moves, in the bar's place, while `what` is at work between the steps."""
        self._bar.clear()
        with Steps(shown=self._shown) as steps:
            steps.begin(what)
            yield
        self._bar.refresh()

    def advance(self, images: int) -> bool:
        """Count images; true where it is time to `show` new figures, five times a second at the most."""
        self._bar.update(images)
        self._done += images
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + 0.2
        return True

    def show(self, epoch: int, loss: float, accuracy: float) -> None:
        """Show the running figures of `epoch`, counted from 1."""
        self._bar.set_description(f"epoch {epoch}/{self._epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {loss:.3f}, accuracy {percent(accuracy, 1)}", refresh=False)
        now = time.monotonic()
        if self._lines and now >= self._next_line:
            self._next_line = now + SECONDS_BETWEEN_LINES
            rate = (self._done - self._first) / (now - self._start)
            left = tqdm.format_interval((self._total - self._done) / rate)
            logger.info(
                "epoch %d/%d, %s of the run: loss %.3f, accuracy %s, %.0f images/s, %s left",
                epoch, self._epochs, percent(self._done / self._total, 0), loss, percent(accuracy, 1),
                rate, left,
            )  # fmt: skip
