"""Where a command prints and what it writes."""

import json
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console

from dilated_cifar.errors import UserError

DPI = 110
NARROWEST = 80
"""Columns that every table fits in."""


def screen() -> Console:
    """The terminal, taken to be at least as wide as the tables need: in a narrower one their lines wrap."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = max(console.width, NARROWEST)
    return console


@dataclass
class Output:
    """The screen and the folder of one call."""

    folder: Path
    console: Console = field(default_factory=screen)
    written: list[Path] = field(default_factory=list)

    def draw(self, name: str, figure: Figure) -> None:
        """Write a picture."""
        path = self._path(f"{name}.png")
        with warnings.catch_warnings():
            # A file name may have letters that the font lacks; boxes stand for them in the picture.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(path, dpi=DPI)

    def note(self, name: str, content: dict[str, Any]) -> None:
        """Write numbers as JSON."""
        self._path(f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def say(self, line: str) -> None:
        """Print a line that may be longer than the screen, such as one with a path, without breaking it."""
        self.console.print(line, soft_wrap=True)

    def close(self) -> None:
        """Say what was written."""
        self.say(f"written to {self.folder}: {', '.join(path.name for path in self.written)}")

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
