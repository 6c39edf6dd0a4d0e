"""Where a command prints and what it writes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console

from dilated_cifar.errors import UserError

DPI = 110


@dataclass
class Output:
    """The screen and the folder of one call."""

    folder: Path
    console: Console = field(default_factory=lambda: Console(highlight=False, markup=False, emoji=False))
    written: list[Path] = field(default_factory=list)

    def draw(self, name: str, figure: Figure) -> None:
        """Write a picture."""
        figure.savefig(self._path(f"{name}.png"), dpi=DPI)

    def note(self, name: str, content: dict[str, Any]) -> None:
        """Write numbers as JSON."""
        self._path(f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Say what was written."""
        names = ", ".join(path.name for path in self.written)
        self.console.print(f"written to {self.folder}: {names}", soft_wrap=True)

    def _path(self, name: str) -> Path:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"output={self.folder}: cannot be written ({error.strerror}); write output=FOLDER"
            ) from error
        self.written.append(self.folder / name)
        return self.folder / name
