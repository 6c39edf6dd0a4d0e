"""A network inspected before training."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from dilated_cifar.config.model import CnnConfig, ModelConfig
from dilated_cifar.config.residual import DrnConfig, ResNetConfig
from dilated_cifar.dilation.coverage import count_map, count_stages
from dilated_cifar.inspection.count_maps import draw_count_maps, draw_coverage, draw_stages, draw_unit
from dilated_cifar.inspection.network import (
    HEADINGS,
    Inspection,
    describe,
    hole_warning,
    inspect_network,
    layer_rows,
)
from dilated_cifar.models import build

Panels = Callable[..., list[tuple[str, np.ma.MaskedArray]]]
SIZE = (3, 32, 32)


def inspect(config: ModelConfig) -> Inspection:
    return inspect_network(build(config, 10), SIZE, stack=config.stack)


def test_a_stack_is_judged_by_its_rates_and_counted() -> None:
    found = inspect(CnnConfig(dilations=[2, 2, 2]))
    assert found.verdict is not None
    assert found.verdict.covered == pytest.approx(found.unit.covered)
    assert (found.unit.position, found.unit.centre) == ((10, 10), (16.0, 16.0))
    assert found.unit.box == (10, 10, 23, 23)
    assert found.unit.nearest_hole == found.verdict.nearest_hole == 1
    assert torch.equal(found.unit.counts[10:23, 10:23], count_map([2, 2, 2]))
    assert "29.0%" in str(hole_warning(found))


def test_pools_between_the_layers_are_counted_and_not_judged_by_the_list() -> None:
    pooled = inspect(CnnConfig(dilations=[1, 2, 2], pool=True, padding="same"))
    gridded = inspect(CnnConfig(dilations=[2, 4, 2], pool=True, padding="same"))
    assert pooled.verdict is None
    assert hole_warning(pooled) is None
    assert "the network leaves holes: unit (4, 4)" in str(hole_warning(gridded))
    assert hole_warning(inspect(ResNetConfig())) is None


def test_a_field_is_clipped_to_the_image() -> None:
    unit = inspect(ResNetConfig()).unit
    assert unit.layer.receptive_field == (53, 53)
    assert unit.box == (0, 0, 32, 32)
    assert unit.covered == 1.0


def test_layers_are_listed_with_rates_parameters_and_totals() -> None:
    traced = inspect(CnnConfig(dilations=[1, 2, 5])).trace
    *rows, totals = (dict(zip(HEADINGS, row, strict=True)) for row in layer_rows(traced))
    assert [row["rate"] for row in rows if row["operation"] == "conv 3x3"] == ["1", "2", "5"]
    assert [row["RF"] for row in rows if row["operation"] == "conv 3x3"] == ["3", "7", "17"]
    assert sum(int(row["params"].replace(",", "")) for row in rows) == 94_762
    assert (totals["RF"], totals["params"], totals["MACs"]) == ("17", "94,762", "32.11M")


def test_the_description_has_layers_coverage_and_verdicts() -> None:
    text = describe(inspect(CnnConfig(dilations=[2, 2, 2])))
    assert "| features.conv3 | conv 3x3 | 2 | 128x20x20 | 13 | 1 | 73,984 | 29.49M |" in text
    assert "exact criterion: **fail**" in text
    assert "exact criterion" not in describe(inspect(ResNetConfig()))


def test_the_picture_is_of_the_rates_or_of_the_network(panels: Panels) -> None:
    ((_, rates),) = panels(draw_coverage(inspect(CnnConfig(dilations=[1, 2, 5]))))
    assert np.array_equal(rates.filled(0), count_map([1, 2, 5]).numpy())
    drn = inspect(DrnConfig(width=4))
    ((title, shown),) = panels(draw_coverage(drn))
    assert np.array_equal(shown.filled(0), drn.unit.counts.numpy())
    assert "unit (8, 8) of features (16x16)" in title
    assert len(draw_unit(drn.unit).axes) == 2


def test_the_row_of_stages_ends_at_the_image_and_is_as_large_everywhere(panels: Panels) -> None:
    config = ResNetConfig(width=4)
    model = build(config, 10)
    found = inspect_network(model, SIZE)
    drawn = panels(draw_stages(found.unit, count_stages(model, found.trace, found.unit)))
    titles = [title.splitlines()[0] for title, _ in drawn]
    assert titles == [*(f"input of features.stage{stage}" for stage in (3, 2, 1)), "the image"]
    assert {shown.shape for _, shown in drawn} == {(32, 32)}
    assert np.array_equal(drawn[-1][1].filled(0), found.unit.counts.numpy())


def test_a_map_on_an_image_has_the_pixels_of_the_image() -> None:
    counts = torch.zeros(4, 6)
    counts[1, 5] = 7
    figure = draw_count_maps([("unit", counts), ("none", torch.zeros(4, 6))], "title", centred=False)
    axes = figure.axes[0]
    assert axes.get_xlim() == (-0.5, 5.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("pixel column", "pixel row")
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [((5, 1), "7")]
