"""Where a command prints and what it writes."""

import json
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from dilated_cifar.errors import UserError, printable
from dilated_cifar.runs.atomic import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # not needed to print

DPI = 110
NARROWEST = 80
"""Columns that every table fits in."""
SHEET = 100
"""Columns of a text file."""
MOST_NUMBERED = 25
"""Classes up to which the counts stand in a picture of a confusion matrix."""
MANY = 5
"""Pictures that are counted rather than named."""


class Screen(Console):
    """The terminal, which shows every text as it is, whatever a file has in it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The segments of what is printed, their texts printable."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def screen() -> Console:
    """The terminal, taken to be at least as wide as the tables need: in a narrower one their lines wrap."""
    console = Screen(highlight=False, markup=False, emoji=False)
    console.width = max(console.width, NARROWEST)
    return console


def save_figure(figure: "Figure", path: Path, *, dpi: int) -> None:
    """Write a figure as PNG or SVG, as the name's ending says."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    figure.set_dpi(dpi)
    with warnings.catch_warnings():
        # A name may have letters that the font lacks; boxes stand for them in the picture.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # Not savefig, which draws everything twice; matplotlib's canvases have no types.
        if path.suffix == ".svg":
            FigureCanvasSVG(figure).print_svg(path)  # type: ignore[no-untyped-call]
        else:
            FigureCanvasAgg(figure).print_png(path)  # type: ignore[no-untyped-call]


def nulled(content: Any) -> Any:
    """Nested dicts, lists and tuples with None in place of numbers that are not finite."""
    if isinstance(content, dict):
        return {key: nulled(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [nulled(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


@dataclass
class Output:
    """The screen and the folder of one call."""

    folder: Path
    console: Console = field(default_factory=screen)
    written: list[Path] = field(default_factory=list)

    def draw(self, name: str, figure: "Figure") -> None:
        """Write a picture."""
        save_figure(figure, self._path(f"{name}.png"), dpi=DPI)

    def note(self, name: str, content: dict[str, Any]) -> None:
        """Write numbers as JSON, which has null where a number is nan or infinite."""
        text = json.dumps(nulled(content), indent=2, allow_nan=False)
        self._path(f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def page(self, name: str, html: str) -> None:
        """Write a page."""
        write_text(self._path(f"{name}.html"), html)

    def say(self, line: str) -> None:
        """Print a line that may be longer than the screen, such as one with a path, without breaking it."""
        self.console.print(line, soft_wrap=True)

    def tell(
        self,
        name: str,
        answer: Sequence[RenderableType],
        details: Sequence[RenderableType],
        *,
        detailed: bool,
    ) -> None:
        """Print the answer, with `detailed` the details below it, and write both as plain text."""
        for part in [*answer, *(details if detailed else [f"more: details=true, or {name}.txt"])]:
            self.console.print(part)
        with self._path(f"{name}.txt").open("w", encoding="utf-8") as file:
            sheet = Screen(
                file=file,
                width=SHEET,
                color_system=None,
                force_terminal=False,
                highlight=False,
                markup=False,
                emoji=False,
            )
            for part in [*answer, *details]:
                sheet.print(part)

    def close(self) -> None:
        """Say what was written."""
        pictures = [path.name for path in self.written if path.suffix == ".png"]
        others = [path.name for path in self.written if path.suffix != ".png"]
        named = pictures if len(pictures) <= MANY else [f"{len(pictures)} pictures"]
        self.say(f"written to {self.folder}: {', '.join([*others, *named])}")

    def prepare(self) -> None:
        """Make the folder, before minutes are spent on what it is to hold.

        Raises:
            UserError: it cannot be made, or nothing can be written there.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise UserError(
                f"output={self.folder}: cannot be written ({error.strerror}); write output=FOLDER"
            ) from error

    def _path(self, name: str) -> Path:
        self.prepare()
        self.written.append(self.folder / name)
        return self.folder / name
