"""The page: one file that opens offline, in light and dark, on a phone and on a desk."""

import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from markupsafe import Markup, escape
from matplotlib import colormaps
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # it ships no types

from dilated_cifar.comparison.comparison import Comparison
from dilated_cifar.pages.inlining import data_address, embedded_json, environment
from dilated_cifar.report.charts import COLOURS, MAX_DRAWN, SectionCharts
from dilated_cifar.report.class_tables import class_columns_table
from dilated_cifar.report.run_tables import config_table, left_out_table, run_table
from dilated_cifar.report.sentences import answer, coverage, coverage_details, methods
from dilated_cifar.report.tables import group_table, single_run_table

PACKAGE = "dilated_cifar.report"
MAX_UNBROKEN = 20
"""Letters of a name that even a phone has room for."""


def render(comparison: Comparison, charts: Sequence[SectionCharts], folder: Path) -> str:
    """The whole page as HTML, with links relative to `folder`; `charts` are of the first sections."""
    here = folder.resolve()
    templates = environment(PACKAGE)
    templates.filters["breakable"] = breakable
    templates.filters["relative"] = lambda target: relative_link(target, here)
    networks = [network for network in comparison.networks.values() if network.counts is not None]
    counts = [network.counts.tolist() for network in networks if network.counts is not None]
    sections = [
        {
            "title": figures.section.title,
            "groups": group_table(comparison, figures),
            "classes": class_columns_table(figures),
            "single_runs": single_run_table(figures),
            "charts": drawn,
            "one_seed": figures.one_seed,
            "replicate": figures.section.replicate,
        }
        for figures, drawn in zip_longest(comparison.sections, charts)
    ]
    return templates.get_template("report.html.j2").render(
        comparison=comparison,
        answer=answer(comparison),
        methods=methods(comparison),
        sections=sections,
        max_drawn=MAX_DRAWN,
        max_charted=len(charts),
        shown_at_first=len(COLOURS),
        networks=networks,
        picture=picture,
        coverage=coverage,
        coverage_details=coverage_details,
        config=config_table(comparison, joined=True),
        runs=run_table(comparison),
        left_out=left_out_table(comparison.left_out),
        data=embedded_json(
            {
                "sections": [asdict(each) for each in charts],
                "maps": shortest(counts),
                "shown_at_first": len(COLOURS),
            }
        ),
        plotly=Markup(get_plotlyjs()),
    )


def relative_link(target: Path, here: Path) -> str:
    """The address of a folder as seen from the page's."""
    return f"{quote(Path(os.path.relpath(target.resolve(), here)).as_posix())}/"


def breakable(text: str) -> Markup:
    """A text that, where it is long, is broken behind the signs that join keys, before a word is."""
    if len(text) <= MAX_UNBROKEN:
        return escape(text)
    return Markup(re.sub(r"([/_=])", r"\1<wbr>", str(escape(text))))


def shortest(counts: Any) -> Any:
    """Nested lists of counts, whole ones as whole numbers, which JSON writes without a point."""
    if isinstance(counts, list):
        return [shortest(each) for each in counts]
    return int(counts) if counts.is_integer() else round(counts, 3)


def picture(counts: NDArray[np.float64]) -> str:
    """Counts [H, W] as a PNG in a data address: brighter is counted more often, never is transparent."""
    counted = counts > 0
    values = np.zeros_like(counts)
    if counted.any():
        least, most = counts[counted].min(), counts.max()
        # As in the count maps that explain draws: a logarithm where the largest would hide the others.
        values[counted] = counts[counted] / most
        if most > max(1000.0, least):
            values[counted] = np.log(counts[counted] / least) / np.log(most / least)
    colours = (255 * colormaps["viridis"](values)).round().astype(np.uint8)
    colours[..., 3] = np.where(counted, 255, 0)
    return data_address(colours)
