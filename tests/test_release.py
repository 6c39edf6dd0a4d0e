import re
from pathlib import Path

import yaml

import dilated_cifar

ROOT = Path(__file__).resolve().parents[1]


def test_package_changelog_and_citation_name_the_same_release() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    headings = re.findall(r"^## \[(\d.*)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == (citation["version"], citation["date-released"])
    assert citation["version"] == dilated_cifar.__version__
