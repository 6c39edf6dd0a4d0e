import subprocess
import sys
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dilated_cifar.dilation.coverage import count_map, count_maps
from dilated_cifar.dilation.rates import judge
from dilated_cifar.inspection.count_maps import draw_comparison, draw_layers
from dilated_cifar.inspection.verdicts import verdict_rows

Panels = Callable[..., list[tuple[str, np.ma.MaskedArray]]]


def test_drawing_leaves_pyplot_alone() -> None:
    code = (
        "import sys; from dilated_cifar.inspection.count_maps import draw_comparison; "
        "draw_comparison([[1, 2, 5]]); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("rates", "outcomes"),
    [
        ([1, 2, 5], ["pass", "pass", "pass"]),
        ([2, 2, 2], ["fail", "pass", "fail", ""]),
        ([1, 4, 3], ["pass", "fail", "pass"]),
        ([2], ["fail", "n/a", "fail", ""]),
    ],
)
def test_every_rule_passes_fails_or_does_not_apply(rates: list[int], outcomes: list[str]) -> None:
    assert [outcome for _, outcome, _ in verdict_rows(judge(rates))] == outcomes


def test_the_heat_map_shows_the_counts_and_writes_them(panels: Panels) -> None:
    figure = draw_comparison([[2, 2, 2]])
    ((title, shown),) = panels(figure)
    counts = count_map([2, 2, 2]).numpy()
    assert np.array_equal(shown.filled(0), counts)
    # A pixel that is never counted has no colour of the scale, so it cannot pass for one counted seldom.
    assert np.array_equal(np.ma.getmaskarray(shown), counts == 0)
    assert title == "rates 2, 2, 2\nreceptive field 13x13, 29.0% covered"
    written = {
        (int(text.get_position()[0]), int(text.get_position()[1])): text.get_text()
        for text in figure.axes[0].texts
    }
    assert len(written) == 49
    assert written[0, 0] == "49"
    assert written[-6, 6] == "1"


def test_axes_are_pixels_from_the_centre() -> None:
    axes = draw_comparison([[1, 2, 5]]).axes[0]
    assert axes.get_xlabel() == axes.get_ylabel() == "pixels from the centre"
    assert axes.get_xlim() == (-8.5, 8.5)
    assert axes.get_ylim() == (8.5, -8.5)


def test_several_lists_are_drawn_at_one_scale(panels: Panels) -> None:
    lists = [[1, 2, 5], [2, 2, 2], [1, 2, 3, 1, 2, 3]]
    figure = draw_comparison(lists)
    for rates, (title, shown) in zip(lists, panels(figure), strict=True):
        assert f"{judge(rates).covered:.1%} covered" in title
        assert np.array_equal(shown.filled(0), count_map(rates).numpy())
    assert {axes.get_xlim() for axes in figure.axes if axes.images} == {(-12.5, 12.5)}


def test_the_row_of_layers_ends_at_the_image(panels: Panels) -> None:
    rates = [1, 2, 3, 1, 2, 3]
    drawn = panels(draw_layers(rates))
    titles = [title.splitlines()[0] for title, _ in drawn]
    assert titles == [*(f"input of layer {number}" for number in range(6, 1, -1)), "the image"]
    for (_, shown), counts in zip(drawn, count_maps(rates), strict=True):
        assert np.array_equal(shown.filled(0), counts.numpy())


def test_every_figure_can_be_written_as_png() -> None:
    for figure in (
        draw_comparison([[1]]),
        draw_layers([40, 40]),
        draw_comparison([[1, 2]] * 9, kernel_size=5),
    ):
        file = BytesIO()
        figure.savefig(file, format="png")
        assert Image.open(file).format == "PNG"


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no map to draw: write at least one"):
        draw_comparison([])
    with pytest.raises(ValueError, match="the list of rates is empty"):
        draw_comparison([[1], []])
