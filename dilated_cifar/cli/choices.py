"""The YAML files of `conf/` and of a user's own folder: what they offer, and what is wrong with them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from dilated_cifar.config.base import nearest_first
from dilated_cifar.config.messages import describe
from dilated_cifar.extras import PACKAGE, installed


def conf_folder() -> Path:
    """Where the YAML files are: inside the installed package, or beside it in a checkout."""
    return (PACKAGE if installed() else PACKAGE.parent) / "conf"


def choices(folders: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Of every group, such as `model` and `hydra/launcher`, the names and files of what can be chosen."""
    found: dict[str, dict[str, Path]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/**/*.yaml")):
            # The launchers and sweepers are Hydra's, with defaults of our own.
            group = file.parent.relative_to(folder).as_posix().replace("engines/", "hydra/")
            found.setdefault(group, {}).setdefault(file.stem, file)
    return dict(sorted(found.items()))


def meaning(file: Path) -> str:
    """The comment that a YAML file begins with."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    says = [comment for comment in comments if not comment.startswith("@package")]
    return says[0] if says else f"({file} begins with no comment that says what it is)"


def file_of(group: str, name: str, folders: Sequence[Path]) -> Path | None:
    """The YAML file of a choice, or None."""
    files = [folder / group / f"{name}.yaml" for folder in folders]
    return next((file for file in files if file.is_file()), None)


def fault(group: str, name: str, folders: Sequence[Path]) -> str | None:
    """What is wrong with the YAML file of a choice, in one line with its name; None where nothing is."""
    file = file_of(group, name, folders)
    if file is None:
        return None
    try:
        content = OmegaConf.load(file)
        text = file.read_text(encoding="utf-8")
    except MarkedYAMLError as error:
        return yaml_fault(error)
    except UnicodeDecodeError:
        return f"{file}: not UTF-8; save it as UTF-8 text"
    except OSError:
        return f"{file}: holds a single value; expected lines of key: value"
    if not isinstance(content, DictConfig):
        return f"{file}: holds a list; expected lines of key: value"
    if group == "experiment" and "# @package _global_" not in text:
        return f"{file}: expected '# @package _global_' as its first line"
    defaults = content.pop("defaults", ListConfig([]))
    content.pop("hydra", None)
    if not isinstance(defaults, ListConfig):
        return f"{file}: defaults: expected a list, such as defaults: [/schema/model/cnn@_here_]"
    bases = list(references(group, defaults))
    found = defaults_fault(group, bases, folders) or schema_fault(group, bases, content)
    return found and f"{file}: {found}"


def yaml_fault(error: MarkedYAMLError) -> str:
    """What is not YAML, and where."""
    mark = error.problem_mark
    place = f"{mark.name}, line {mark.line + 1}" if mark else "a YAML file"
    return f"{place}: not YAML: {error.problem}"


def defaults_fault(group: str, bases: Sequence[tuple[str, str]], folders: Sequence[Path]) -> str | None:
    """What is wrong with the groups and names in a defaults list."""
    for base, name in bases:
        files = [file.stem for folder in folders for file in sorted((folder / base).glob("*.yaml"))]
        known = files or (schemas(base) if base.startswith("schema") else [])
        if known and name not in known:
            other = "; that of a plugin needs plugin=FILE.py" if base.startswith("schema") else ""
            return f"{base}/{name}: no such choice; expected {nearest_first(name, known)}{other}"
    families = [f"/schema/{group}/{name}@_here_" for name in schemas(f"schema/{group}")]
    if group and families and not any(base in (group, f"schema/{group}") for base, _ in bases):
        return f"no schema; write defaults: [SCHEMA] with SCHEMA one of {', '.join(families)}"
    return None


def schema_fault(group: str, bases: Sequence[tuple[str, str]], content: DictConfig) -> str | None:
    """Which key or value the schema refuses."""
    base = f"schema/{group}".rstrip("/")
    for name in (name for at, name in bases if at == base):
        schema = ConfigStore.instance().load(f"{base}/{name}.yaml").node
        # Merged under the group's name, so that an error names the key in full.
        whole, part = ({group: schema}, {group: content}) if group else (schema, content)
        try:
            OmegaConf.merge(OmegaConf.create(whole), part)
        except OmegaConfBaseException as error:
            return describe(error)
    return None


def schemas(group: str) -> list[str]:
    """The registered names of a group of schemas, such as `schema/model`."""
    store = ConfigStore.instance()
    if store.get_type(group) is not ObjectType.GROUP:
        return []
    return [name.removesuffix(".yaml") for name in store.list(group) if name.endswith(".yaml")]


def references(group: str, defaults: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Group and name of every configuration that the defaults list of a choice of `group` takes in."""
    for entry in defaults:
        if isinstance(entry, DictConfig):  # such as `override /model: plain`
            pairs = [(str(key).split()[-1].partition("@")[0], name) for key, name in entry.items()]
            written = [f"{base}/{name}" for base, name in pairs if isinstance(name, str)]
        else:  # such as `/schema/model/cnn@_here_`
            written = [str(entry).partition("@")[0]]
        for path in written:
            base, _, name = (path if path.startswith("/") else f"/{group}/{path}").rpartition("/")
            if name != "_self_" and "$" not in name:
                yield base.strip("/"), name
