"""The answer on one screen: verdict, receptive field, coverage and nearest rates of rates or networks."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dilated_cifar.dilation.coverage import Unit
from dilated_cifar.dilation.rates import Verdict
from dilated_cifar.inspection.coverage import hole_text, unit_text
from dilated_cifar.inspection.network import LEGEND, Inspection, coverage_sentence, layer_table, millions
from dilated_cifar.inspection.verdicts import (
    DEFINITIONS,
    alternatives_text,
    kernels_text,
    listed,
    outcomes_text,
    rates_text,
    verdict_heading,
    verdict_table,
)
from dilated_cifar.percentages import percent

NO_RULE = (
    "Strides, pools or shortcuts lie between the layers, so that no rule on lists of rates applies; coverage "
    "was counted on the network itself."
)


def rates_answer(verdicts: Sequence[Verdict]) -> list[RenderableType]:
    """What is to be known of lists of rates first: line by line of one, a table of several."""
    if len(verdicts) > 1:
        return [rates_table(verdicts)]
    (verdict,) = verdicts
    field = verdict.receptive_field
    facts = {"receptive field": f"{field}x{field} pixels", **verdict_facts(verdict)}
    return [headed(rates_text(verdict), verdict.nearest_hole), fact_table(facts)]


def rates_table(verdicts: Sequence[Verdict]) -> Table:
    """Lists of rates side by side, a line each."""
    table = plain_table()
    table.add_column("rates", overflow="fold")
    table.add_column("kernels", overflow="fold")
    for heading in ("field", "covered", "nearest hole"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("nearest without holes", overflow="fold")
    for verdict in verdicts:
        kernels = kernels_text(verdict.kernel_sizes).replace(" kernels", "").replace("kernels ", "")
        table.add_row(
            listed(verdict.rates),
            kernels,
            f"{verdict.receptive_field}x{verdict.receptive_field}",
            percent(verdict.covered, 1),
            hole_cell(verdict.nearest_hole),
            " or ".join(f"[{listed(rates)}]" for rates in verdict.alternatives),
        )
    return table


def rates_details(verdict: Verdict) -> list[RenderableType]:
    """The rules on a list of rates with their reasons, and its layers with the field behind each."""
    layers = plain_table()
    for heading in ("layer", "kernel", "rate", "RF"):
        layers.add_column(heading, justify="right")
    field = 1
    for number, (rate, size) in enumerate(zip(verdict.rates, verdict.kernel_sizes, strict=True), start=1):
        field += (size - 1) * rate
        layers.add_row(f"{number}", f"{size}x{size}", f"{rate}", f"{field}")
    return ["", verdict_heading(verdict), verdict_table(verdict), "", layers]


def network_answer(label: str, inspection: Inspection) -> list[RenderableType]:
    """What is to be known of one network first, line by line."""
    traced, unit, verdict = inspection.trace, inspection.unit, inspection.ruling
    facts = {}
    if inspection.last is not None:
        jump = traced.layer(inspection.last).jump[0]
        facts["receptive field"] = (
            f"{inspection.field} pixels; last map {inspection.last_size}, jump {jump:g}"
        )
    if traced.global_paths:
        path = traced.global_paths[0]
        facts["global path"] = f"{path.kind} in {path.module or 'the network'}: the whole image enters"
    if unit is not None and not inspection.is_centre:
        label = f"{label}, {unit_text(unit)}"
    heading = Text(label, style="bold")
    if verdict is not None:
        facts |= {"rates": rates_text(verdict).removeprefix("rates "), **verdict_facts(verdict)}
        heading = headed(label, verdict.nearest_hole)
    elif unit is not None:
        facts["covered"] = covered_text(unit)
        heading = headed(label, unit.nearest_hole)
    else:
        facts["count map"] = f"none: {inspection.uncounted}"
    facts["size"] = f"{traced.parameters:,} parameters, {millions(traced.multiply_adds)} multiply-adds"
    return [heading, fact_table(facts)]


def covered_text(unit: Unit) -> str:
    """How much of its receptive field a unit covers on the image, and where the nearest hole is."""
    top, left, bottom, right = unit.box
    where = f"of its part on the image, rows {top} to {bottom - 1}, columns {left} to {right - 1}"
    return f"{percent(unit.covered, 1)} {where}{hole_clause(unit.nearest_hole)}"


def networks_answer(networks: Sequence[tuple[str, Inspection]]) -> list[RenderableType]:
    """The same of several networks, a line each."""
    table = plain_table()
    table.add_column("network", overflow="fold", min_width=7)
    for heading in ("field", "covered", "nearest hole", "last map", "params", "MACs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for label, inspection in networks:
        traced, judged = inspection.trace, inspection.ruling or inspection.unit
        table.add_row(
            label,
            inspection.field,
            "-" if judged is None else percent(judged.covered, 1),
            "-" if judged is None else hole_cell(judged.nearest_hole),
            inspection.last_size,
            f"{traced.parameters:,}",
            millions(traced.multiply_adds),
        )
    mended = [
        f"{label}: nearest rates without holes {alternatives_text(inspection.verdict)}"
        for label, inspection in networks
        if inspection.verdict is not None and inspection.verdict.alternatives
    ]
    return [table, *mended]


def network_details(label: str, inspection: Inspection) -> list[RenderableType]:
    """The layers of a network, the rules on its rates with their reasons, and what its unit covers."""
    rules: list[RenderableType] = [NO_RULE]
    if inspection.verdict is not None:
        rules = [verdict_heading(inspection.verdict), verdict_table(inspection.verdict)]
    return ["", layer_table(inspection.trace, label), "", *rules, coverage_sentence(inspection)]


def definitions(*further: str, layers: bool = True) -> list[RenderableType]:
    """What the words of the answer mean."""
    texts = (*([LEGEND] if layers else ["RF: receptive field in pixels."]), *DEFINITIONS, *further)
    return ["", *(Text(text, style="dim") for text in texts)]


def verdict_facts(verdict: Verdict) -> dict[str, str]:
    """Coverage of a list of rates, the nearest rates without holes where it has any, and the rules."""
    facts = {"covered": f"{percent(verdict.covered, 1)} of it{hole_clause(verdict.nearest_hole)}"}
    if verdict.alternatives:
        facts["nearest without holes"] = alternatives_text(verdict)
    return facts | {"rules": outcomes_text(verdict)}


def headed(subject: str, nearest_hole: float | None) -> Text:
    """The verdict in a line: what was judged, and whether it has holes."""
    return Text(f"{subject}: {'no holes' if nearest_hole is None else 'holes'}", style="bold")


def hole_clause(nearest: float | None) -> str:
    """Where the nearest hole is, behind the covered share; nothing where all is covered."""
    return "" if nearest is None else f", {hole_text(nearest)}"


def fact_table(facts: dict[str, str]) -> Table:
    """Facts by their names, for a terminal."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, fact in facts.items():
        table.add_row(name, fact)
    return table


def plain_table(title: str | None = None) -> Table:
    """A table without lines, as narrow as its text."""
    return Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)


def hole_cell(nearest: float | None) -> str:
    """The distance of the nearest hole from the centre in pixels, for a table."""
    return "none" if nearest is None else f"{nearest:g}"
