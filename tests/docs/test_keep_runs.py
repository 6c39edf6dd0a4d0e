"""Studies that persist: finished runs kept without checkpoints, compared, put back and continued."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import dilated_cifar
from dilated_cifar.cli import compare, train
from dilated_cifar.config.run import Config, differing_keys
from dilated_cifar.config.store import completed, to_config, to_container
from dilated_cifar.errors import UserError
from dilated_cifar.runs.folder import enter
from dilated_cifar.runs.reading import read_config, read_sessions

SCRIPT = "keep_runs"
ROOT = Path(__file__).parents[2]
UNMOVED = ["augment.pad=0", "augment.flip=false"]
COMMAND = [
    "-m", "experiment=demo", "model.channels=[4,6,8]", "data.train=40", "data.validation=20", "data.test=20",
    "data.train_subset=20", "batch_size=20", "epochs=1", "threads=1", "pictures=0", "progress=false",
    "model=plain", "schedule=constant", "name=tiny",
]  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sweep over two seeds."""
    parent = tmp_path_factory.mktemp("study")
    assert train.main([*COMMAND, f"output_dir={parent}", "seed=0,1"]) == 0
    return parent / "tiny"


@pytest.fixture
def kept(trained: Path, script: ModuleType, tmp_path: Path) -> Path:
    assert script.keep(trained, tmp_path / "runs" / "tiny") == []
    return tmp_path / "runs" / "tiny"


def test_what_is_kept_is_small_of_no_machine_and_compared_as_the_runs_are(kept: Path, trained: Path) -> None:
    names = {"config.yaml", "metrics.csv", "summary.json", "test_predictions.npz", "sessions.json"}
    files = contents(kept)
    assert files.keys() == {"study.json", *(f"seed-{seed}/{name}" for seed in (0, 1) for name in names)}
    assert sum(map(len, files.values())) < 20_000
    assert str(trained.parent).encode() not in files["seed-0/config.yaml"]
    assert [each.host for each in read_sessions(kept / "seed-0")] == [""]
    assert dilated_cifar.compare(kept).groups.equals(dilated_cifar.compare(trained).groups)


def test_a_comparison_writes_nothing_into_the_record_unless_it_is_told_to(kept: Path, trained: Path) -> None:
    for given, runs in ((kept, [kept / "seed-0", kept / "seed-1"]), (kept / "seed-0", [kept / "seed-0"])):
        assert compare.report_folder([given], runs) == Path("outputs") / "compare" / given.name
    assert compare.report_folder([trained], [trained / "seed-0"]) == trained / "comparison"


def test_put_back_the_same_command_reports_finished_runs_and_goes_on(
    kept: Path, script: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    assert script.put_back(kept, outputs / "tiny") == []
    before = contents(outputs / "tiny" / "seed-0")
    command = [*COMMAND, f"output_dir={outputs}"]
    assert train.main([*command, "seed=0,1,2"]) == 0
    shown = capfd.readouterr().out
    assert shown.count("finished before, left as it is") == 2
    assert shown.count("its checkpoints are not here; name=OTHER trains it again") == 2
    after = contents(outputs / "tiny" / "seed-0")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {".lock", "train.log"}
    assert (outputs / "tiny" / "seed-2" / "checkpoints" / "last.pt").is_file()
    # More epochs would need the checkpoints; nothing is trained anew unasked.
    folder = outputs / "tiny" / "seed-0"
    with pytest.raises(UserError, match="its checkpoints are not here, from which more epochs could go on"):
        enter(folder, replace(to_config(read_config(folder)), epochs=2))
    # The study grows by what is new, and keeps the rest.
    sums = contents(kept)
    assert script.keep(outputs / "tiny", kept) == []
    grown = contents(kept)
    assert {name: grown[name] for name in sums if name != "study.json"} == {
        name: content for name, content in sums.items() if name != "study.json"
    }
    assert "seed-2/summary.json" in grown
    assert script.put_back(kept, outputs / "tiny") == ["seed-0", "seed-1", "seed-2"]


def test_a_file_that_was_changed_is_named_and_nothing_is_put_back(
    kept: Path, script: ModuleType, tmp_path: Path
) -> None:
    assert list(script.changes(kept)) == []
    (kept / "seed-0" / "metrics.csv").write_text("epoch\n")
    with pytest.raises(UserError, match=r"seed-0/metrics\.csv: changed"):
        script.put_back(kept, tmp_path / "outputs" / "tiny")
    assert not (tmp_path / "outputs").exists()


def test_another_run_of_the_same_name_is_not_replaced_and_unfinished_ones_are_left_out(
    kept: Path, trained: Path, script: ModuleType, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(trained, tmp_path / "other"))
    (other / "seed-1" / "summary.json").unlink()
    assert script.keep(other, kept) == ["seed-1: unfinished: 1 of 1 epochs; the same command continues it"]
    summary = other / "seed-0" / "summary.json"
    summary.write_text(summary.read_text().replace('"seconds": ', '"seconds": 1'))
    before = contents(kept)
    with pytest.raises(UserError, match="seed-0: another run is kept there"):
        script.keep(other, kept)
    assert contents(kept) == before


def test_every_study_of_the_repository_is_as_it_was_kept(script: ModuleType) -> None:
    for study in script.RUNS.glob("*"):
        assert list(script.changes(study)) == []


def test_a_study_is_a_table_of_its_groups(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    tables = __import__("study_tables")
    for pool in (False, True):
        for name, rates, accuracy in (("plain", [1, 1, 1], 0.6), ("dilated_125", [1, 2, 5], 0.8)):
            for seed in (0, 1, 2):
                runs.write(
                    f"{name}__pool-{pool}__seed-{seed}", test=accuracy + 0.01 * seed + 0.001 * seed * pool,
                    seed=seed, model__padding="same", model__dilations=rates, model__pool=pool,
                )  # fmt: skip
    head, _, *rows = tables.study("sweep model.pool=false baseline=plain", runs.parent.parent).splitlines()
    assert head.startswith(
        "| network | seeds | test accuracy (95% interval) | difference to plain (95% interval) |"
    )
    assert [row.split(" | ")[:2] for row in rows] == [["| `plain`", "3"], ["| `dilated_125`", "3"]]
    assert "| 61.00% (58.52 to 63.48) | – | – | baseline |" in rows[0]
    assert len(tables.study("sweep", runs.parent.parent).splitlines()) == 6
    with pytest.raises(UserError, match="baseline=resnet: expected"):
        tables.study("sweep baseline=resnet", runs.parent.parent)


@pytest.mark.parametrize(
    ("study", "arguments"),
    [
        ("recipes/fast/seed-*", ["experiment=fast_dilated_125"]),
        ("best/whole_30/seed-*", ["experiment=best_dilated_125"]),
        ("resnet/fast/seed-*", ["experiment=fast_resnet"]),
        ("resnet/best/seed-*", ["experiment=best_resnet"]),
        ("published/dilated/seed-*", ["experiment=published_dilated"]),
        ("published/plain/seed-*", ["experiment=published_plain"]),
        ("resolution/strided/seed-*", ["experiment=fast", "model=resnet", "model.layout=S", "model.width=8"]),
        ("overfitting/augment-mixup__seed-*", ["experiment=overfitting", "augment=mixup", *UNMOVED]),
    ],
)
def test_the_presets_are_what_the_studies_measured(
    study: str, arguments: list[str], make_config: Callable[..., Config]
) -> None:
    folders = list((ROOT / "docs" / "results" / "runs").glob(study))
    assert folders
    for folder in folders:
        config = completed(read_config(folder))
        told = [*arguments, f"seed={config['seed']}", f"precision={config['precision']}"]
        assert differing_keys(to_container(make_config(*told)), config) == []
