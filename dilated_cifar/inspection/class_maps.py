"""Where does the predicted class come from? Class maps beside the last feature map."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from torch import Tensor

from dilated_cifar.data.pictures import as_shown
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.features import strongest_maps
from dilated_cifar.inspection.lettering import fitted
from dilated_cifar.inspection.observation import BATCH

_SIDE_INCHES = 1.9


@dataclass(frozen=True)
class LastMaps:
    """The last maps of a network for one image.

    `class_map` [h, w] is that of the predicted class, `strongest` [h, w] the channel of the last feature map
    with the highest mean activation.
    """

    predicted: str
    class_map: Tensor
    channel: int
    strongest: Tensor


def last_maps(trained: Trained, images: Tensor) -> list[LastMaps]:
    """Class map and strongest last map of a network that has class maps, for images uint8 [N, C, H, W]."""
    inputs = trained.inputs(images)
    maps = class_maps(trained.model, inputs, batch=BATCH).float().cpu()
    predicted = maps.mean((2, 3)).argmax(1).tolist()
    strongest = strongest_maps(trained.model, inputs)[-1]
    return [
        LastMaps(trained.class_names[winner], maps[number, winner], channel, strongest.maps[number])
        for number, (winner, channel) in enumerate(zip(predicted, strongest.channels, strict=True))
    ]


def draw_class_maps(
    networks: Sequence[tuple[str, Sequence[LastMaps]]], images: Tensor, names: Sequence[str]
) -> Figure:
    """Draw each image beside the class maps, and below them the strongest maps that they are made of.

    Args:
        networks: Label of each network, and its maps for every image.
        images: uint8, [N, C, H, W].
        names: Of the images.

    Source: Yu, Koltun & Funkhouser 2017, section 4.
    """
    width = _SIDE_INCHES * (2 + len(networks)) + 0.3
    figure = Figure(figsize=(width, 2 * (_SIDE_INCHES + 0.4) * len(images) + 0.9), layout="constrained")
    title = (
        "Class map of the predicted class (above) and channel of highest mean activation of the last feature "
        "map (below); yellow: high"
    )
    figure.suptitle(fitted(title, width, 10), fontsize=10)
    cells = figure.add_gridspec(2 * len(images), 2 + len(networks))
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        # As high as the two maps beside it.
        axes = figure.add_subplot(cells[2 * number : 2 * number + 2, :2])
        axes.imshow(as_shown(image).numpy())
        axes.set_title(fitted(name, 2 * _SIDE_INCHES, 10), fontsize=10)
        for column, (label, found) in enumerate(networks, start=2):
            maps = found[number]
            shape = "x".join(str(side) for side in maps.strongest.shape)
            titles = f"{label}: {maps.predicted}", f"channel {maps.channel} ({shape})"
            for row, (drawn, above) in enumerate(
                zip((maps.class_map, maps.strongest), titles, strict=True), start=2 * number
            ):
                axes = figure.add_subplot(cells[row, column])
                axes.imshow(drawn.numpy(), cmap="viridis", interpolation="nearest")
                axes.set_title(fitted(above, _SIDE_INCHES, 8), fontsize=8)
    for axes in figure.axes:
        axes.set_axis_off()
    return figure
