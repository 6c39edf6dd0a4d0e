"""What a notebook shows: frames of pandas, HTML tables and pictures."""

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from dilated_cifar.errors import UserError

if TYPE_CHECKING:
    from pandas import DataFrame

FIGURE_DPI = 100


def frame(rows: Any, **options: Any) -> "DataFrame":
    """A frame of pandas.

    Raises:
        UserError: it is not installed.
    """
    return pandas().DataFrame(rows, **options)  # type: ignore[no-any-return]  # imported when it is used


def csv_frame(source: Path | io.StringIO, **options: Any) -> "DataFrame":
    """A CSV file as a frame of pandas.

    Raises:
        UserError: it is not installed.
    """
    return pandas().read_csv(source, **options)  # type: ignore[no-any-return]  # imported when it is used


def pandas() -> Any:
    """The package pandas; a UserError where it is not installed."""
    try:
        import pandas as found
    except ModuleNotFoundError as error:
        raise UserError("no pandas here; write pip install 'dilated-cifar[notebook]'") from error
    return found


def table(headings: Iterable[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """An HTML table; every text is escaped, numbers stand on the right."""

    def cells(texts: Iterable[str], tag: str) -> str:
        return f"<tr>{''.join(cell(text, tag) for text in texts)}</tr>"

    def cell(text: str, tag: str) -> str:
        side = "right" if re.match(r"[+-]?\d", text) else "left"
        return f'<{tag} style="text-align: {side}">{escape(text).replace(chr(10), "<br>")}</{tag}>'

    head = cells(headings, "th")
    body = "".join(cells(row, "td") for row in rows)
    above = f'<caption style="text-align: left">{escape(caption)}</caption>' if caption else ""
    return f"<table>{above}<thead>{head}</thead><tbody>{body}</tbody></table>"


def picture(figure: Figure, description: str) -> str:
    """A figure as HTML."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=FIGURE_DPI, format="png")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(description)}">'
