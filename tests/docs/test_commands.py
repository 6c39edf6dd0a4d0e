"""The commands on the pages: each one parses and composes as the program itself would."""

import importlib
import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import OmegaConf

from dilated_cifar.cli.overrides import read_arguments
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import register_schemas

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = sorted(
    {
        line.strip()
        for page in PAGES
        for block in re.findall(
            r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        for line in block.replace("\\\n", " ").splitlines()
    }
)


def starting(*first: str) -> list[list[str]]:
    """The arguments of the commands that start with these words."""
    words = [shlex.split(command) for command in COMMANDS]
    return [each[len(first) :] for each in words if tuple(each[: len(first)]) == first]


def joined(words: list[str]) -> str:
    return " ".join(words)


def values(override: Override) -> list[str]:
    """A sweep's overrides one by one; the ends of an interval; else the override itself."""
    if not override.is_sweep_override():
        return [override.input_line]
    key, found = override.get_key_element(), override.value()
    if isinstance(found, IntervalSweep):
        return [f"{key}={found.start}", f"{key}={found.end}"]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def jobs(words: list[str]) -> Iterator[list[str]]:
    """The overrides of every job of `python train.py`, Hydra's own left out."""
    own = [word for word in words if not word.startswith(("-", "hydra", "config="))]
    parsed = OverridesParser.create().parse_overrides(own)
    yield from map(list, itertools.product(*map(values, parsed)))


def test_the_pages_have_commands_of_every_kind() -> None:
    assert len(COMMANDS) > 40
    assert starting("make")
    assert starting("python", "scripts/localize.py")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_of_the_project_and_survives_any_shell(command: str) -> None:
    unquoted = re.sub(r"'[^']*'", "", command)
    assert not re.search(r"[][*?(){}!<>|&;$#]", unquoted), "zsh expands this or stops at it: quote it"
    program, script, *_ = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{script}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    elif program == "python":
        assert (ROOT / script).is_file()
    elif program == "source":
        assert script == ".venv/bin/activate"
    else:
        assert program == "tensorboard"


def own(words: list[str]) -> bool:
    """Whether a command has choices of a plugin or of a folder of the user's."""
    return any(word.startswith(("plugin=", "--config-dir")) for word in words)


@pytest.mark.parametrize(
    "words", [each for each in starting("python") if own(each) and "compare" not in each[0]], ids=joined
)
def test_every_command_with_a_plugin_composes(words: list[str]) -> None:
    # In a process of its own, for a plugin stays loaded. A run that the page makes is not here.
    script, *arguments = [word for word in words if word not in ("-m", "--help")]
    arguments = [re.sub(r"=([^\[]\w*),.*", r"=\1", word) for word in arguments]
    command = [sys.executable, script, *arguments, "--cfg", "job"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize(
    "words", [each for each in starting("python", "train.py") if not own(each)], ids=joined
)
def test_every_job_of_a_training_command_has_a_valid_configuration(
    words: list[str], make_config: Callable[..., Config]
) -> None:
    found = [make_config(*overrides) for overrides in jobs(words)]
    assert len(found) == 1 or "-m" in words
    assert len({str(config) for config in found}) == len(found)


def test_every_launcher_and_sweeper_takes_the_keys_it_is_given(require_engine: Callable[[str], None]) -> None:
    for engine in ("joblib_launcher", "submitit_launcher", "optuna_sweeper"):
        require_engine(engine)
    chosen = {
        tuple(word for word in words if word.startswith("hydra")) for words in starting("python", "train.py")
    }
    for words in filter(None, chosen):
        command = [sys.executable, "train.py", *words, "--cfg", "hydra"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert shown.returncode == 0, f"{joined(list(words))}: {shown.stderr}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *(("evaluate", words) for words in starting("python", "evaluate.py")),
        *(("explain", words) for words in starting("python", "scripts/explain.py") if not own(words)),
        *(("localize", words) for words in starting("python", "scripts/localize.py")),
        *(("export", words) for words in starting("python", "scripts/export.py")),
        *(("benchmark", words) for words in starting("python", "scripts/benchmark.py")),
    ],
    ids=lambda value: value if isinstance(value, str) else joined(value),
)
def test_every_other_command_has_a_valid_configuration(name: str, words: list[str]) -> None:
    overrides = read_arguments(importlib.import_module(f"dilated_cifar.cli.{name}").COMMAND, words).overrides
    register_schemas()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        assert OmegaConf.to_object(compose(name, overrides=overrides))


def test_the_keys_of_comparisons_are_known() -> None:
    shown = subprocess.run(
        [sys.executable, "scripts/compare.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for words in starting("python", "scripts/compare.py"):
        assert "=" not in words[0]
        for key in (word.partition("=")[0] for word in words[1:] if "=" in word):
            assert re.search(rf"^ +{key}\b", shown.stdout, re.MULTILINE), f"{key} is no key of compare.py"
