import re
from types import ModuleType

import pytest

from dilated_cifar.config.model import DrnConfig, ModelConfig, ResNetConfig
from dilated_cifar.dilation.trace import trace
from dilated_cifar.models import build

SCRIPT = "make_tables"


def test_every_table_says_what_its_data_say(script: ModuleType, pages: dict[str, str]) -> None:
    for path, text in pages.items():
        assert script.filled(text) == text, f"{path}: run python docs/make_tables.py"
    placed = [name for text in pages.values() for _, name, _ in script.MARKED.findall(text)]
    assert sorted(placed) == sorted(script.TABLES)


def test_every_measured_figure_in_the_text_is_in_the_data(script: ModuleType, pages: dict[str, str]) -> None:
    files = [path.stem for path in script.RESULTS.glob("*.csv")]
    known = {value for name in files for row in script.read(name) for value in row.values()} | {"95"}
    for path, text in pages.items():
        if path == "README.md" or path.startswith("docs/results/"):
            prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
            figures = re.findall(r"(\d[\d,.]*)(?:%| points| images/s)|([\d,]+) (?:test images|without it)", prose)
            for figure in filter(None, (each for found in figures for each in found)):
                assert figure.replace(",", "") in known, f"{path}: {figure} is in none of docs/results/*.csv"


def network(name: str, layout: str, width: int) -> ModelConfig:
    if name == "strided ResNet":
        return ResNetConfig(layout=layout, width=width)
    return DrnConfig(variant=name[-1], layout=layout, width=width)


@pytest.mark.parametrize(("file", "width"), [("drn", 8), ("drn_cost", 16)])
def test_parameters_and_multiply_adds_are_those_of_the_networks(script: ModuleType, file: str, width: int) -> None:
    for row in script.read(file):
        for name in row["network"].split(", "):
            traced = trace(build(network(name, row.get("layout", "S"), width), 10), (3, 32, 32))
            assert traced.parameters == int(row["parameters"])
            assert f"{float(f'{traced.multiply_adds / 1e6:.3g}'):g}" == f"{float(row['multiply_adds'][:-1]):g}"


def test_the_difference_of_two_networks_is_that_of_their_accuracies(script: ModuleType) -> None:
    accuracy = {row["network"]: float(row["test_accuracy"]) for row in [*script.read("rates"), *script.read("drn")]}
    for row in script.read("mcnemar"):
        points = f"{accuracy[row['first']] - accuracy[row['second']]:.2f}"
        assert points == row["points"] == f"{(int(row['only_first']) - int(row['only_second'])) / 100:.2f}"
