import itertools
import re
from types import ModuleType

from scipy.stats import binomtest, t

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
    assert studies == {path.parent.name for path in script.RESULTS.glob("runs/*/study.json")}


def test_every_measured_figure_in_the_text_is_in_the_data(script: ModuleType, pages: dict[str, str]) -> None:
    files = [path.stem for path in script.RESULTS.glob("*.csv")]
    known = {value for name in files for row in script.read(name) for value in row.values()}
    known |= {"95", "82.92", "80"}  # the level of intervals; the figures of the exercise, not ours
    # Means over seeds are computed of what is kept; the test above has them agree.
    marked = (script.STUDIES, script.MARKED)
    tables = [found[0] for text in pages.values() for each in marked for found in each.finditer(text)]
    known |= {figure for text in tables for figure in re.findall(r"\d[\d.]*", text)}
    for path, text in pages.items():
        if path == "README.md" or path.startswith("docs/results/"):
            prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
            single = re.findall(r"(\d[\d,.]*)(?:%| points| images/s)", prose)
            intervals = re.findall(r"\(([\d.]+)\s+to\s+([\d.]+)\)", prose)
            for figure in [*single, *itertools.chain(*intervals)]:
                assert figure.replace(",", "") in known, f"{path}: {figure} is in none of docs/results/*.csv"


def test_intervals_over_scenes_are_wilsons(script: ModuleType) -> None:
    for row in script.read("localization_trained_on_scenes"):
        interval = binomtest(round(float(row["localized"]) * 10), 1000).proportion_ci(method="wilson")
        assert (row["low"], row["high"]) == (f"{100 * interval.low:.1f}", f"{100 * interval.high:.1f}")


def test_means_over_seeds_are_within_student_s_interval(script: ModuleType) -> None:
    figures = ["1.10", "1.30", "1.50"]
    low, high = t.interval(0.95, 2, loc=1.3, scale=0.2 / 3**0.5)
    assert script.mean_of(figures) == f"1.30 ({low:.2f} to {high:.2f})"
    rows = [{"network": "one", "seed": str(seed), "share": each} for seed, each in enumerate(figures)]
    assert script.over_seeds([*rows, {"network": "two", "seed": "0", "share": ""}]) == [
        {"network": "one", "seeds": "3", "share": script.mean_of(figures)},
        {"network": "two", "seeds": "1", "share": ""},
    ]


def network(name: str, layout: str, width: int) -> ModelConfig:
    if name == "strided ResNet":
        return ResNetConfig(layout=layout, width=width)
    return DrnConfig(variant=name[-1], layout=layout, width=width)


def test_parameters_and_multiply_adds_are_those_of_the_networks(script: ModuleType) -> None:
    for row in script.read("drn_cost"):
        for name in row["network"].split(", "):
            traced = trace(build(network(name, row["layout"], 16), 10), (3, 32, 32))
            assert traced.parameters == int(row["parameters"])
            decimals = len(row["multiply_adds"].removesuffix("M").partition(".")[2])
            assert f"{traced.multiply_adds / 1e6:.{decimals}f}M" == row["multiply_adds"]
