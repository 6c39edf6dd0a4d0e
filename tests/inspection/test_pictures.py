import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from dilated_cifar.dilation.coverage import count_map
from dilated_cifar.inspection.count_map_pictures import (
    draw_comparison,
    draw_count_maps,
    draw_layers,
    draw_rates,
)


def panels(figure: Figure) -> list[tuple[str, np.ma.MaskedArray]]:
    return [(axes.get_title(), axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_drawing_leaves_pyplot_alone() -> None:
    code = (
        "import sys; from dilated_cifar.inspection.count_map_pictures import draw_rates; "
        "draw_rates([1, 2, 5]); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_heat_map_shows_the_counts_and_writes_them() -> None:
    figure = draw_rates([2, 2, 2])
    ((title, shown),) = panels(figure)
    counts = count_map([2, 2, 2]).numpy()
    assert np.array_equal(shown.filled(0), counts)
    # A pixel that is never seen has no colour of the scale, so it cannot pass for one seen seldom.
    assert np.array_equal(np.ma.getmaskarray(shown), counts == 0)
    assert title == "rates 2, 2, 2\nfield 13 pixels, 29.0% seen"
    written = {
        (int(text.get_position()[0]), int(text.get_position()[1])): text.get_text()
        for text in figure.axes[0].texts
    }
    assert len(written) == 49
    assert written[0, 0] == "49"
    assert written[-6, 6] == "1"


def test_axes_are_pixels_from_the_centre() -> None:
    axes = draw_rates([1, 2, 5]).axes[0]
    assert axes.get_xlabel() == axes.get_ylabel() == "pixels from the centre"
    assert axes.get_xlim() == (-8.5, 8.5)
    assert axes.get_ylim() == (8.5, -8.5)


def test_several_lists_are_drawn_at_one_scale() -> None:
    figure = draw_comparison([[1, 2, 5], [2, 2, 2], [1, 2, 3, 1, 2, 3]])
    assert [title.splitlines()[1] for title, _ in panels(figure)] == [
        "field 17 pixels, no holes",
        "field 13 pixels, 29.0% seen",
        "field 25 pixels, no holes",
    ]
    assert {axes.get_xlim() for axes in figure.axes if axes.images} == {(-12.5, 12.5)}


def test_the_row_of_layers_ends_at_the_image() -> None:
    figure = draw_layers([1, 2, 3, 1, 2, 3])
    titles = [title.splitlines()[0] for title, _ in panels(figure)]
    assert titles == [*(f"what enters layer {number}" for number in range(6, 1, -1)), "the image"]
    assert np.array_equal(panels(figure)[-1][1].filled(0), count_map([1, 2, 3, 1, 2, 3]).numpy())


def test_a_map_on_an_image_has_the_pixels_of_the_image() -> None:
    counts = torch.zeros(4, 6)
    counts[1, 5] = 7
    figure = draw_count_maps([("unit", counts), ("none", torch.zeros(4, 6))], "title", centred=False)
    axes = figure.axes[0]
    assert axes.get_xlim() == (-0.5, 5.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("pixel column", "pixel row")
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [((5, 1), "7")]


def test_every_figure_can_be_written_as_png() -> None:
    for figure in (draw_rates([1]), draw_layers([40, 40]), draw_comparison([[1, 2]] * 9, kernel_size=5)):
        file = BytesIO()
        figure.savefig(file, format="png")
        assert Image.open(file).format == "PNG"


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no map to draw: write at least one"):
        draw_comparison([])
    with pytest.raises(ValueError, match="the list of rates is empty"):
        draw_comparison([[1], []])
