import itertools
import re
from types import ModuleType

import pytest
from scipy.stats import binomtest

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.residual import DrnConfig, ResNetConfig
from dilated_cifar.dilation.trace import trace
from dilated_cifar.models import build

SCRIPT = "make_tables"


def test_every_table_says_what_its_data_say(script: ModuleType, pages: dict[str, str]) -> None:
    for path, text in pages.items():
        assert script.filled(text) == text, f"{path}: run python docs/make_tables.py"
    placed = [name for text in pages.values() for _, name, _ in script.MARKED.findall(text)]
    assert sorted(placed) == sorted(script.TABLES)
    studies = {words.split()[0] for text in pages.values() for _, words, _ in script.STUDIES.findall(text)}
    assert studies == {path.parent.name for path in script.STUDIES_KEPT.glob("*/study.json")}


def test_every_measured_figure_in_the_text_is_in_the_data(script: ModuleType, pages: dict[str, str]) -> None:
    files = [path.stem for path in script.RESULTS.glob("*.csv")]
    known = {value for name in files for row in script.read(name) for value in row.values()}
    known |= {"95", "82.92", "80"}  # the level of intervals; the figures of the exercise, not ours
    # Those of studies are computed of the runs that are kept; the test above has them agree.
    of_studies = [found[0] for text in pages.values() for found in script.STUDIES.finditer(text)]
    known |= {figure for text in of_studies for figure in re.findall(r"\d[\d.]*", text)}
    for path, text in pages.items():
        if path == "README.md" or path.startswith("docs/results/"):
            prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
            single = re.findall(r"(\d[\d,.]*)(?:%| points| images/s)", prose)
            intervals = re.findall(r"\(([\d.]+)\s+to\s+([\d.]+)\)", prose)
            for figure in [*single, *itertools.chain(*intervals)]:
                assert figure.replace(",", "") in known, f"{path}: {figure} is in none of docs/results/*.csv"


def test_mcnemar_counts_are_told_as_measured(script: ModuleType, pages: dict[str, str]) -> None:
    told = " ".join(text for path, text in pages.items() if path.startswith("docs/results/"))
    for row in script.read("mcnemar"):
        assert f"{int(row['only_first']):,}" in told
        assert f"{int(row['only_second']):,}" in told


def test_the_difference_of_two_networks_is_that_of_their_accuracies(script: ModuleType) -> None:
    accuracy = {row["network"]: float(row["test_accuracy"]) for row in script.read("drn")}
    for row in script.read("mcnemar"):
        assert row["points"] == f"{accuracy[row['first']] - accuracy[row['second']]:.2f}"
        assert row["points"] == f"{(int(row['only_first']) - int(row['only_second'])) / 100:.2f}"


@pytest.mark.parametrize(
    ("file", "share", "images"),
    [
        ("drn", "test_accuracy", 10_000),
        ("localization", "localized", 1000),
        ("localization_gt_known", "gt_known", 1000),
        ("localization_trained_on_scenes", "localized", 1000),
    ],
)
def test_intervals_are_wilsons(script: ModuleType, file: str, share: str, images: int) -> None:
    for row in script.read(file):
        correct = round(float(row[share]) / 100 * images)
        interval = binomtest(correct, images).proportion_ci(method="wilson")
        decimals = len(row["low"].partition(".")[2])
        assert f"{100 * interval.low:.{decimals}f}" == row["low"]
        assert f"{100 * interval.high:.{decimals}f}" == row["high"]


def network(name: str, layout: str, width: int) -> ModelConfig:
    if name == "strided ResNet":
        return ResNetConfig(layout=layout, width=width)
    return DrnConfig(variant=name[-1], layout=layout, width=width)


@pytest.mark.parametrize(("file", "width"), [("drn", 8), ("drn_cost", 16)])
def test_parameters_and_multiply_adds_are_those_of_the_networks(
    script: ModuleType, file: str, width: int
) -> None:
    for row in script.read(file):
        for name in row["network"].split(", "):
            traced = trace(build(network(name, row.get("layout", "S"), width), 10), (3, 32, 32))
            assert traced.parameters == int(row["parameters"])
            decimals = len(row["multiply_adds"].removesuffix("M").partition(".")[2])
            assert f"{traced.multiply_adds / 1e6:.{decimals}f}M" == row["multiply_adds"]
