"""No title of a picture is cut or lies over another, however long names are and few panels there are."""

from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dilated_cifar.inspection.class_maps import LastMaps, draw_class_maps
from dilated_cifar.inspection.count_maps import draw_count_maps
from dilated_cifar.inspection.effective_field import draw_effective_fields
from dilated_cifar.inspection.features import Strongest, draw_strongest
from dilated_cifar.inspection.gridding import draw_lattices
from dilated_cifar.inspection.localization.drawing import Shown, draw_localization
from dilated_cifar.inspection.observation import Gradients, LabelledGradients, Stage, Target

LABEL = "drn_c__blocks-2-2-2__lr-0.05__width-16__a_long_$name$"
MAP = torch.arange(1.0, 65).view(8, 8)
IMAGES = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
GRADIENTS = LabelledGradients(
    LABEL,
    Target("features", (4, 4), (4.0, 4.0), (81, 81), Stage("features.stage3.0.conv1", 2, (4, 4))),
    {weights: Gradients(MAP[None], MAP[None]) for weights in ("trained", "random init")},
)
PICTURES: dict[str, Callable[[], Figure | None]] = {
    "effective field": lambda: draw_effective_fields([GRADIENTS, GRADIENTS]),
    "lattice": lambda: draw_lattices([GRADIENTS, GRADIENTS]),
    "class maps": lambda: draw_class_maps([(LABEL, [LastMaps("automobile", MAP, 31, MAP)])], IMAGES, [LABEL]),
    "strongest": lambda: draw_strongest(
        [(LABEL, [Strongest("stage2.0", [3], MAP[None])] * 11)], IMAGES, [LABEL]
    ),
    "counts": lambda: draw_count_maps([("input of features.stage3\n8x8", MAP)] * 5, "How often", name=LABEL),
    "localization": lambda: draw_localization(
        [IMAGES[0]], [LABEL], None, [(LABEL, [Shown("automobile", None, MAP, MAP > 9, None)])]
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_titles_lie_in_the_picture_and_apart(name: str) -> None:
    figure = PICTURES[name]()
    assert figure is not None
    FigureCanvasAgg(figure).draw()
    headings = [text for part in (figure, *figure.subfigs) for text in part.texts]
    titles = [text for text in [*headings, *(axes.title for axes in figure.axes)] if text.get_text()]
    boxes = [title.get_window_extent() for title in titles]
    sheet = figure.bbox
    for title, box in zip(titles, boxes, strict=True):
        assert sheet.x0 <= box.x0 < box.x1 <= sheet.x1, title
        assert sheet.y0 <= box.y0 < box.y1 <= sheet.y1, title
    for (one, first), (other, second) in combinations(zip(titles, boxes, strict=True), 2):
        assert not first.overlaps(second), f"{one} lies over {other}"
