"""Where does the predicted class come from? Class maps beside the last feature map."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from torch import Tensor

from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.features import strongest_maps
from dilated_cifar.inspection.observation import BATCH

_SIDE_INCHES = 2.1


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
    """Class map and strongest last map of a network for images uint8 [N, 3, H, W]."""
    inputs = trained.inputs(images)
    maps = class_maps(trained.model, inputs, batch=BATCH).float().cpu()
    predicted = maps.mean((2, 3)).argmax(1).tolist()
    strongest = strongest_maps(trained.model, inputs)[-1]
    return [
        LastMaps(trained.class_names[winner], maps[number, winner], channel, strongest.maps[number])
        for number, (winner, channel) in enumerate(zip(predicted, strongest.channels, strict=True))
    ]


def draw_class_maps(trained: Sequence[Trained], images: Tensor, names: Sequence[str]) -> Figure:
    """Draw two rows an image, a column a network: the class map, and the strongest map it is made of.

    Only networks with the classes of the first are drawn, since the images are of its data set.

    Args:
        trained: The networks.
        images: uint8, [N, 3, H, W].
        names: Of the images.

    Source: Yu, Koltun & Funkhouser 2017, section 4.
    """
    alike = [each for each in trained if each.class_names == trained[0].class_names]
    networks = [(each.label, last_maps(each, images)) for each in alike]
    size = (_SIDE_INCHES * (1 + len(networks)) + 0.3, 2 * (_SIDE_INCHES + 0.3) * len(images) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(
        "Class map of the predicted class (first row) and channel of\nhighest mean activation of the last "
        "feature map (second); yellow: high",
        fontsize=10,
    )
    grid = figure.subplots(2 * len(images), 1 + len(networks), squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        upper, lower = grid[2 * number : 2 * number + 2]
        upper[0].imshow(image.permute(1, 2, 0).cpu().numpy())
        upper[0].set_title(name, fontsize=9, parse_math=False)
        for column, (label, found) in enumerate(networks, start=1):
            maps = found[number]
            upper[column].imshow(maps.class_map.numpy(), cmap="viridis", interpolation="nearest")
            upper[column].set_title(f"{label}: {maps.predicted}", fontsize=9)
            lower[column].imshow(maps.strongest.numpy(), cmap="viridis", interpolation="nearest")
            shape = "x".join(str(side) for side in maps.strongest.shape)
            lower[column].set_title(f"channel {maps.channel} ({shape})", fontsize=8)
    return figure
