"""The page of an explanation, in a real browser: its numbers are Python's, and it can be played with."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from torch import Tensor, nn

from dilated_cifar.config.limits import LARGEST_FIELD
from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.residual import ResNetConfig
from dilated_cifar.dilation.coverage import count_map, count_unit, network_count_map
from dilated_cifar.dilation.rates import judge, receptive_field
from dilated_cifar.dilation.stack import Window, convolution_sizes, rates_at_stride_one
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.network import Inspection, inspect_network
from dilated_cifar.inspection.page import Stack, network_page, rates_page
from dilated_cifar.inspection.page_network import network_data
from dilated_cifar.inspection.verdicts import outcomes_text
from dilated_cifar.models import build
from dilated_cifar.percentages import percent

COMMANDS = {"explain": "python scripts/explain.py", "train": "python train.py"}


@pytest.fixture(scope="module")
def rates_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rates") / "explanation.html"
    path.write_text(rates_page([Stack([2, 2, 2], [3, 3, 3])], COMMANDS), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def inspections() -> list[tuple[str, Inspection]]:
    configs = {"gridded": CnnConfig(dilations=[2, 2, 2], padding="same"), "resnet": ResNetConfig()}
    own = [
        (label, inspect_network(build(config, 10), (3, 32, 32), stack=config.stack))
        for label, config in configs.items()
    ]
    # A unit of a stage of blocks, as `layer=features.stage2 position=[0,1]` chooses it.
    resnet = own[1][1]
    corner = count_unit(resnet.model, resnet.trace, "features.stage2", (0, 1))
    own[1] = ("resnet", replace(resnet, unit=corner))
    # Of another size and shape, with branches, poolings that overlap, gates and interpolation.
    other = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)
    return [*own, ("lraspp", inspect_network(other, (3, 64, 96)))]


@pytest.fixture(scope="module")
def network_file(inspections: list[tuple[str, Inspection]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "explanation.html"
    path.write_text(network_page(inspections, COMMANDS), encoding="utf-8")
    return path


@pytest.fixture
def view(browser: webdriver.Chrome) -> Callable[..., Callable[..., Any]]:
    """Open a page at a width; returns what runs a script in it."""

    def opened(path: Path, hashed: str = "", width: int = 1440, scheme: str = "light") -> Callable[..., Any]:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get("about:blank")  # an address that differs by its hash alone would not be loaded
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(path.as_uri() + hashed)
        WebDriverWait(browser, 20).until(
            lambda driver: driver.execute_script("return document.querySelector('#answer p') !== null")
        )
        return browser.execute_script

    return opened


JUDGED = """
    const [rates, kernels] = arguments, found = judge(rates, kernels);
    return { ...found, counts: found.counts.map(String), percent: percent(found.covered),
             alternatives: found.nearestHole === null ? [] : nearestWithoutHoles(rates, kernels) };"""


def random_stack(source: random.Random) -> tuple[list[int], list[int]]:
    """Rates and kernels whose receptive field the page takes; often of one kernel, often with holes."""
    while True:
        count = source.randint(1, 6)
        one = source.randint(1, 7)
        kernels = [one] * count if source.random() < 0.5 else [source.randint(1, 7) for _ in range(count)]
        rates = [source.randint(1, source.choice([3, 9, 30])) for _ in range(count)]
        if receptive_field(rates, kernels) <= 250:
            return rates, kernels


def assert_alike(script: Callable[..., Any], rates: list[int], kernels: list[int]) -> None:
    found, verdict = script(JUDGED, rates, kernels), judge(rates, kernels)
    row = count_map(rates, kernels).double()[0]  # the corner's row: every column once
    assert [int(count) for count in found["counts"]] == [int(count) for count in row / row[0]]
    assert found["field"] == verdict.receptive_field
    assert found["covered"] == pytest.approx(verdict.covered, rel=1e-15)
    assert found["percent"] == percent(verdict.covered, 1)
    assert found["nearestHole"] == verdict.nearest_hole
    assert found["distances"] == list(verdict.distances)
    assert found["factor"] == verdict.factor
    rulings = [vars(ruling) for ruling in verdict.rulings]
    assert found["rulings"] == rulings
    assert found["alternatives"] == [list(rates) for rates in verdict.alternatives]


def assert_sizes_alike(script: Callable[..., Any], size: int, windows: list[Window]) -> None:
    layers = [
        {"kernel": each.kernel_size, "rate": each.rate, "stride": each.stride, "padding": each.padding}
        for each in windows
    ]
    found = script("return stackSizes(arguments[0], arguments[1])", size, layers)
    try:
        expected = convolution_sizes(size, windows)
    except ValueError:
        assert found[-1]["after"] is None
        return
    assert [(each["before"], each["after"], each["back"], each["outputPadding"]) for each in found] == [
        (each.before, each.after, each.transposed, each.restoring) for each in expected
    ]
    for each, layer in zip(expected, layers, strict=True):
        taps = script("return countTaps(...arguments)", layer, each.before, each.after)
        assert taps**2 == each.weights
    rates = rates_at_stride_one([each.rate for each in windows], [each.stride for each in windows])
    strides = [each.stride for each in windows]
    assert script("return ratesAtStrideOne(...arguments)", [each.rate for each in windows], strides) == list(
        rates
    )


@pytest.mark.parametrize("count", [12, pytest.param(2000, marks=pytest.mark.slow)])
def test_random_rates_are_judged_as_in_python(view: Any, rates_file: Path, count: int) -> None:
    script, source = view(rates_file), random.Random(count)
    for rates, kernels in [([2, 3], [3, 3]), ([7], [2]), ([1, 2, 4, 8], [2] * 4), ([1] * 4, [2] * 4)]:
        assert_alike(script, rates, kernels)
    for _ in range(count):
        assert_alike(script, *random_stack(source))


@pytest.mark.parametrize("count", [12, pytest.param(2000, marks=pytest.mark.slow)])
def test_random_sizes_are_those_of_python(view: Any, rates_file: Path, count: int) -> None:
    script, source = view(rates_file), random.Random(count)
    for _ in range(count):
        windows = [
            Window(source.randint(1, 7), source.randint(1, 5), source.randint(1, 3), source.randint(0, 4))
            for _ in range(source.randint(1, 5))
        ]
        assert_sizes_alike(script, source.randint(1, 64), windows)


@pytest.mark.slow
def test_the_largest_lists_are_judged_as_in_python(view: Any, rates_file: Path) -> None:
    script = view(rates_file)
    for rates, kernels in (([4] * 60, [3] * 60), ([166] * 3, [3] * 3), ([70, 80, 90, 5] * 1, [4, 3, 2, 7])):
        assert receptive_field(rates, kernels) <= LARGEST_FIELD
        found, verdict = script(JUDGED, rates, kernels), judge(rates, kernels)
        assert found["alternatives"] == [list(each) for each in verdict.alternatives]
        assert found["rulings"] == [vars(ruling) for ruling in verdict.rulings]


def told(browser: webdriver.Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def test_changing_a_layer_changes_what_is_told(browser: Any, view: Any, rates_file: Path) -> None:
    view(rates_file)
    assert "29.0% of the receptive field of 13×13" in told(browser, "#answer")
    # By keyboard alone: from the first rate to the third.
    first = browser.find_element(By.CSS_SELECTOR, "[aria-label='rate of layer 1']")
    first.send_keys(Keys.ARROW_DOWN)
    third = browser.find_element(By.CSS_SELECTOR, "[aria-label='rate of layer 3']")
    third.send_keys(Keys.ARROW_UP)
    verdict = judge([1, 2, 3])
    assert told(browser, "#answer").startswith("No holes: every pixel of the receptive field of 13×13")
    shown = dict(zip(told_all(browser, "dt"), told_all(browser, "dd"), strict=True))
    assert ", ".join(f"{rule} {text.split()[0]}" for rule, text in shown.items()) == outcomes_text(verdict)
    assert told_all(browser, ".size.forward") == ["32 → 30", "30 → 26", "26 → 20"]
    assert "rates=1,2,3&kernels=3" in browser.current_url


def told_all(browser: webdriver.Chrome, selector: str) -> list[str]:
    return [each.text for each in browser.find_elements(By.CSS_SELECTOR, selector)]


def test_layers_are_added_removed_and_mended(browser: Any, view: Any, rates_file: Path) -> None:
    script = view(rates_file)
    for found in browser.find_elements(By.CSS_SELECTOR, "#nearest button"):
        assert found.text in ("[1, 2, 2]", "[1, 2, 3]")
    browser.find_elements(By.CSS_SELECTOR, "#nearest button")[1].send_keys(Keys.ENTER)
    assert script("return location.hash") == "#rates=1,2,3&kernels=3&strides=1&padding=valid&size=32"
    browser.find_element(By.ID, "add").send_keys(Keys.SPACE)
    assert script("return document.activeElement.ariaLabel") == "rate of layer 4"
    script("return document.activeElement").send_keys(Keys.ARROW_UP)
    browser.find_element(By.CSS_SELECTOR, "[aria-label='remove layer 1']").send_keys(Keys.ENTER)
    assert "rates=2,3,4&" in script("return location.hash")
    assert script("return document.activeElement.ariaLabel") == "rate of layer 1"
    assert "rate 2 is larger than 1" in told(browser, "#rules")


@pytest.mark.parametrize(
    ("hashed", "field"),
    [
        ("#rates=1,2,4,8&kernels=2", "16×16"),
        ("#rates=1,1,1,1&kernels=2", "5×5"),
        ("#rates=1&kernels=7", "7×7"),
    ],
)
def test_an_address_brings_its_layers_back(
    browser: Any, view: Any, rates_file: Path, hashed: str, field: str
) -> None:
    view(rates_file, hashed)
    assert f"No holes: every pixel of the receptive field of {field}" in told(browser, "#answer")


def test_what_cannot_be_computed_is_said(browser: Any, view: Any, rates_file: Path) -> None:
    view(rates_file, "#rates=400,400&kernels=3")
    assert "receptive field of 1,601 pixels; up to 999 are computed here" in told(browser, "#answer")
    rate = browser.find_element(By.CSS_SELECTOR, "[aria-label='rate of layer 1']")
    rate.send_keys(Keys.CONTROL, "a")
    rate.send_keys(Keys.BACKSPACE)
    assert "rate: a whole number from 1 to 4096" in told(browser, "#answer")
    rate.send_keys("1")
    assert "803×803" in told(browser, "#answer")


def test_the_commands_name_these_layers(browser: Any, view: Any, rates_file: Path) -> None:
    view(rates_file, "#rates=1,2,5,1&padding=same")
    assert told(browser, "#explain-command") == (
        "python scripts/explain.py 'rates=[1,2,5,1]' size=32 padding=same"
    )
    assert told(browser, "#train-command") == (
        "python train.py model=plain 'model.dilations=[1,2,5,1]' 'model.channels=[32,64,128,128]' "
        "model.padding=same"
    )
    view(rates_file, "#rates=1,2&kernels=3,2&strides=2,1")
    assert told(browser, "#explain-command") == (
        "python scripts/explain.py 'rates=[1,2]' 'kernel_size=[3,2]' size=32 'stride=[2,1]'"
    )
    assert told(browser, "#train-command") == (
        "No command trains these layers: model=plain has kernels of one size."
    )


def test_arrow_keys_move_over_the_count_map(browser: Any, view: Any, rates_file: Path) -> None:
    view(rates_file)
    canvas = browser.find_element(By.ID, "map")
    canvas.send_keys(Keys.ARROW_UP)
    assert told(browser, "#map-said") == "0 down, 0 right of the centre: 49 times"
    canvas.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert told(browser, "#map-said") == "-1 down, 2 right of the centre: 0 times"


def test_any_unit_of_a_network_counts_what_python_counts(
    browser: Any, view: Any, network_file: Path, inspections: list[tuple[str, Inspection]]
) -> None:
    script, source = view(network_file), random.Random(0)
    for number, (_, inspection) in enumerate(inspections):
        browser.set_script_timeout(30)
        browser.execute_async_script("showNetwork(arguments[0]).then(arguments[1])", number)
        unit = inspection.unit
        assert unit is not None
        assert unit.position is not None
        assert script("return [layerNow().name, ...seen.unit]") == [unit.name, *unit.position]
        layers = script("return seen.network.layers.map(({ name, shape }) => [name, shape])")
        size = inspection.trace.input_size
        for index, (name, shape) in enumerate(layers):
            position = tuple(source.randrange(side) for side in shape)
            found, field = script(
                """seen.layer = arguments[0];
                return [unitCounts(layerNow(), arguments[1]), fieldOf(layerNow(), arguments[1])]""",
                index,
                position,
            )
            alone = network_count_map(inspection.model, size, layer=name, position=position)
            torch.testing.assert_close(
                torch.tensor(found, dtype=torch.float64), alone.flatten(), rtol=1e-9, atol=0
            )
            (top, bottom), (left, right) = field
            assert (top, left, bottom - 1, right - 1) == inspection.trace.bounds(name, position)


def test_layers_and_units_are_chosen_with_the_arrow_keys(browser: Any, view: Any, network_file: Path) -> None:
    script = view(network_file)
    WebDriverWait(browser, 20).until(lambda _: told(browser, "#unit-said"))
    assert told(browser, "#unit-said").startswith("unit (16, 16) of features: field of 13×13 pixels, rows 10")
    assert "29.0% of it covered, 729 paths" in told(browser, "#unit-said")
    radios = browser.find_elements(By.CSS_SELECTOR, ".layers-of input")
    radios[-1].send_keys(Keys.HOME, Keys.ARROW_DOWN)
    assert script("return document.querySelectorAll('.layers-of input')[0].checked")
    assert "features.conv1: field of 5×5 pixels" in told(browser, "#unit-said")
    browser.find_element(By.ID, "units").send_keys(Keys.ARROW_LEFT)
    browser.find_element(By.ID, "units").send_keys(Keys.ARROW_LEFT)
    assert "of features.conv1: field of 5×5 pixels" in told(browser, "#unit-said")
    assert "9 paths" in told(browser, "#unit-said")
    browser.find_element(By.ID, "image").send_keys(Keys.ARROW_UP)
    assert told(browser, "#image-said").startswith("row 16, column 16: ")


def test_a_unit_that_is_no_sum_of_paths_brings_its_counts_and_others_say_why() -> None:
    class Reflected(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")

        def forward(self, images: Tensor) -> Tensor:
            maps: Tensor = self.last(self.first(images))
            return maps

    network, size = Reflected(), (3, 48, 40)
    traced = trace(network, size)
    unit = count_unit(network, traced, "last")
    data = network_data("any", Inspection(network, traced, None, unit))
    first, last = data["layers"]
    assert first["node"] is not None
    assert (last["node"], last["uncounted"]) == (None, "no count is followed through pad")
    assert data["inspected"]["counts"] == unit.counts.flatten().tolist()


UNNAMED = """
    return [...document.querySelectorAll("button, input, select, canvas, a")]
        .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
        .map((each) => each.outerHTML);"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_and_loads_nothing(
    browser: Any, view: Any, network_file: Path, width: int, scheme: str
) -> None:
    script = view(network_file, "#rates=1,2,5,2,1,3,2,1&strides=2,1", width, scheme)
    WebDriverWait(browser, 20).until(lambda _: told(browser, "#unit-said"))
    wide = script(
        """return [...document.querySelectorAll('body *')].filter((each) =>
            each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    assert script(UNNAMED) == []
    overlaid = script(
        """return [...document.querySelectorAll('ol.layers li')].filter((each) =>
            each.scrollWidth > each.clientWidth + 1).length"""
    )
    assert overlaid == 0
    background = script("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    urls = [parameters["request"]["url"] for parameters in sent]
    assert [url for url in urls if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
