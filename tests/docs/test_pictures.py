import re
from pathlib import Path
from types import ModuleType

from PIL import Image

SCRIPT = "make_pictures"
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
OF_TRAINED_NETWORKS = {"localization", "localization_scenes"}
"""Drawn by the commands that their pages name, from networks that are not in the repository."""


def test_every_picture_is_what_the_code_and_the_data_draw_now(script: ModuleType) -> None:
    for name, figure in script.pictures().items():
        with Image.open(PICTURES / f"{name}.png") as picture:
            assert picture.text[script.HASH] == script.drawn_hash(figure), (
                f"docs/pictures/{name}.png shows other data; run python docs/make_pictures.py"
            )


def test_another_number_is_another_hash(script: ModuleType) -> None:
    measured = {"1,2,5": [{2: 100.0, 3: 50.0}, {2: 90.0, 3: 60.0}]}
    before = script.drawn_hash(script.draw_lesson(measured))
    assert script.drawn_hash(script.draw_lesson(measured)) == before
    measured["1,2,5"][1][3] = 70.0
    assert script.drawn_hash(script.draw_lesson(measured)) != before
    assert script.drawn_hash(script.draw_layers([1, 2, 5])) != script.drawn_hash(
        script.draw_layers([1, 2, 4])
    )


def test_the_pages_show_every_picture_and_no_other(script: ModuleType, pages: dict[str, str]) -> None:
    shown = {
        name
        for text in pages.values()
        for name in re.findall(r"!\[[^]]+\]\([^)]*pictures/([^)]+)\.png\)", text)
    }
    assert shown == script.pictures().keys() | OF_TRAINED_NETWORKS
    assert {path.stem for path in PICTURES.glob("*.png")} == shown
