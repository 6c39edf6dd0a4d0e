import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import Comparison, compare
from dilated_cifar.report.columns import Column, Format, Table
from dilated_cifar.report.files import Records, all_records, as_csv, prepare, write_report

COLUMNS = {
    "groups": "setting group baseline runs seeds test_accuracy test_accuracy_low test_accuracy_high "
    "test_accuracy_interval gap gap_low gap_high gap_interval last_gap last_gap_low last_gap_high "
    "last_gap_interval epoch overfitting_runs overfitting_epoch overfitting last_test_accuracy "
    "last_test_accuracy_low last_test_accuracy_high last_test_accuracy_interval parameters multiply_adds "
    "receptive_field rates covered images_per_second seconds seconds_to_0.6 runs_reaching_0.6 seconds_to_0.7 "
    "runs_reaching_0.7 seconds_to_0.8 runs_reaching_0.8",
    "differences": "setting group baseline measure common_seeds difference difference_low difference_high "
    "difference_interval p_value p_value_holm verdict",
    "mcnemar": "setting group baseline seed images only_run_right only_baseline_right p_exact p_mid "
    "p_mid_holm verdict run baseline_run",
    "per_class": "setting group class accuracy accuracy_low accuracy_high interval",
    "runs": "setting group run seed weights epoch test_accuracy test_accuracy_wilson_low "
    "test_accuracy_wilson_high last_test_accuracy train_accuracy validation_accuracy gap last_gap "
    "overfitting_onset overfitting parameters multiply_adds receptive_field images_per_second "
    "seconds device folder model.dilations",
    "left_out": "run status reason folder",
    "config_differences": "key value",
    "curves": "setting group curve epoch mean lowest highest runs",
}


def written(sweep: Path, output: Path) -> Comparison:
    comparison = compare(collect([sweep], progress=False))
    prepare(output)
    write_report(comparison, output)
    return comparison


def test_every_table_is_written_as_csv_and_all_of_it_as_json(two_groups, runs, tmp_path: Path) -> None:
    sweep, output = two_groups([0.70, 0.72], [0.80, 0.84]), tmp_path / "out"
    (runs.write("late", seed=9) / "summary.json").unlink()
    comparison = written(sweep, output)
    content = json.loads((output / "comparison.json").read_text())
    assert set(content) == {"answer", "notes", "methods", "confusion", *COLUMNS}
    for name, columns in COLUMNS.items():
        table = pd.read_csv(output / f"{name}.csv")
        assert list(table.columns) == columns.split(), name
        assert len(content[name]) == len(table) / (5 if name == "curves" else 1), name
    confusion = pd.read_csv(output / "confusion.csv")
    assert list(confusion.columns)[:4] == ["setting", "group", "class", "as 2 pixels"]
    groups = pd.read_csv(output / "groups.csv")
    assert groups["test_accuracy"].tolist() == pytest.approx([0.71, 0.82])
    assert groups["seeds"].tolist() == ["0 1", "0 1"]
    assert groups["baseline"].tolist() == [True, False]
    assert pd.read_csv(output / "left_out.csv")["status"].tolist() == ["unfinished"]
    curve = comparison.sections[0].groups[0].curves["loss/train_subset"]
    assert content["curves"][0]["mean"] == pytest.approx(curve.mean)
    curves = pd.read_csv(output / "curves.csv")
    last = curves[(curves.curve == "accuracy/held_out") & (curves.epoch == 5)]
    assert last["mean"].tolist() == pytest.approx([0.71, 0.82])


def test_runs_without_curves_and_predictions_leave_tables_with_headings_only(two_groups, tmp_path) -> None:
    sweep, output = two_groups([0.70], [0.80]), tmp_path / "out"
    for file in [*sweep.rglob("metrics.csv"), *sweep.rglob("test_predictions.npz")]:
        file.unlink()
    written(sweep, output)
    for name in ("curves", "mcnemar", "per_class", "left_out"):
        table = pd.read_csv(output / f"{name}.csv")
        assert table.empty, name
        assert list(table.columns) == COLUMNS[name].split(), name
    assert pd.read_csv(output / "runs.csv")["test_accuracy_wilson_low"].isna().all()
    assert (output / "report.html").is_file()


def test_settings_with_other_columns_share_a_file(runs) -> None:
    runs.write("a", test=0.9)
    runs.write("b", test=0.5, data__noise=0.1)
    groups = all_records(compare(collect([runs.parent], progress=False)))["groups"]
    assert [row["setting"] for row in groups.rows] == ["data.noise=0.03", "data.noise=0.1"]
    assert {"seconds_to_0.9", "seconds_to_0.5"} <= set(groups.names)


LINE_OF_TEXT = some.text(some.characters(codec="utf-8", exclude_characters="\r"))


@given(some.lists(some.tuples(LINE_OF_TEXT, some.one_of(some.none(), some.integers(), some.floats()))))
def test_what_is_stored_is_read_back(rows) -> None:
    text: Column[tuple[str, object]] = Column("text", lambda row: row[0])
    number: Column[tuple[str, object]] = Column("number", lambda row: row[1], Format(str))
    records = Records()
    records.add(Table("any", "", [text, number], rows), setting="one")
    read = list(csv.DictReader(io.StringIO(as_csv(records), newline="")))
    assert json.loads(json.dumps(records.rows, allow_nan=False)) == records.rows
    assert read == [
        {key: "" if value is None else str(value) for key, value in row.items()} for row in records.rows
    ]
