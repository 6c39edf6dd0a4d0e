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
    rows = [dict(row) for row in script.read("spacing")]
    before = script.drawn_hash(script.draw_lesson(rows))
    assert script.drawn_hash(script.draw_lesson(rows)) == before
    rows[0]["distance_7"] = "12.5"
    assert script.drawn_hash(script.draw_lesson(rows)) != before
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
