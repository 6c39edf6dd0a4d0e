"""Class maps of whole images, and where their cells lie."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dilated_cifar.dilation.trace import trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.models.classifier import last_map_of


@dataclass(frozen=True)
class Grid:
    """Where the cells of a map lie on an image; all pairs are (rows, columns).

    `start` is the centre of the first cell and `jump` the distance between neighbours, in pixels counted
    from the centre of the first pixel; `shape` is the map's size in cells, `image` the image's in pixels.
    """

    start: tuple[float, float]
    jump: tuple[float, float]
    shape: tuple[int, int]
    image: tuple[int, int]

    def edges(self, axis: int) -> tuple[Tensor, Tensor]:
        """Where each cell of an axis begins and ends: float64 [cells], in pixels from the image's border.

        A cell reaches half of the way to its neighbours, the outermost to the border where the map was
        padded: where another cell would not fit between.
        """
        centres = self.start[axis] + 0.5 + self.jump[axis] * torch.arange(self.shape[axis]).double()
        half = self.jump[axis] / 2
        begins, ends = centres - half, centres + half
        if begins[0] < half:
            begins[0] = 0
        if ends[-1] > self.image[axis] - half:
            ends[-1] = self.image[axis]
        return begins, ends

    @property
    def of_pixels(self) -> "Grid":
        """The grid of a map with one cell for each pixel of the same image."""
        return Grid((0.0, 0.0), (1.0, 1.0), self.image, self.image)


def class_grid(trained: Trained, image: tuple[int, int], *, key: str) -> Grid:
    """Where the cells of a network's class maps lie on images of that many pixels.

    Args:
        trained: The network.
        image: Height and width.
        key: What the user wrote to get images of this size, for the message.

    Raises:
        UserError: the image is too small for the network, or its map has a single row or column.
    """
    written = f"{image[0]}x{image[1]} pixels"
    channels = trained.config.data.input_size[0]
    try:
        traced = trace(trained.model, (channels, *image))
    except ValueError as error:
        reason = str(error.__cause__ or error)
        raise UserError(
            f"{key}: {trained.label} has no class map of {written} ({reason}); "
            "expected a larger image, or a network that takes images of any size"
        ) from error
    name = last_map_of(trained.model, traced)
    if name is None:
        raise UserError(
            f"{key}: no module of {trained.label} puts out a map [C, h, w]; expected one that does"
        )
    last = traced.layer(name)
    shape = (last.output_shape[1], last.output_shape[2])
    if min(shape) < 2:
        raise UserError(
            f"{key}: the class map of {trained.label} has {shape[0]}x{shape[1]} cells on {written}, too few "
            "to localize; expected 2x2 or more, from a larger image or a network that keeps resolution"
        )
    return Grid(last.start, last.jump, shape, image)


def batch_size(image: tuple[int, int]) -> int:
    """Images a pass: as many pixels as 50 scenes of the usual size, so that large ones fit into memory."""
    return max(1, 50 * 64**2 // (image[0] * image[1]))


def maps_of(trained: Trained, images: Tensor) -> Tensor:
    """Class maps [N, classes, h, w] on the CPU of images uint8 [N, C, H, W].

    Raises:
        UserError: the network diverged, so that they are not numbers.
    """
    maps = class_maps(trained.model, trained.inputs(images), batch=len(images)).float().cpu()
    if not maps.isfinite().all():
        raise UserError(
            f"checkpoint={trained.path}: its class maps are not finite numbers; expected a network whose "
            "training did not diverge"
        )
    return maps


def upsample(maps: Tensor, grid: Grid) -> Tensor:
    """Interpolate maps [N, classes, h, w] bilinearly to the pixels [N, classes, H, W] of the image.

    Pixels beyond the outermost cells take the value of the nearest.
    """
    axes = []
    for start, jump, cells, pixels in zip(grid.start, grid.jump, grid.shape, grid.image, strict=True):
        cell = (torch.arange(pixels, dtype=maps.dtype) - start) / jump
        axes.append(2 * cell / (cells - 1) - 1)
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    where = torch.stack([columns, rows], 2).expand(len(maps), -1, -1, -1)
    return F.grid_sample(maps, where, mode="bilinear", padding_mode="border", align_corners=True)


def to_pixels(mask: Tensor, grid: Grid) -> Tensor:
    """Give each pixel the value of the cell it lies in, bool [H, W] of bool [h, w]; beyond all, False."""
    members = []
    for axis in (0, 1):
        begins, ends = grid.edges(axis)
        middles = torch.arange(grid.image[axis]).double()[:, None] + 0.5
        members.append(((middles >= begins) & (middles < ends)).float())
    rows, columns = members
    return rows @ mask.float() @ columns.T > 0
