"""The page: one file that opens offline, in light and dark, on a phone and on a desk."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # it ships no types

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.report.charts import MAX_DRAWN, SectionCharts
from dilated_cifar.report.columns import Table
from dilated_cifar.report.count_maps import count_map
from dilated_cifar.report.run_tables import config_table, left_out_table, run_table
from dilated_cifar.report.sentences import answer, methods
from dilated_cifar.report.tables import class_columns_table, group_table, single_run_table

PACKAGE = "dilated_cifar.report"
MAX_CHARTED = 6
"""Sections that are drawn; of further ones, the tables are shown."""


@dataclass(frozen=True)
class SectionView:
    """What the page shows of a section."""

    title: str
    tables: dict[str, Table[Any]]
    charts: SectionCharts | None
    drawn: str
    """Which groups are drawn, where not all are."""


def render(comparison: Comparison, charts: Sequence[SectionCharts], folder: Path) -> str:
    """The whole page as HTML, with links relative to `folder` and the charts of the first sections."""
    sections = [
        section_view(comparison, figures, each)
        for figures, each in zip_longest(comparison.sections, charts[:MAX_CHARTED])
    ]
    maps = [count_map(each) for each in comparison.networks.values() if each.counts is not None]
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["relative"] = lambda target: relative_link(target, folder)
    data = {"sections": [asdict(each) for each in charts], "maps": [each["counts"] for each in maps]}
    return environment.get_template("report.html.j2").render(
        comparison=comparison,
        answer=answer(comparison),
        methods=methods(comparison),
        sections=sections,
        maps=maps,
        maps_left=len(comparison.networks) - len(maps),
        config=config_table(comparison, joined=True),
        runs=run_table(comparison),
        left_out=left_out_table(comparison.left_out),
        data=embedded_json(data),
        style=asset("report.css"),
        script=asset("report.js"),
        plotly=Markup(get_plotlyjs()),
    )


def section_view(
    comparison: Comparison, figures: SectionFigures, charts: SectionCharts | None
) -> SectionView:
    """The tables and charts of a section."""
    count = len(figures.groups)
    some = f"The {MAX_DRAWN} most accurate of {count} groups are drawn; the tables have all."
    none = f"Only the first {MAX_CHARTED} settings are drawn; the tables have all."
    tables: dict[str, Table[Any]] = {
        "groups": group_table(comparison, figures),
        "classes": class_columns_table(figures),
        "single_runs": single_run_table(figures),
    }
    drawn = none if charts is None else some if count > MAX_DRAWN else ""
    return SectionView(figures.section.title, tables, charts, drawn)


def relative_link(target: Path, folder: Path) -> str:
    """The address of a folder as seen from the page's."""
    return f"{quote(Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix())}/"


def embedded_json(data: dict[str, Any]) -> Markup:
    """Data for a script element: no text in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def asset(name: str) -> Markup:
    """One of the package's own files, as it is."""
    return Markup(files(PACKAGE).joinpath("templates", name).read_text(encoding="utf-8"))
