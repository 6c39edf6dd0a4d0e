import re
from pathlib import Path

import pytest

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import compare
from dilated_cifar.report.terminal import MAX_GROUPS, show


@pytest.fixture
def shown(runs, capsys, monkeypatch):
    """What is printed of the runs at a width, line by line."""

    def lines(columns: int = 80, **choices) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        show(compare(collect([runs.parent], progress=False), **choices), Path("out"))
        return capsys.readouterr().out.splitlines()

    return lines


def test_every_table_fits_80_columns_with_whole_numbers(two_groups, shown) -> None:
    two_groups([0.70, 0.75, 0.72], [0.80, 0.845, 0.825])
    lines = shown()
    tables, first, report = lines[:-4], lines[-4], lines[-1]
    assert max(map(len, tables)) <= 80
    text = "\n".join(tables)
    for part in ("72.33%", "66.08–78.58", "+10.00", "94,762", "39.1 M", "17", "100.0%", "8.0 s", "better"):
        assert part in text, part
    assert first.startswith("Highest mean test accuracy: dilations=[1,2,5]")
    assert report == "report: out/report.html"


def test_one_group_has_no_table_of_differences(runs, shown) -> None:
    runs.write("a")
    text = "\n".join(shown())
    assert "One run only, a: test accuracy 80.00%." in text
    assert "difference" not in text
    assert "McNemar" not in text


def test_settings_are_shown_one_after_the_other(runs, shown) -> None:
    runs.write("a")
    runs.write("b", data__noise=0.1)
    lines = shown()
    assert [line.split()[0] for line in lines if "──" in line and "=" in line] == [
        "data.noise=0.03", "data.noise=0.1"
    ]  # fmt: skip


def test_of_very_many_groups_the_most_accurate_are_shown_and_the_rest_counted(runs, shown) -> None:
    for group in range(MAX_GROUPS + 3):
        runs.write(str(group), test=0.3 + 0.02 * group, optimizer__lr=0.01 * (group + 1))
    lines = shown(200)
    assert any(line.startswith("3 more groups") for line in lines)
    accuracies = [line for line in lines if re.search(r"\d\d\.\d\d%", line)]
    assert len(accuracies) >= MAX_GROUPS
    assert any(line.strip().startswith("0.01 ") for line in lines)  # the baseline, though the least accurate


def test_what_is_left_out_is_listed_with_its_reason(runs, shown) -> None:
    runs.write("a")
    (runs.write("late", seed=9) / "summary.json").unlink()
    text = "\n".join(shown())
    assert "not compared: 1 run folder\n" in text
    assert "unfinished: sweep/late: 5 of 5 epochs" in text
