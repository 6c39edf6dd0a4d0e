import functools
import http.server
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import compare
from dilated_cifar.report.files import prepare, write_report


@pytest.fixture(scope="module")
def report(run_folders, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    runs = run_folders(folder / "sweep")
    groups = {"plain": ([1, 1, 1], 0.5), "dilated": ([1, 2, 5], 0.8), "gridded <b>&amp; #": ([2, 2, 2], 0.6)}
    for name, (rates, test) in groups.items():
        for seed, extra in enumerate((0.0, 0.03, -0.01)):
            runs.write(
                f"{name}__seed-{seed}", epochs=20, seed=seed, test=test + extra, model__dilations=rates
            )
    (runs.write("late", seed=9) / "summary.json").unlink()
    output = folder / "out"
    prepare(output)
    write_report(compare(collect([runs.parent], progress=False)), output)
    return output / "report.html"


PLAIN, DILATED, GRIDDED = "plain", "dilated", "gridded <b>&amp; #"


def view(browser: webdriver.Chrome, page: str, width: int = 1440, scheme: str = "light") -> None:
    """Open a page at a width; a phone's where it is narrow."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for log in ("browser", "performance"):
        browser.get_log(log)  # what belongs to the page before
    browser.get(page)
    wait(browser, "return document.querySelectorAll('.chart .main-svg').length >= 8")


def wait(browser: webdriver.Chrome, condition: str, *arguments: Any) -> Any:
    return WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(condition, *arguments))


def first_column(browser: webdriver.Chrome) -> list[str]:
    cells = browser.find_elements(By.CSS_SELECTOR, "table[data-name=groups] tbody th")
    return [cell.text.splitlines()[0] for cell in cells]


def click_heading(browser: webdriver.Chrome, table: str, heading: str) -> str:
    """Click a column's heading; returns how the column is then sorted."""
    script = """
        const cell = [...document.querySelectorAll(`table[data-name=${arguments[0]}] thead th`)]
            .find((cell) => cell.innerText.trim() === arguments[1]);
        cell.querySelector("button").click();
        return cell.getAttribute("aria-sort");"""
    return str(browser.execute_script(script, table, heading))


def test_the_page_loads_from_a_file_without_network_or_console_messages(browser, report: Path) -> None:
    view(browser, report.as_uri())
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    asked = [parameters["request"]["url"] for parameters in sent]
    assert report.as_uri() in asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_page_asks_a_server_for_nothing_but_itself(browser, report: Path) -> None:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(report.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        view(browser, f"http://127.0.0.1:{server.server_address[1]}/report.html")
        server.shutdown()
    assert asked == ["/report.html"]
    assert browser.get_log("browser") == []


def test_the_page_names_no_address_outside_itself_to_load(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    head = text[: text.index('<script type="application/json"')]
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', head) == []
    assert '<link rel="stylesheet"' not in head
    assert report.stat().st_size < 10_000_000


def test_a_heading_sorts_the_table_both_ways(browser, report: Path) -> None:
    view(browser, report.as_uri())
    assert first_column(browser) == [PLAIN, DILATED, GRIDDED]
    assert click_heading(browser, "groups", "test accuracy") == "ascending"
    assert first_column(browser) == [PLAIN, GRIDDED, DILATED]
    assert click_heading(browser, "groups", "test accuracy") == "descending"
    assert first_column(browser) == [DILATED, GRIDDED, PLAIN]
    # The baseline has no difference to itself, and stays last.
    for expected in ("ascending", "descending"):
        assert click_heading(browser, "groups", "difference (points)") == expected
        assert first_column(browser)[-1] == PLAIN


def test_hovering_over_a_curve_shows_its_group_and_value(browser, report: Path) -> None:
    view(browser, report.as_uri())
    chart = browser.find_element(By.CSS_SELECTOR, "[data-chart=curves]")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    # Where the third epoch of the first group's held-out loss is drawn.
    x, y = browser.execute_script(
        """
        const chart = arguments[0], layout = chart._fullLayout, box = chart.getBoundingClientRect();
        const trace = chart.data.find((trace) => trace.hovertemplate?.includes("held out"));
        return [layout.xaxis.d2p(trace.x[2]) + layout.xaxis._offset - box.width / 2,
                layout.yaxis.d2p(trace.y[2]) + layout.yaxis._offset - box.height / 2];""",
        chart,
    )
    ActionChains(browser).move_to_element_with_offset(chart, round(x), round(y)).perform()
    shown = wait(browser, "return document.querySelector('[data-chart=curves] .hoverlayer').textContent")
    assert PLAIN in shown
    assert "held out, epoch 3" in shown
    assert "runs" in shown


def test_buttons_change_what_is_drawn(browser, report: Path) -> None:
    view(browser, report.as_uri())
    lines = "return document.querySelector('[data-chart=curves]').data.filter((t) => t.hovertemplate).length"
    assert browser.execute_script(lines) == 6
    browser.find_element(By.CSS_SELECTOR, "[data-choices=curves] button:last-child").click()
    assert browser.execute_script(lines) == 3
    browser.find_element(By.CSS_SELECTOR, ".legend button").click()
    assert browser.execute_script(lines) == 2
    titles = browser.execute_script(
        "return document.querySelector('[data-chart=costs]').layout.xaxis.title.text"
    )
    browser.find_element(By.CSS_SELECTOR, "[data-choices=costs] button:last-child").click()
    after = browser.execute_script(
        "return document.querySelector('[data-chart=costs]').layout.xaxis.title.text"
    )
    assert (titles, after) == ("multiply-adds (millions)", "receptive field (pixels)")


def test_pointing_at_a_count_map_tells_the_count(browser, report: Path) -> None:
    view(browser, report.as_uri())
    image = browser.find_element(By.CSS_SELECTOR, "#maps img")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", image)
    ActionChains(browser).move_to_element(image).perform()
    said = wait(browser, "return document.querySelector('#maps output').textContent")
    # [1,1,1]: 7 paths through the middle, each way.
    assert said == "0 down, 0 right of the middle: 49 times"


CUT_WORDS = """
    const places = document.querySelectorAll("table[data-name=groups] :is(th, td, small, button)");
    const words = [...places].flatMap((element) =>
        [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).flatMap((node) =>
            [...node.textContent.matchAll(/[^\\s/_=-]+/g)].map((word) => {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                return [word[0], range.getClientRects().length];
            })));
    return words.filter(([, lines]) => lines > 1).map(([word]) => word);"""
"""The words in the table of groups that stand on several lines."""


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_a_desk_in_light_and_dark(
    browser, report: Path, width: int, scheme: str
) -> None:
    view(browser, report.as_uri(), width, scheme)
    wide = browser.execute_script(
        """return [...document.querySelectorAll('body *')].filter((e) =>
            e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            && !e.closest('.scroll, .legend, svg')).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    # The answer's columns fit a desk, the others are shown on demand, and a table that goes on says so.
    scrolls = (
        "return document.querySelector('.scroll').scrollWidth > document.querySelector('.scroll').clientWidth"
    )
    hint = "return document.querySelector('.scrolls').textContent"
    assert browser.execute_script(scrolls) == (width < 500)
    browser.find_element(By.CSS_SELECTOR, "input.more").click()
    assert wait(browser, hint) == "\u2194 scroll sideways for more columns"
    assert browser.execute_script(scrolls)
    assert browser.execute_script(CUT_WORDS) == []
    ticks = (
        "return [...document.querySelectorAll('[data-chart=curves] .xtick text')].map((e) => e.textContent)"
    )
    assert all(tick.isdecimal() for tick in browser.execute_script(ticks))
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert contrast(browser, "body") > 7
    assert contrast(browser, ".hint") > 4.5
    assert contrast(browser, "#maps .bad") > 4.5
    assert contrast(browser, "[data-chart=curves] .xtick text", "fill") > 7
    dark = (
        browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        != "rgb(255, 255, 255)"
    )
    assert dark == (scheme == "dark")


def contrast(browser: webdriver.Chrome, selector: str, paint: str = "color") -> float:
    """WCAG 2 contrast of an element's text with the page or panel behind it."""
    colours = browser.execute_script(
        """
        const element = document.querySelector(arguments[0]);
        let behind = element;
        const clear = (e) => getComputedStyle(e).backgroundColor === "rgba(0, 0, 0, 0)";
        while (clear(behind)) behind = behind.parentElement;
        return [getComputedStyle(element)[arguments[1]], getComputedStyle(behind).backgroundColor];""",
        selector,
        paint,
    )
    light, dark = sorted((luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_button_switches_between_light_and_dark(browser, report: Path) -> None:
    view(browser, report.as_uri())
    script = """return [getComputedStyle(document.body).backgroundColor,
                       document.querySelector('[data-chart=curves]').layout.font.color]"""
    before = browser.execute_script(script)
    browser.find_element(By.ID, "theme").click()
    after = browser.execute_script(script)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_links_open_the_run_folders_and_names_are_text(browser, report: Path) -> None:
    view(browser, report.as_uri())
    links = browser.find_elements(
        By.CSS_SELECTOR, "table[data-name=runs] tbody a, table[data-name=left_out] a"
    )
    assert len(links) == 10
    names = {link.get_attribute("textContent") for link in links}
    assert "sweep/gridded <b>&amp; #__seed-0" in names
    assert browser.execute_script("return document.querySelectorAll('table b').length") == 0
    odd = next(link for link in links if "gridded" in link.get_attribute("textContent"))
    browser.get(odd.get_attribute("href"))
    # The listing's rows are written by scripts, which may run after the page counts as loaded.
    WebDriverWait(browser, 20).until(lambda driver: "summary.json" in driver.page_source)
