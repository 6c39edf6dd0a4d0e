"""The page: one file that opens offline, in light and dark, on a phone and on a desk."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # it ships no types

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.report.charts import MOST_DRAWN, Payload, count_map_payload, section_payload
from dilated_cifar.report.views import (
    View,
    class_view,
    config_view,
    group_view,
    left_out_view,
    run_view,
    single_run_view,
)

PACKAGE = "dilated_cifar.report"
MOST_CHARTED = 6
"""Sections that are drawn; of further ones, the tables are shown."""


@dataclass(frozen=True)
class SectionView:
    """What the page shows of a section."""

    title: str
    baseline: str
    groups: View
    single_runs: View
    classes: View
    payload: Payload | None
    drawn: str
    """Which groups are drawn, where not all are."""


def render(comparison: Comparison, folder: Path) -> str:
    """The whole page as HTML, with links relative to `folder`."""
    sections = [
        section_view(comparison, figures, charted=number < MOST_CHARTED)
        for number, figures in enumerate(comparison.sections)
    ]
    maps = [count_map_payload(each) for each in comparison.networks.values() if each.counts is not None]
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    data = {
        "sections": [each.payload for each in sections],
        "maps": [{"label": each["label"], "counts": each["counts"]} for each in maps],
    }
    return environment.get_template("report.html.j2").render(
        comparison=comparison,
        sections=sections,
        maps=maps,
        maps_left=len(comparison.networks) - len(maps),
        config=config_view(comparison),
        runs=run_view(comparison, folder),
        left_out=left_out_view(comparison, folder),
        data=embedded_json(data),
        style=asset("report.css"),
        script=asset("report.js"),
        plotly=Markup(get_plotlyjs()),
    )


def section_view(comparison: Comparison, figures: SectionFigures, *, charted: bool) -> SectionView:
    """The tables and charts of a section."""
    payload = section_payload(figures) if charted else None
    count, drawn = len(figures.groups), 0 if payload is None else len(payload["groups"])
    some = f"The {drawn} most accurate of {count} groups are drawn; the tables have all."
    none = f"Only the first {MOST_CHARTED} settings are drawn; the tables have all."
    return SectionView(
        title=figures.section.title,
        baseline=figures.section.baseline.label,
        groups=group_view(comparison, figures),
        single_runs=single_run_view(figures),
        classes=class_view(figures),
        payload=payload,
        drawn=none if payload is None else some if count > MOST_DRAWN else "",
    )


def embedded_json(data: Payload) -> Markup:
    """Data for a script element: no text in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def asset(name: str) -> Markup:
    """One of the package's own files, as it is."""
    return Markup(files(PACKAGE).joinpath("templates", name).read_text(encoding="utf-8"))
