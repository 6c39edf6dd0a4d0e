"""A page in one file: style, scripts, data and pictures are written into it, and it loads nothing."""

import base64
import io
import json
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image


def environment(package: str) -> Environment:
    """The templates of a package, which may extend `page.html.j2`; `asset(NAME)` is a file as it is."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("dilated_cifar.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    assert made.loader is not None
    source = made.loader.get_source
    made.globals["asset"] = lambda name: Markup(source(made, name)[0])
    return made


def embedded_json(data: dict[str, Any]) -> Markup:
    """Data for a script element: no text in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def data_address(picture: NDArray[np.uint8]) -> str:
    """A picture [H, W, 3] or, with transparency, [H, W, 4] as a PNG in a data address."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
