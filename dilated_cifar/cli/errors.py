"""From exceptions to one line on stderr and an exit status."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from dilated_cifar.cli.choices import fault, file_of, yaml_fault
from dilated_cifar.config.base import nearest_first, shortened
from dilated_cifar.config.messages import describe
from dilated_cifar.errors import Interrupted, ProcessError, RunError, UserError, printable
from dilated_cifar.processes import launched, leads

LONGEST_WORD, LONGEST_LINE = 400, 1_500
"""Characters of a word and of a line that are printed; longer ones are cut."""
PARSERS = ("hydra", "omegaconf", "antlr4", "yaml", "logging", "hydra_plugins")
"""Packages that only ever see what the user wrote: what they raise is told in one line."""

CLOSING = {"[": "]", "{": "}", "(": ")"}
SIGNS = {"[": "bracket", "{": "brace", "(": "parenthesis", "'": "quote", '"': "quote"}


def guard(call: Callable[[], int], again: Callable[[], str]) -> int:
    """Call a command; what a user can mend is told in one line, and the exit status returned.

    Args:
        call: The command.
        again: Returns the command line for typing it again.
    """
    try:
        return call()
    except UserError as error:
        # Of several processes that all find the same, the first one says it.
        if leads() or isinstance(error, ProcessError):
            return fail(str(error), error.status)
        return error.status
    except Interrupted as stop:
        if leads():
            told = f"\nstopped; the state is saved in {stop.folder}; {remedy(again)}"
            print(printable(told), file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        return fail(f"interrupted; {remedy(again)}", 130) if leads() else 130
    except MemoryError:
        return fail("out of memory; write a smaller batch_size or network", RunError.status)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone; nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        return fail(f"{named}{error.strerror or error}; expected a file or folder to use", UserError.status)


def remedy(again: Callable[[], str]) -> str:
    """How to continue a run; what a launcher such as torchrun was called with is not known here."""
    return "the same command continues" if launched() else f"continue with: {again()}"


def fail(message: str, status: int) -> int:
    """Print `message` as one line on stderr and return `status`."""
    words = (word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}..." for word in message.split())
    print("error:", printable(shortened(" ".join(words), LONGEST_LINE)), file=sys.stderr)
    return status


class LineFormatter(logging.Formatter):
    """Log lines for a terminal or a file that is shown on one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, printable."""
        return printable(super().format(record))


def fail_for(faults: Sequence[str]) -> int:
    """Print what was wrong in an input that otherwise was used; returns the exit status."""
    return max((fail(fault, UserError.status) for fault in faults), default=0)


def explain(error: Exception, chosen: Iterable[tuple[str, str]], folders: Sequence[Path]) -> str | None:
    """What Hydra, OmegaConf or a YAML file's reader found wrong, in one line and plain terms.

    Args:
        error: What was raised while a configuration was composed.
        chosen: Group and name of each choice that was typed.
        folders: Where the YAML files of choices lie.

    Returns:
        None where it is none of the user's doing.
    """
    if isinstance(error, MarkedYAMLError):
        return yaml_fault(error)
    place = re.match(r"In '(?:(.+)/)?([^/]+?)': ", str(error))
    named = [(place[1] or "", place[2])] if place else []
    for group, name in [*named, *chosen]:
        if found := fault(group, name, folders):
            return found
    cause = error.__cause__ or error.__context__
    told = str(error)[place.end() if place else 0 :].partition("\n\n")[0]
    match error:
        case MissingConfigException(missing_cfg_file=str(missing), options=[*options]):
            group, _, name = missing.rpartition("/")
            expected = nearest_first(name, [option for option in options if option != "schema"])
            told = f"{group}={name}: expected {expected}"
        case OmegaConfBaseException():
            told = describe(error)
        case HydraException() if isinstance(cause, OmegaConfBaseException):
            told = describe(cause)
        case HydraException():
            pass
        case _ if raised_by(error) in PARSERS:
            told = f"{type(error).__name__}: {shortened(told)}; expected arguments that Hydra can read"
        case _:
            return None
    file = file_of(*named[0], folders) if named else None
    return f"{file}: {told}" if file and file.parent not in folders else told


def raised_by(error: Exception) -> str:
    """The package whose code raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]


def syntax_fault(override: str, reason: str) -> str:
    """What Hydra's grammar cannot read in an override, in plain words.

    Args:
        override: As typed.
        reason: What Hydra's parser found.
    """
    key, _, value = override.partition("=")
    if found := unbalanced(value):
        example = "all of it" if found == "unclosed quote" else f"lists as '{key}=[1,2,5]'"
        return f"{found} in {override}; write {example}, in quotes"
    if re.search(r"(^|[,\[{(:])\s*,|,\s*($|[\]})])", value):
        return f"a value is missing beside a comma in {override}; write a value on both sides of it"
    finding = reason.splitlines()[0]
    if unread := re.search(r"(?:at|input):? '(.+?)'(?: expecting|$)", finding):
        sign = unread[1].strip()[-1:] or " "
        return f"unexpected {sign} in {override}; write values with such signs in quotes: \"{key}='VALUE'\""
    return f"{override}: {finding}"


def unbalanced(value: str) -> str | None:
    """Which bracket or quote of a value is not closed, or closes none."""
    opened: list[str] = []
    quote = ""
    for sign in re.sub(r"\\.", "", value):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in CLOSING:
            opened.append(sign)
        elif sign in CLOSING.values() and (not opened or CLOSING[opened.pop()] != sign):
            return f"unmatched {sign}"
    return f"unclosed {SIGNS[quote or opened[-1]]}" if quote or opened else None
