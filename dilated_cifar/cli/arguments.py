"""The words of a command line, before Hydra reads them."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from dilated_cifar.config.run import LOCAL_KEYS
from dilated_cifar.errors import UserError

PATH_KEYS = ("checkpoint", "run", "images", "output", "output_dir", "name", "data.root", "config")
LONGEST_NAME = 120


def conf_folder() -> Path:
    """Where the YAML files are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def is_override(word: str) -> bool:
    """Whether a word is `key=value`, `+key=value` or `~key`, and no option or option's value."""
    return bool(re.match(r"[+~]{0,2}[A-Za-z_][\w./@:-]*=|~[A-Za-z_]", word))


def quote_paths(words: Iterable[str]) -> list[str]:
    """The words, with the values of keys that name files quoted.

    Hydra's grammar gives commas, equals signs and brackets a meaning that they lack in file names.
    """
    return [quote_path(word) for word in words]


def quote_path(word: str) -> str:
    """One word as in `quote_paths`."""
    key, equals, value = word.partition("=")
    if key not in PATH_KEYS or not value or value[0] in "'\"[" or value == "null":
        return word
    return f"{key}{equals}{quoted(value)}"


def quoted(value: str) -> str:
    """A string as Hydra's grammar reads it whatever it holds."""
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", value).replace("'", "\\'")
    return f"'{escaped}'"


def gather(words: Iterable[str], key: str) -> list[str]:
    """The words, with `KEY=A B C` (as a shell expands `KEY=A` and a pattern) as one list of files."""
    files: list[str] = []
    rest: list[str] = []
    follows = False
    for word in words:
        if word.startswith(f"{key}=") and not word.startswith(f"{key}=["):
            files.append(word.removeprefix(f"{key}="))
            follows = True
        elif follows and not is_override(word) and not word.startswith("-"):
            files.append(word)
        else:
            rest.append(word)
            follows = False
    return [*rest, f"{key}=[{','.join(quoted(file) for file in files)}]"] if files else rest


def override_value(words: Iterable[str], key: str) -> str | None:
    """The value that the last `key=value` among the words gives, unquoted, or None."""
    values = [word.partition("=")[2] for word in words if word.startswith(f"{key}=")]
    return values[-1].strip("'\"") if values else None


def saved_config_words(words: Sequence[str]) -> list[str]:
    """The words with `config=FILE` replaced by Hydra's options for composing from that file.

    Raises:
        UserError: there is no such file.
    """
    file = override_value(words, "config")
    if file is None:
        return list(words)
    path = Path(file).resolve()
    if not path.is_file() or path.suffix != ".yaml":
        raise UserError(f"config={file}: no such file; expected outputs/NAME/config.yaml or another .yaml")
    rest = [word for word in words if not word.startswith("config=")]
    return ["--config-path", str(path.parent), "--config-name", path.name, *rest]


def fixed_keys(words: Iterable[str]) -> set[str]:
    """The keys to which the overrides among the words give one value and no sweep."""
    overrides = OverridesParser.create().parse_overrides([word for word in words if is_override(word)])
    return {override.key_or_group for override in overrides if not override.is_sweep_override()}


def run_name(overrides: Iterable[str], default: str) -> str:
    """A legible folder name, the same for the same choices in any order.

    The model and the experiment come first, by their names alone; what else was chosen follows as
    key-value, joined by two underscores. Keys that do not change what a run computes are left out, as is what
    Hydra itself is told. Only characters are used that shells and Hydra leave alone.

    Args:
        overrides: As typed, such as `seed=1` and `model.dilations=[1,2,3]`.
        default: The name where nothing is chosen.
    """
    parts = [split_override(word) for word in overrides]
    chosen = {key: value for key, value in parts if key not in LOCAL_KEYS and not is_hydras(key)}
    first = [clean(chosen.pop(key)) for key in ("model", "experiment") if key in chosen]
    rest = [f"{key.rpartition('.')[2]}-{clean(value)}" for key, value in sorted(chosen.items())]
    name = "__".join([*first, *rest]) or default
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def is_hydras(key: str) -> bool:
    """Whether a key is Hydra's own, such as `hydra/launcher` and `hydra.launcher.n_jobs`."""
    return key.startswith(("hydra.", "hydra/"))


def split_override(word: str) -> tuple[str, str]:
    """Key and value of an override."""
    key, _, value = word.partition("=")
    return key.lstrip("+~"), value


def clean(value: str) -> str:
    """A value in characters that file names can hold: `[1,2,5]` gives `1-2-5`."""
    return re.sub(r"[^A-Za-z0-9._+]+", "-", value).strip("-.") or "none"
