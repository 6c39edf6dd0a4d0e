"""How a command line is read: options, overrides, files, paths; and what of it cannot be read."""

from pathlib import Path
from types import ModuleType

import pytest

from dilated_cifar.cli import compare, evaluate, explain, export, localize, train
from dilated_cifar.cli.arguments import Arguments
from dilated_cifar.cli.overrides import read_arguments
from dilated_cifar.errors import UserError


def value(arguments: Arguments, key: str) -> object:
    """The value of the last override of a key as Hydra's grammar reads it."""
    return next(each.value() for each in reversed(arguments.parsed) if each.key_or_group == key)


def test_options_stand_anywhere() -> None:
    arguments = read_arguments(train.COMMAND, ["model=plain", "-m", "seed=0,1", "-cd", "mine", "epochs=2"])
    assert arguments.multirun
    assert arguments.options.config_dir == "mine"
    assert arguments.overrides == ["model=plain", "seed=0,1", "epochs=2"]
    assert arguments.fixed == {"model", "epochs"}
    assert [each.key_or_group for each in arguments.swept] == ["seed"]


@pytest.mark.parametrize(
    "name", ["a,b=c/[1].pt", "it's", "[red] lone.pt", "back\\slash", "two  blanks", "é#"]
)
def test_file_names_survive_hydras_grammar(name: str) -> None:
    assert value(read_arguments(evaluate.COMMAND, [f"output={name}"]), "output") == name
    many = read_arguments(explain.COMMAND, [f"checkpoint={name}", f"./{name}", "images=x.png", "samples=3"])
    assert value(many, "checkpoint") == [name, f"./{name}"]
    assert value(many, "images") == ["x.png"]


def test_lists_of_files_may_stand_in_brackets_and_null_is_no_name() -> None:
    assert value(read_arguments(explain.COMMAND, ["checkpoint=[a,b]"]), "checkpoint") == ["a", "b"]
    assert value(read_arguments(train.COMMAND, ["name=null"]), "name") is None
    assert value(read_arguments(train.COMMAND, ["name='quoted'"]), "name") == "quoted"


@pytest.mark.parametrize("command", [compare, evaluate, explain, export, localize])
def test_every_command_takes_runs_by_position_and_by_key(command: ModuleType) -> None:
    typed = [
        "outputs/a, b/lr=0.1",
        "run=outputs/demo",
        "checkpoint=[x.pt,'y, z.pt']",
        "output=out",
        "lone.pt",
    ]
    runs = value(read_arguments(command.COMMAND, typed), command.COMMAND.runs)
    assert runs == ["outputs/a, b/lr=0.1", "outputs/demo", "x.pt", "y, z.pt", "lone.pt"]


def test_a_file_that_looks_like_an_override_is_a_file_where_files_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "red=two.png").touch()
    arguments = read_arguments(evaluate.COMMAND, ["images=one.png", "red=two.png", "run=x"])
    assert value(arguments, "images") == ["one.png", "red=two.png"]
    assert value(arguments, "checkpoint") == ["x"]


def test_folders_of_runs_need_no_key_and_lists_no_brackets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()
    arguments = read_arguments(
        compare.COMMAND,
        ["runs/a", "lr=0.1", "group_by=model.dilations,seed", "accuracies=0.8,90%", "b, [c]", "sub/x=1"],
    )
    assert value(arguments, "paths") == ["runs/a", "lr=0.1", "b, [c]", "sub/x=1"]
    assert value(arguments, "group_by") == ["model.dilations", "seed"]
    assert value(arguments, "accuracies") == [0.8, "90%"]
    for typed, read in (("2,2,2", [2, 2, 2]), ("[1,2,5],[2,2]", [[1, 2, 5], [2, 2]]), ("[1,2]", [1, 2])):
        assert value(read_arguments(explain.COMMAND, [f"rates={typed}"]), "rates") == read


@pytest.mark.parametrize("label", ["[1,1,1]", "dilations=[1,1,1], pool=true", "a, b"])
def test_a_group_is_named_as_its_label_reads(label: str) -> None:
    assert value(read_arguments(compare.COMMAND, ["runs", f"baseline={label}"]), "baseline") == label


def test_a_saved_configuration_takes_the_place_of_the_projects(tmp_path: Path) -> None:
    saved = tmp_path / "a, b.yaml"
    saved.touch()
    arguments = read_arguments(train.COMMAND, [f"config={saved}", "name=again"])
    assert arguments.saved == saved
    assert arguments.overrides == ["name='again'"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("model.dilations=[1,2", "unclosed bracket in model.dilations=[1,2; write lists as"),
        ("model.dilations=[1,", "unclosed bracket in model.dilations=[1,;"),
        ("model.dilations=[1,2]]", "unmatched ] in model.dilations=[1,2]];"),
        ("model.dilations=1,2]", "unmatched ] in model.dilations=1,2];"),
        ("model.dilations=[1,2}", "unmatched } in model.dilations=[1,2};"),
        ("model.dilations={1:2", "unclosed brace in model.dilations={1:2;"),
        ("seed=range(1", "unclosed parenthesis in seed=range(1;"),
        ("device='cpu", "unclosed quote in device='cpu;"),
        ('device="cpu', 'unclosed quote in device="cpu;'),
        ("seed=1,", "a value is missing beside a comma in seed=1,;"),
        ("model.channels=[1,,2]", "a value is missing beside a comma in model.channels=[1,,2];"),
        ("model.dilations=[1;2;5]", "unexpected ; in model.dilations=[1;2;5];"),
        ("device=#1", "unexpected # in device=#1;"),
        ("device=a=b", "unexpected = in device=a=b;"),
        ("seed=f(1)", "Unknown function 'f'"),
        ("epochs", "epochs: expected KEY=VALUE; write epochs=VALUE"),
        ("name=", "name=: expected a value; leave it out"),
    ],
)
def test_what_the_grammar_cannot_read_is_told_in_plain_words(typed: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        read_arguments(train.COMMAND, ["model=plain", typed])
    assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
