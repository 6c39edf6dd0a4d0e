"""Stopping between two steps instead of inside one."""

import signal
from types import FrameType, TracebackType
from typing import Self

from dilated_cifar.processes import launched


class StopSignals:
    """While entered, the first Ctrl-C or SIGTERM only sets `received`; a second one acts at once.

    Not under a launcher such as torchrun, which passes on what a terminal has sent to all processes already,
    and itself ends those that take long.
    """

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> Self:
        self._previous = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        if not launched():
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
