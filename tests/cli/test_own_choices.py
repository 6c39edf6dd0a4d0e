"""YAML files of a user's own: taken in, listed, and told where they are wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dilated_cifar.cli import explain, train
from dilated_cifar.cli.choices import choices, conf_folder, fault
from dilated_cifar.config.store import register_schemas

CNN = "defaults: [/schema/model/cnn@_here_]\n"
BROKEN = {
    "model/unclosed": ("dilations: [1, 2\nwidth: 3\n", ["line 2", "not YAML"]),
    "model/no_schema": ("dilations: [1, 2, 3]\n", ["no schema", "/schema/model/cnn@_here_"]),
    "model/empty": ("", ["no schema", "/schema/model/cnn@_here_"]),
    "model/family": ("defaults: [/schema/model/mine@_here_]\n", ["schema/model/mine", "cnn, drn"]),
    "model/key": (f"{CNN}wings: 2\n", ["model.wings: no such key", "model.dilations"]),
    "model/value": (f"{CNN}kernel_size: three\n", ["model.kernel_size=three", "a whole number"]),
    "model/no_list": (f"{CNN}dilations: 3\n", ["model.dilations", "expected a list"]),
    "model/inherited": ("defaults: [dilated_125]\nwings: 2\n", ["model.wings: no such key"]),
    "model/sequence": ("- dilations\n", ["holds a list"]),
    "model/scalar": ("3\n", ["holds a single value"]),
    "model/defaults": ("defaults: 3\n", ["defaults: expected a list"]),
    "experiment/no_package": ("# mine\nseed: 3\n", ["# @package _global_"]),
    "experiment/choice": (
        "# @package _global_\ndefaults:\n  - override /model: dilated_152\n",
        ["model/dilated_152: no such choice", "dilated_125"],
    ),
    "experiment/group": ("# @package _global_\ndefaults:\n  - override /modle: plain\n", ["modle"]),
    "experiment/key": ("# @package _global_\nepochz: 3\n", ["epochz: no such key", "epochs"]),
}
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a choice into the folder `mine`; returns its file."""
    monkeypatch.chdir(tmp_path)

    def call(choice: str, text: str) -> Path:
        file = tmp_path / "mine" / f"{choice}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return call


def test_a_choice_of_ones_own_is_listed_composed_and_explained(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("model/mine", f"# three layers of mine\n{CNN}dilations: [1, 2, 4]\n")
    assert train.main(["--config-dir", "mine", "model=mine", "--cfg", "job"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["model"]["dilations"] == [1, 2, 4]
    for command in (train, explain):
        assert command.main(["--help", "-cd", "mine"]) == 0
        assert "three layers of mine" in capsys.readouterr().out
    write("experiment/quick", "# @package _global_\n# quick\ndefaults: [override /model: mine]\nepochs: 1\n")
    assert train.main(["--config-dir", "mine", "experiment=quick", "--cfg", "job"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["epochs"] == 1


@pytest.mark.parametrize("choice", BROKEN)
def test_a_broken_file_is_named_in_one_line_on_a_run_and_in_help(
    write: Write, capsys: pytest.CaptureFixture[str], choice: str
) -> None:
    text, parts = BROKEN[choice]
    file = write(choice, text)
    chosen = choice.replace("/", "=")
    for arguments in ([chosen], [chosen, "--help"]):
        assert train.main(["--config-dir", "mine", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        for part in (str(file), *parts):
            assert part in line


def test_files_that_are_not_chosen_break_no_run_and_are_told_below_the_help(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = write("model/unclosed", "# mine\ndilations: [1, 2\nwidth: 3\n")
    unknown = write("model/uncommented", CNN)
    (broken.parent / "latin.yaml").write_bytes(b"# caf\xe9\n")
    assert train.main(["-cd", "mine", "--cfg", "job"]) == 0
    capsys.readouterr()
    assert train.main(["-cd", "mine", "--help"]) == 2
    captured = capsys.readouterr()
    assert "uncommented" in captured.out
    assert f"({unknown} begins with no comment" in " ".join(captured.out.split())
    errors = captured.err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("error: ") for line in errors)
    assert str(broken) in captured.err
    assert "latin.yaml: not UTF-8" in captured.err


def test_the_projects_own_files_are_without_fault_and_say_what_they_are() -> None:
    register_schemas()
    folders = [conf_folder()]
    for group, files in choices(folders).items():
        for name, file in files.items():
            assert fault(group, name, folders) is None
            assert file.read_text().startswith("# ")
    for file in conf_folder().glob("*.yaml"):
        assert fault("", file.stem, folders) is None
