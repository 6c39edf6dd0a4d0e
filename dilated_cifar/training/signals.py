"""Stopping between two steps instead of inside one, and between two runs."""

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


class LastingInterrupt:
    """While entered, Ctrl-C raises KeyboardInterrupt as ever, and can be raised again later.

    For Python only reports, and drops, what is raised while it clears an object up. Where Ctrl-C is ignored,
    as in the background of a shell, it still is.
    """

    def __init__(self) -> None:
        self.received = False

    def __enter__(self) -> Self:
        self._previous = signal.getsignal(signal.SIGINT)
        if self._previous is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        signal.default_int_handler(number, frame)

    def raise_again(self) -> None:
        """Raise the KeyboardInterrupt that has not ended what is entered, if there was one."""
        if self.received:
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)
