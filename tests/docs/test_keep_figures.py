"""What `explain` and `localize` measured of real runs, kept as a row a run."""

import csv
import json
from pathlib import Path
from types import ModuleType

import pytest

from dilated_cifar.cli import explain, localize, train

SCRIPT = "keep_figures"


def test_figures_are_those_that_the_commands_wrote(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cifar10_root: Path
) -> None:
    monkeypatch.setattr(script, "RESULTS", tmp_path)
    sizes = [
        "data.train=40",
        "data.validation=20",
        "data.train_subset=20",
        "data.test=20",
        "batch_size=20",
        "epochs=1",
    ]
    command = [
        "-m",
        *sizes,
        "model=plain",
        "seed=0,1",
        f"data.root={cifar10_root}",
        "threads=1",
        "pictures=0",
    ]
    runs = []
    for network, rates in (("narrow", "[1,1,1]"), ("wide", "[1,2,3]")):
        small = [f"model.dilations={rates}", "model.channels=[4,6,8]", f"name=study/{network}"]
        assert train.main([*command, *small, f"output_dir={tmp_path}", "progress=false"]) == 0
        runs += [str(tmp_path / "study" / network / f"seed-{seed}") for seed in (0, 1)]
    explained, localized = tmp_path / "explained", tmp_path / "localized"
    place = [f"data.root={cifar10_root}", "threads=1", "progress=false"]
    assert explain.main([*runs, *place, f"output={explained}"]) == 0
    assert localize.main([*runs, *place, f"output={localized}", "scenes=10", "tuning=10"]) == 0

    script.main("study", explained, localized)
    with (tmp_path / "study_networks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    named = [(row["network"], row["seed"]) for row in rows]
    assert named == [("narrow", "0"), ("narrow", "1"), ("wide", "0"), ("wide", "1")]
    networks = json.loads((explained / "inspection.json").read_text())["networks"]
    for row, network in zip(rows, networks, strict=True):
        assert row["variogram"] == f"{network['measures']['variogram_ratio']['trained']:.2f}"
        assert bool(row["lattice_share"]) == (row["network"] == "wide")
        assert 0 <= float(row["native"]) <= float(row["classified"]) <= 100
