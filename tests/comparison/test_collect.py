import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dilated_cifar.comparison.collect import collect
from dilated_cifar.errors import UserError


def test_runs_are_found_at_any_depth_and_once(runs, two_groups: Callable[..., Path]) -> None:
    sweep = two_groups([0.5, 0.6], [0.7, 0.8])
    runs.write("deep/er/run", seed=7)
    found = collect([sweep, sweep / "dilations-1-1-1__seed-0", sweep / "deep"], progress=False)
    assert sorted(run.name for run in found.runs) == [
        "sweep/deep/er/run",
        *(f"sweep/dilations-{rates}__seed-{seed}" for rates in ("1-1-1", "1-2-5") for seed in (0, 1)),
    ]
    assert found.faults == []
    assert found.left_out == []


def test_what_lies_inside_a_run_is_not_another_run(runs) -> None:
    folder = runs.write("run")
    shutil.copytree(runs.write("other", seed=1), folder / "checkpoints" / "copy")
    shutil.rmtree(runs.parent / "other")
    assert len(collect([runs.parent], progress=False).runs) == 1


def test_a_run_is_read_as_it_was_written(runs) -> None:
    runs.write("run", test=0.8, last_test=0.7, train=0.95, onset=3, seed=4, epochs=6, seconds=12.0)
    (run,) = collect([runs.parent], progress=False).runs
    assert (run.seed, run.summary.chosen, run.summary.overfitting_onset) == (4, "best", 3)
    assert (run.selected.epoch, run.selected.test.accuracy) == (5, 0.8)
    assert (run.last.epoch, run.last.test.accuracy) == (6, 0.7)
    assert run.selected.gap == pytest.approx(0.15)
    assert run.curves is not None
    assert run.curves["seconds"].tolist() == pytest.approx([2, 4, 6, 8, 10, 12])
    assert run.predictions is not None
    assert run.predictions.right.mean() == 0.8


def test_without_a_validation_split_the_last_weights_are_selected_and_test_is_held_out(
    runs,
) -> None:
    runs.write("run", test=0.8, last_test=0.75, train=0.95, data__validation=0)
    (run,) = collect([runs.parent], progress=False).runs
    assert (run.summary.chosen, run.selected.test.accuracy, run.held_out) == ("last", 0.75, "test")
    assert run.selected.gap == pytest.approx(0.2)


def test_unfinished_failed_and_damaged_runs_are_listed_with_their_reasons(runs) -> None:
    runs.write("finished", seed=1)
    (runs.write("unfinished", seed=2) / "summary.json").unlink()
    failed = runs.write("failed", seed=3)
    (failed / "summary.json").unlink()
    (failed / "error.txt").write_text("loss is not finite in epoch 2\nTraceback ...\n")
    refused = runs.parent / "refused"
    refused.mkdir()
    (refused / "error.txt").write_text("model.dilations=[9]: expected one rate a layer\n")
    (runs.write("torn", seed=4) / "summary.json").write_text('{"chosen": "be')
    (runs.write("odd", seed=5) / "config.yaml").write_text("- 1\n- 2\n")
    infinite = runs.write("infinite", seed=6) / "summary.json"
    infinite.write_text(infinite.read_text().replace("500.0", "Infinity"))
    found = collect([runs.parent], progress=False)
    assert [run.name for run in found.runs] == ["sweep/finished"]
    assert {each.name: (each.status, each.reason) for each in found.left_out if each.status != "damaged"} == {
        "sweep/unfinished": ("unfinished", "5 of 5 epochs; the same command continues it"),
        "sweep/failed": ("failed", "loss is not finite in epoch 2"),
        "sweep/refused": ("failed", "model.dilations=[9]: expected one rate a layer"),
    }
    damaged = {each.name for each in found.left_out if each.status == "damaged"}
    assert damaged == {"sweep/torn", "sweep/odd", "sweep/infinite"}
    assert len(found.faults) == 3
    assert all("\n" not in fault for fault in found.faults)


def test_a_failed_job_that_was_retried_and_finished_counts(runs) -> None:
    (runs.write("retried") / "error.txt").write_text("an earlier failure\n")
    found = collect([runs.parent], progress=False)
    assert len(found.runs) == 1
    assert found.left_out == []


@pytest.mark.parametrize("cut", ["mid-row", "fewer rows", "no file", "not text", "not finite"])
def test_a_damaged_metrics_file_costs_the_curves_only_and_is_named(runs, cut: str) -> None:
    folder = runs.write("run")
    metrics = folder / "metrics.csv"
    text = metrics.read_text()
    match cut:
        case "mid-row":
            metrics.write_text(text[:-40])
        case "fewer rows":
            metrics.write_text("\n".join(text.splitlines()[:-2]) + "\n")
        case "no file":
            metrics.unlink()
        case "not finite":
            metrics.write_text(text.replace("500.0", "nan", 1))
        case "not text":
            metrics.write_bytes(b"\x80\x81\xff" * 50)
    found = collect([runs.parent], progress=False)
    assert found.runs[0].curves is None
    assert found.runs[0].selected.test.accuracy == 0.8
    (fault,) = found.faults
    assert "metrics.csv" in fault
    assert "without its curves" in fault


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_damaged_predictions_cost_the_predictions_only_and_are_named(runs, content: bytes | None) -> None:
    file = runs.write("run") / "test_predictions.npz"
    file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    found = collect([runs.parent], progress=False)
    assert found.runs[0].predictions is None
    (fault,) = found.faults
    assert "test_predictions.npz" in fault


def test_the_same_run_twice_is_not_a_second_seed(runs) -> None:
    first = runs.write("a", seed=1)
    shutil.copytree(first, runs.parent / "b")
    found = collect([runs.parent], progress=False)
    assert [run.name for run in found.runs] == ["sweep/a"]
    assert [(each.name, each.status) for each in found.left_out] == [("sweep/b", "duplicate")]
    assert "sweep/a" in found.left_out[0].reason


def test_nothing_to_read_is_one_line_that_names_each_path(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("x")
    with pytest.raises(UserError) as refused:
        collect([tmp_path / name for name in ("empty", "other", "none", "other/notes.txt")], progress=False)
    message = str(refused.value)
    assert "\n" not in message
    for part in ("empty: is empty", "other: holds no run", "none: no such folder", "notes.txt: is a file"):
        assert part in message


def test_a_path_without_runs_does_not_stop_the_others(runs, tmp_path: Path) -> None:
    runs.write("run")
    (tmp_path / "empty").mkdir()
    found = collect([tmp_path / "empty", runs.parent], progress=False)
    assert len(found.runs) == 1
    assert len(found.faults) == 1
