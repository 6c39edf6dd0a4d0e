"""How much of its receptive field does a unit cover? Its count map, described."""

from torch import Tensor

from dilated_cifar.dilation.coverage import Unit
from dilated_cifar.percentages import percent

_MANY = 1e7


def hole_text(nearest: float | None) -> str:
    """Say where the nearest hole is: its distance from the centre of the receptive field in pixels."""
    if nearest is None:
        return "no holes"
    return f"nearest hole {nearest:g} pixel{'' if nearest <= 1 else 's'} from the centre"


def unit_sentence(unit: Unit) -> str:
    """Say how much of its receptive field one unit of a network covers on the image."""
    top, left, bottom, right = unit.box
    return (
        f"{unit_text(unit)}: receptive field {field_text(unit)}, {percent(unit.covered, 1)} of it on the "
        f"image (rows {top} to {bottom - 1}, columns {left} to {right - 1}) covered, "
        f"{hole_text(unit.nearest_hole)}; {_count(unit.counts.sum())} paths, "
        f"at most {_count(unit.counts.max())} from one pixel"
    )


def unit_text(unit: Unit) -> str:
    """Name a unit by its position and its layer."""
    if unit.position is None:
        return unit.name
    size = "x".join(str(side) for side in unit.layer.output_shape[1:])
    return f"unit {unit.position} of {unit.name} ({size})"


def field_text(unit: Unit) -> str:
    """The receptive field of a unit, as `17x17`."""
    return "x".join(str(side) for side in unit.layer.receptive_field)


def _count(number: Tensor) -> str:
    return f"{number:,.0f}" if number < _MANY else f"{number:.2g}"
