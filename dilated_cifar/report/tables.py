"""The comparison as tables of pandas, one for each file."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.intervals import Estimate, wilson
from dilated_cifar.comparison.measures import GroupFigures
from dilated_cifar.runs.record import Run

Row = dict[str, Any]
FIRST_COLUMNS = {"left_out": ["run", "status", "reason", "folder"], "config_differences": ["key", "value"]}


def tables(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Every table by the name of its file; accuracies are shares from 0 to 1, times are in seconds."""
    rows = {
        "groups": group_rows(comparison),
        "differences": difference_rows(comparison),
        "mcnemar": single_run_rows(comparison),
        "per_class": class_rows(comparison),
        "confusion": confusion_rows(comparison),
        "runs": run_rows(comparison),
        "left_out": (
            {"run": each.name, "status": each.status, "reason": each.reason, "folder": str(each.folder)}
            for each in comparison.left_out
        ),
        "config_differences": (
            {"key": key, "value": value}
            for key, values in comparison.config_differences.items()
            for value in values
        ),
    }
    made = {name: as_table(name, list(table)) for name, table in rows.items()}
    return {**made, "curves": curve_table(comparison)}


def as_table(name: str, rows: list[Row]) -> pd.DataFrame:
    """Rows as a table; one without rows still names its first columns."""
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=FIRST_COLUMNS.get(name, ["setting", "group"]))


def spread(name: str, estimate: Estimate | None) -> Row:
    """An estimate's columns."""
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_interval": "no pair"}
    return {
        name: estimate.mean,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_interval": estimate.why_none or "95% (t)",
    }


def group_rows(comparison: Comparison) -> Iterator[Row]:
    """One row a group."""
    for each in comparison.sections:
        for figures in each.groups:
            network = comparison.network(figures)
            yield {
                "setting": each.section.title,
                "group": figures.group.label,
                "baseline": figures.group is each.section.baseline,
                "runs": len(figures.group.runs),
                "seeds": " ".join(map(str, figures.group.seeds)),
                **spread("test_accuracy", figures.test),
                **spread("last_test_accuracy", figures.last),
                **spread("gap", figures.gap),
                **spread("last_gap", figures.gap_last),
                "epoch": figures.epoch,
                "overfitting_runs": figures.onset.runs,
                "overfitting_epoch": figures.onset.epoch,
                "parameters": figures.parameters,
                "multiply_adds": figures.multiply_adds,
                "receptive_field": figures.receptive_field,
                "rates": network.verdict if network else "several networks",
                "covered": network.covered if network else None,
                "images_per_second": figures.images_per_second,
                "seconds": figures.seconds,
                **reach_columns(each, figures),
            }


def reach_columns(each: SectionFigures, figures: GroupFigures) -> Row:
    """When the group reached each target."""
    columns: Row = {}
    for target in each.targets:
        found = figures.reach[target]
        columns[f"seconds_to_{target:g}"] = found.seconds
        columns[f"runs_reaching_{target:g}"] = found.runs
    return columns


def difference_rows(comparison: Comparison) -> Iterator[Row]:
    """One row for each group and measure, against the baseline."""
    for each in comparison.sections:
        for row in each.differences:
            yield {
                "setting": each.section.title,
                "group": row.group.label,
                "baseline": each.section.baseline.label,
                "measure": row.measure,
                "common_seeds": " ".join(map(str, row.seeds)),
                **spread("difference", row.estimate),
                "p_value": row.p_value,
                "p_value_holm": row.adjusted,
                "verdict": row.verdict,
            }


def single_run_rows(comparison: Comparison) -> Iterator[Row]:
    """One row for each pair of single runs."""
    for each in comparison.sections:
        for row in each.single_runs:
            yield {
                "setting": each.section.title,
                "group": row.group.label,
                "baseline": each.section.baseline.label,
                "seed": row.seed,
                "images": row.images,
                "only_run_right": row.only_run,
                "only_baseline_right": row.only_baseline,
                "p_exact": row.exact,
                "p_mid": row.mid_p,
                "p_mid_holm": row.adjusted,
                "verdict": row.verdict,
                "run": row.run.name,
                "baseline_run": row.baseline_run.name,
            }


def class_rows(comparison: Comparison) -> Iterator[Row]:
    """One row for each group and class."""
    for each in comparison.sections:
        for classes in each.classes:
            for accuracy in classes.accuracies:
                yield {
                    "setting": each.section.title,
                    "group": classes.group.label,
                    "class": accuracy.name,
                    "accuracy": accuracy.mean,
                    "accuracy_low": accuracy.low,
                    "accuracy_high": accuracy.high,
                    "interval": accuracy.interval,
                }


def confusion_rows(comparison: Comparison) -> Iterator[Row]:
    """One row for each group and true class, a column for each predicted class."""
    for each in comparison.sections:
        for classes in each.classes:
            for name, shares in zip(classes.names, classes.confusion, strict=True):
                taken = {
                    f"as {other}": float(share) for other, share in zip(classes.names, shares, strict=True)
                }
                yield {"setting": each.section.title, "group": classes.group.label, "class": name, **taken}


def curve_table(comparison: Comparison) -> pd.DataFrame:
    """One row for each group, curve and epoch; made of columns, since there may be a million rows."""
    parts = [
        pd.DataFrame(
            {
                "setting": each.section.title,
                "group": figures.group.label,
                "curve": name,
                "epoch": np.arange(1, len(band.mean) + 1),
                "mean": band.mean,
                "lowest": band.low,
                "highest": band.high,
                "runs": band.runs,
            }
        )
        for each in comparison.sections
        for figures in each.groups
        for name, band in figures.curves.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else as_table("curves", [])


def run_rows(comparison: Comparison) -> Iterator[Row]:
    """One row a run, with every key in which runs differ."""
    for each in comparison.sections:
        for group in each.section.groups:
            for run in group.runs:
                row = {
                    "setting": each.section.title,
                    "group": group.label,
                    "run": run.name,
                    "seed": run.seed,
                    **run_figures(run),
                    "folder": str(run.folder),
                }
                varied = {key: run.config.get(key) for key in comparison.config_differences if key != "seed"}
                yield row | varied


def run_figures(run: Run) -> Row:
    """The figures of a single run."""
    low = high = None
    if run.predictions is not None:
        low, high = wilson(int(run.predictions.right.sum()), len(run.predictions.labels))
    return {
        "weights": run.summary.chosen,
        "epoch": run.selected.epoch,
        "test_accuracy": run.selected.test.accuracy,
        "test_accuracy_wilson_low": low,
        "test_accuracy_wilson_high": high,
        "last_test_accuracy": run.last.test.accuracy,
        "train_accuracy": run.selected.train.accuracy,
        "validation_accuracy": (run.selected.validation and run.selected.validation.accuracy),
        "gap": run.selected.gap,
        "last_gap": run.last.gap,
        "overfitting_onset": run.summary.overfitting_onset,
        "parameters": run.summary.parameters,
        "multiply_adds": run.summary.multiply_adds,
        "receptive_field": run.summary.receptive_field,
        "images_per_second": run.summary.images_per_second,
        "seconds": run.summary.seconds,
        "device": run.summary.device,
    }
