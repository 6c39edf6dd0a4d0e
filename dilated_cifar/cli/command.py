"""What all commands do alike: read their arguments, answer options and compose a configuration."""

import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra  # private, but the type of the public GlobalHydra's attribute
from hydra._internal.utils import get_args_parser
from hydra.conf import RuntimeConf
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dilated_cifar.cli.arguments import Arguments, Command
from dilated_cifar.cli.choices import conf_folder, fault
from dilated_cifar.cli.engines import missing_engine, register_engines
from dilated_cifar.cli.errors import explain, guard
from dilated_cifar.cli.help import print_help
from dilated_cifar.cli.naming import command_line
from dilated_cifar.cli.overrides import quoted, read_arguments
from dilated_cifar.config.store import GROUPS, register_schemas
from dilated_cifar.errors import UserError
from dilated_cifar.registry import offered

Schema = TypeVar("Schema")


@dataclass(frozen=True)
class Composer:
    """Hydra, and what it is to compose."""

    hydra: Hydra
    name: str
    overrides: list[str]

    def compose(self) -> DictConfig:
        """The configuration of a single run, Hydra's own part under `hydra`."""
        composed = self.hydra.compose_config(self.name, self.overrides, RunMode.RUN)
        require_schemas(composed, composed.hydra.runtime)
        return composed


def prepare_environment() -> None:
    """Say how torch shall wait and take memory; only before it is imported."""
    # Threads that spin for long while they wait for each other take the cores from other programs and from
    # themselves; those that sleep at once wake too late for the short waits of a step.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Large tensors in huge pages: a step that gives its feature maps back takes them again more cheaply.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def execute(command: Command, run: Callable[[Arguments], int], argv: Sequence[str] | None) -> int:
    """Run a command with the arguments of this process, or with `argv`; returns its exit status."""
    typed = sys.argv[1:] if argv is None else list(argv)
    prepare_environment()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # LC_ALL=C cannot show every character of a table

    def call() -> int:
        arguments = read_arguments(command, typed)
        status = answer_option(command, arguments)
        return run(arguments) if status is None else status

    return guard(call, again=lambda: command_line(command.name, *typed))


def answer_option(command: Command, arguments: Arguments) -> int | None:
    """Print what an option asks for in place of a run; returns the exit status, None without such an option.

    Raises:
        UserError: options that exclude each other, or that this command lacks.
    """
    options = arguments.options
    if options.experimental_rerun:
        raise UserError("--experimental-rerun: not offered; write config=outputs/NAME/config.yaml name=OTHER")
    names = ("help", "hydra_help", "cfg", "info", "shell_completion")
    asked = ["--" + name.replace("_", "-") for name in names if getattr(options, name)]
    if options.multirun and asked not in ([], ["--help"]):
        asked.append("--multirun")
    if len(asked) > 1:
        raise UserError(f"{' '.join(asked)}: expected one of these options")
    if options.resolve and not options.cfg:
        raise UserError("--resolve: expected --cfg job beside it")
    if options.multirun and not command.sweeps:
        meant = command_line(command.name, *arguments.typed_for_one)
        raise UserError(f"-m: {command.name} makes no sweeps; write: {meant}")
    if not asked:
        return None
    with composing(command, arguments) as composer:
        hydra, name, overrides = composer.hydra, composer.name, composer.overrides
        if options.help:
            return print_help(command, composer.compose(), folders(arguments))
        if options.hydra_help:
            hydra.hydra_help(name, get_args_parser(), options)
        elif options.cfg:
            hydra.show_cfg(name, overrides, options.cfg, options.package, options.resolve)
        elif options.info:
            composer.compose()  # tells a fault in one line, which Hydra would print over many
            hydra.show_info(options.info, name, overrides)
        else:
            require_completion(options.overrides)
            hydra.shell_completion(name, options.overrides)
    return 0


def require_completion(overrides: Sequence[str]) -> None:
    """Raise a UserError unless what stands beside --shell-completion is what Hydra takes there."""
    if not any(re.fullmatch(r"(install|uninstall|query)=(bash|fish|zsh)", each) for each in overrides):
        raise UserError(
            "--shell-completion: expected install=SHELL or uninstall=SHELL, one of bash, fish, zsh"
        )


@contextmanager
def composing(command: Command, arguments: Arguments) -> Iterator[Composer]:
    """Hydra, ready to compose the configuration that the arguments ask for.

    Raises:
        UserError: something does not fit; also for what Hydra raises inside.
    """
    try:
        register_schemas()
        register_engines()
        main, *others = folders(arguments)
        name = arguments.saved.name if arguments.saved else arguments.options.config_name or command.config
        overrides = [*arguments.overrides, *command.settings(arguments)]
        if others:
            overrides.append(f"hydra.searchpath=[{','.join(quoted(f'file://{other}') for other in others)}]")
        with initialize_config_dir(str(main), job_name=command.name, version_base="1.3"):
            hydra = GlobalHydra.instance().hydra
            assert hydra is not None
            yield Composer(hydra, name, overrides)
    except UserError:
        raise
    except Exception as error:
        chosen = [(override.key_or_group, str(override.value())) for override in arguments.parsed]
        told = missing_engine(error) or explain(error, chosen, folders(arguments))
        if told is None:
            raise
        raise UserError(told) from error


def compose(command: Command, arguments: Arguments, schema: type[Schema]) -> Schema:
    """The checked configuration of a command that runs once.

    Raises:
        UserError: an argument or a YAML file does not fit, or several values are typed for one key.
    """
    if arguments.swept:
        override = arguments.swept[0]
        first = "VALUE"
        with suppress(HydraException):  # some sweeps, such as glob(*) and interval(0,1), name no values
            first = next(override.sweep_string_iterator(), first)
        meant = shlex.quote(f"{override.key_or_group}={first}")
        raise UserError(f"{override.input_line}: expected one value; write {meant}")
    with composing(command, arguments) as composer:
        config = OmegaConf.to_object(composer.hydra.get_sanitized_cfg(composer.compose(), "job"))
    if not isinstance(config, schema):
        name = arguments.options.config_name or command.config
        raise UserError(f"{name}.yaml: names no schema; write defaults: [/schema/{command.config}@_here_]")
    return config


def folders(arguments: Arguments) -> list[Path]:
    """Where YAML files are looked for: the project's, then the user's own and those of plugins."""
    options = arguments.options
    main = Path(options.config_path).resolve() if options.config_path else conf_folder()
    own = [Path(options.config_dir).resolve()] if options.config_dir else []
    if own and not own[0].is_dir():
        raise UserError(f"--config-dir={options.config_dir}: no such folder")
    return [arguments.saved.parent if arguments.saved else main, *own, *offered()]


def require_schemas(composed: DictConfig, runtime: RuntimeConf) -> None:
    """Raise a UserError where the YAML file of a choice names no schema, so that nothing checked its keys."""
    for group, name in runtime.choices.items():
        if group in GROUPS and name and OmegaConf.is_missing(composed[group], "family"):
            places = [Path(source.path) for source in runtime.config_sources if source.schema == "file"]
            raise UserError(fault(group, name, places) or f"{group}={name}: its YAML file names no schema")
