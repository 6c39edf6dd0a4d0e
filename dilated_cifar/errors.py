"""What a user is meant to read instead of a traceback."""

import re
from pathlib import Path


class UserError(ValueError):
    """Bad input: one line with the value, what was expected and what to write instead.

    The entries print it on stderr and exit with `status`; everything else that is raised is a bug.
    """

    status = 2


class RunError(UserError):
    """A run that could not go on although its input was valid, such as one whose loss is not finite."""

    status = 1


class ProcessError(RunError):
    """What went wrong in one of several processes, and not in the others alike."""


class ContactError(ProcessError):
    """Another process ended or does not answer; that one knows why."""


class Interrupted(KeyboardInterrupt):
    """A run that was asked to stop, and saved its state before it did."""

    def __init__(self, signal: int, folder: Path) -> None:
        super().__init__(f"stopped by signal {signal}; the state is saved in {folder}")
        self.status = 128 + signal
        self.folder = folder


def printable(text: str) -> str:
    """A text of unknown origin, for a terminal or TensorBoard, without what they would obey and not show.

    That is control characters (line breaks and tabs apart), such as those that begin escape sequences, marks
    that reverse the order of what follows, and bytes that are no text.
    """
    return UNPRINTABLE.sub("\ufffd", text)


UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(error: Exception) -> str:
    """What went wrong, and for a bug its kind."""
    message = " ".join(str(error).split())
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"
