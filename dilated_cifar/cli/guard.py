"""From exceptions to one line on stderr and an exit status."""

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import OmegaConfBaseException

from dilated_cifar.config.base import nearest_first
from dilated_cifar.config.messages import describe
from dilated_cifar.errors import Interrupted, UserError


def guard(command: Callable[[], int]) -> int:
    """Run a command; what a user can mend is told in one line, and the exit status returned."""
    # Makes Hydra raise its errors instead of printing them over many lines and exiting with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        return command()
    except UserError as error:
        return fail(str(error), error.status)
    except (HydraException, OmegaConfBaseException) as error:
        return fail(explain(error), 2)
    except Interrupted as stop:
        print(
            f"\nstopped; the state is saved in {stop.folder}; continue with: {same_command()}",
            file=sys.stderr,
        )
        return stop.status
    except KeyboardInterrupt:
        return fail(f"interrupted; continue with: {same_command()}", 130)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone; nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def fail(message: str, status: int) -> int:
    """Print `message` as one line on stderr and return `status`."""
    print("error:", " ".join(message.split()), file=sys.stderr)
    return status


def same_command() -> str:
    """The command line that was typed, for typing it again."""
    program = Path(sys.argv[0])
    start = ["python", sys.argv[0]] if program.suffix == ".py" else [program.name]
    return shlex.join([*start, *sys.argv[1:]])


def explain(error: Exception) -> str:
    """What Hydra or OmegaConf found wrong, in one line and the user's words."""
    cause = error.__cause__
    match error:
        case MissingConfigException():
            group, _, name = (error.missing_cfg_file or "").rpartition("/")
            choices = [option for option in error.options or [] if option != "schema"]
            return f"{group}={name}: expected {nearest_first(name, choices)}"
        case OverrideParseException():
            reason = str(error).splitlines()[0]
            return (
                f"{error.override}: {reason}; write key=value, and lists in quotes: 'model.dilations=[1,2,5]'"
            )
        case OmegaConfBaseException():
            return describe(error)
        case ConfigCompositionException() if isinstance(cause, OmegaConfBaseException):
            return describe(cause)
    return re.sub(r"\s+", " ", str(error))
