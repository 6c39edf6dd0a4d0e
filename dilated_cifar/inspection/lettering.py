"""Titles that fit into their pictures."""

import textwrap

_LETTER = 0.6
"""Width of a letter as a share of the size of the type: the mean of DejaVu Sans is a little less."""


def fitted(text: str, inches: float, points: float) -> str:
    """Break each line of a text where it would be wider than `inches` in type of that size."""
    letters = max(8, int(inches * 72 / (_LETTER * points)))
    lines = [textwrap.wrap(line, letters) or [""] for line in text.split("\n")]
    # matplotlib would take what stands between two dollar signs, as file names may, for mathematics.
    return "\n".join(line for wrapped in lines for line in wrapped).replace("$", r"\$")


def headed(name: str, title: str, inches: float, points: float) -> str:
    """A title below the name of the network that it is of, if any; broken to fit."""
    return fitted(f"{name}\n{title}" if name else title, inches, points)
