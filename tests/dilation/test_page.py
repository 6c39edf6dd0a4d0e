import re
import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_one_command_remakes_every_picture_of_the_page_and_no_other(tmp_path: Path) -> None:
    shown = re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", (DOCS / "dilation.md").read_text(encoding="utf-8"))
    assert len(shown) > 3
    runpy.run_path(str(DOCS / "make_pictures.py"))["main"](tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == set(shown)
    assert made <= {path.name for path in (DOCS / "pictures").iterdir()}
