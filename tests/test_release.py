import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet

import dilated_cifar

ROOT = Path(__file__).resolve().parents[1]


def test_package_changelog_and_citation_name_the_same_release() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    headings = re.findall(r"^## \[(\d.*)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == (citation["version"], citation["date-released"])
    assert citation["version"] == dilated_cifar.__version__


def test_every_locked_package_installs_on_the_oldest_release_of_each_supported_python() -> None:
    compared, refused = 0, []
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        name, _, version = line.partition("==")
        try:
            found = distribution(name)
        except PackageNotFoundError:  # an extra that is not installed here
            continue
        wanted = SpecifierSet(str(found.metadata.json.get("requires_python", "")))
        if found.version == version:
            compared += 1
            refused += [(name, each) for each in ("3.11.0", "3.12.0", "3.13.0") if each not in wanted]
    assert compared
    assert refused == []
