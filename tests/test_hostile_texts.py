"""Names and configurations from files are shown as they are: no terminal, page or picture obeys them."""

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from dilated_cifar.cli import compare, evaluate, explain, localize
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_container
from dilated_cifar.errors import printable
from dilated_cifar.models import build
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.checkpoint import Checkpoint

CONTROL = "\x1b]0;owned\x07\x1b[31m\u202e"
HOSTILE = f"<img src=x onerror=alert(1)>{CONTROL}$\\frac$"


class Elements(HTMLParser):
    """What a browser would make elements of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}


def test_what_a_terminal_would_obey_is_replaced() -> None:
    assert printable("caf\u00e9\t[red]\n\u4e2d") == "caf\u00e9\t[red]\n\u4e2d"
    assert printable("a\x1b[2J\rb\x9b\u2066\udcff") == "a\ufffd[2J\ufffdb\ufffd\ufffd\ufffd"


def test_a_comparison_shows_hostile_names(two_groups, runs, capfd: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    sweep = two_groups([0.7, 0.7], [0.8, 0.8])
    for folder in list(sweep.iterdir()):
        summary = json.loads((folder / "summary.json").read_text())
        summary["class_names"][0] = HOSTILE
        (folder / "summary.json").write_text(json.dumps(summary))
        settings = (
            (folder / "config.yaml")
            .read_text()
            .replace("padding: valid", f"padding: {json.dumps(HOSTILE + folder.name[0])}")
        )
        (folder / "config.yaml").write_text(settings)
    folder.rename(sweep / HOSTILE.replace("/", ""))
    (runs.write("late", seed=9) / "summary.json").unlink()
    (runs.parent / "late" / "error.txt").write_text(HOSTILE)
    assert compare.main([str(sweep)]) == 0
    captured = capfd.readouterr()
    assert "onerror" in captured.out
    assert not {"\x1b", "\x07", "\u202e"} & set(captured.out + captured.err)
    page = (sweep / "comparison" / "report.html").read_text()
    head, _, script = page.partition('<script type="application/json"')
    assert "&lt;img src=x onerror" in head
    assert "onerror" not in Elements(head).found
    assert "<img src=x" not in script.partition("</script>")[0]


@pytest.fixture
def hostile(make_config: Callable[..., Config], tiny: list[str], tmp_path: Path) -> Path:
    """A checkpoint with class names that attack and one weight that is no number."""
    config = make_config(*tiny)
    weights = dict(build(config.model, 10).state_dict())
    weights["classifier.weight"][3, 2] = torch.nan
    names = [f"{HOSTILE}{number}" for number in range(10)]
    path = tmp_path / "best.pt"
    checkpoint.save(Checkpoint(to_container(config), names, 1, weights, {}), path)
    return path


def test_an_evaluation_shows_hostile_names_and_says_that_weights_are_no_numbers(
    hostile: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main([str(hostile), "threads=1"]) == 0
    captured = capfd.readouterr()
    assert "warning: 1 weights are nan or infinite" in captured.out
    assert "onerror" in captured.out
    assert not {"\x1b", "\x07", "\u202e"} & set(captured.out + captured.err)
    content = json.loads((hostile.parent / "evaluation" / f"{hostile.stem}-test.json").read_text())
    assert content["weights_not_finite"] == 1
    assert content["loss"] is None
    assert content["class_names"][0] == f"{HOSTILE}0"


def test_weights_that_are_no_numbers_are_neither_explained_nor_localized(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(hostile.parent)
    for command in (explain, localize):
        assert command.main(["best.pt", "threads=1", "progress=false"]) == 2
        assert capfd.readouterr().err == (
            "error: checkpoint=best.pt: 1 of its weights are nan or infinite; expected a network whose "
            "training did not diverge\n"
        )
    assert [path.name for path in hostile.parent.iterdir()] == ["best.pt"]


def test_a_network_that_overflows_is_not_explained(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(hostile.parent)
    saved = checkpoint.load(Path("best.pt"))
    large = {
        name: torch.full_like(weight, 1e30) if name.endswith("weight") else weight
        for name, weight in saved.model.items()
    }
    checkpoint.save(replace(saved, model=large), Path("large.pt"))
    assert explain.main(["large.pt", "threads=1", "samples=8", "controls=2", "progress=false"]) == 2
    assert "large.pt: its gradients or class maps are not finite numbers" in capfd.readouterr().err
