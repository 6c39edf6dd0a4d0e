"""What the functions of `import dilated_cifar` return: data that show themselves in a notebook."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from dilated_cifar.comparison import comparison
from dilated_cifar.data.pictures import fit_to, read_pixels
from dilated_cifar.dilation import coverage, rates
from dilated_cifar.dilation.layers import Trace
from dilated_cifar.dilation.trace import trace
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation import metrics
from dilated_cifar.evaluation.own_images import KEY, find_images
from dilated_cifar.evaluation.predict import predict
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.count_maps import draw_count_maps
from dilated_cifar.inspection.network import HEADINGS, LEGEND, layer_rows
from dilated_cifar.inspection.verdicts import verdict_heading, verdict_rows
from dilated_cifar.notebook.display import csv_frame, frame, picture, table
from dilated_cifar.percentages import percent, points
from dilated_cifar.report.files import all_records, curve_texts
from dilated_cifar.report.sentences import answer
from dilated_cifar.report.tables import group_table
from dilated_cifar.runs.record import METRICS, Summary

if TYPE_CHECKING:
    from pandas import DataFrame

Kind = TypeVar("Kind")
Pictures = str | Path | Tensor | Sequence[str | Path]
"""Files, folders or patterns of pictures, or images: uint8 `[N, C, H, W]` or `[C, H, W]`."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that was trained to its end."""

    folder: Path
    summary: Summary

    @cached_property
    def curves(self) -> "DataFrame":
        """The figures of each epoch, as metrics.csv holds them."""
        return csv_frame(self.folder / METRICS, index_col="epoch")

    def _repr_html_(self) -> str:
        summary = self.summary
        found = [(name, each) for name, each in (("best", summary.best), ("last", summary.last)) if each]
        rows: list[list[str]] = []
        for split in ("train", "validation", "test"):
            scores = [getattr(each, split) for _, each in found]
            rows.append([split, *("" if score is None else percent(score.accuracy) for score in scores)])
        rows.append(["gap", *(f"{points(each.gap)} points" for _, each in found)])
        marks = {summary.chosen: ", selected"}
        headings = [f"{name} (epoch {each.epoch}{marks.get(name, '')})" for name, each in found]
        return table(["accuracy", *headings], rows, f"{self.folder}; overfitting: {summary.onset}")


@dataclass(frozen=True)
class LoadedNetwork:
    """A trained network with what it takes to use it."""

    trained: Trained

    @property
    def network(self) -> nn.Module:
        """In eval mode, on its device; of normalised images `[N, C, H, W]` it gives logits `[N, classes]`."""
        return self.trained.model

    @property
    def class_names(self) -> list[str]:
        """In the order of the logits."""
        return self.trained.class_names

    def preprocess(self, pictures: Pictures) -> Tensor:
        """Bring pictures to what the network takes: float `[N, C, H, W]`, normalised, on its device.

        Files of any size lose what does not fit the network's shape at their sides, as in `evaluate.py`.

        Raises:
            UserError: a file is no picture, or images have another size.
        """
        return self.trained.inputs(self._images(pictures))

    def predict(self, pictures: Pictures) -> "DataFrame":
        """The probability of each class, a row a picture.

        Raises:
            UserError: a file is no picture, or images have another size.
        """
        trained, images = self.trained, self._images(pictures).to(self.trained.machine.device)
        shares = predict(trained.model, images, trained.config.data, trained.machine).softmax(1)
        return frame(shares.cpu().numpy(), columns=self.class_names)

    def _images(self, pictures: Pictures) -> Tensor:
        channels, *size = self.trained.config.data.input_size
        if not isinstance(pictures, Tensor):
            names = [pictures] if isinstance(pictures, str | Path) else pictures
            files = find_images([str(name) for name in names])
            pixels = (read_pixels(file, channels=channels, key=KEY) for file in files)
            return torch.stack([fit_to(each, (size[0], size[1])) for each in pixels])
        images = pictures if pictures.dim() == 4 else pictures[None]
        expected = list(self.trained.config.data.input_size)
        if images.dtype != torch.uint8 or list(images.shape[1:]) != expected:
            raise UserError(
                f"images of {str(images.dtype).removeprefix('torch.')} {list(images.shape)}: expected uint8 "
                f"[N, {', '.join(map(str, expected))}], values from 0 to 255"
            )
        return images

    def _repr_html_(self) -> str:
        trained = self.trained
        said = f"{trained.path}, epoch {trained.epoch}; classes: {', '.join(self.class_names)}"
        try:
            traced = trace(self.network, trained.config.data.input_size)
        except ValueError as error:  # a network of a plugin may run anything
            return table([], [[f"layers: {error}"]], said)
        return same(Layers, traced)._table(said)


@dataclass(frozen=True)
class Evaluated(metrics.Figures):
    """The figures of a network on one split."""

    @property
    def by_class(self) -> "DataFrame":
        """Images, precision, recall and F1 of each class."""
        return frame([vars(each) for each in self.classes]).set_index("name")

    @property
    def confusion_matrix(self) -> "DataFrame":
        """Counts; rows are the true classes, columns the predicted ones."""
        names = [each.name for each in self.classes]
        return frame(self.confusion, index=names, columns=names)

    def _repr_html_(self) -> str:
        low, high = map(percent, self.accuracy_interval)
        rows = [
            ["images", f"{self.images:,}"],
            ["accuracy", f"{percent(self.accuracy)} (95% interval {low} to {high})"],
            ["loss", f"{self.loss:.4f}"],
            ["top-5 accuracy", percent(self.top5)],
            ["calibration error", percent(self.calibration_error)],
        ]
        return table([], rows)


@dataclass(frozen=True)
class Compared:
    """The numbers of a comparison as pandas frames; accuracies are shares from 0 to 1, times in seconds."""

    comparison: comparison.Comparison

    @cached_property
    def frames(self) -> dict[str, "DataFrame"]:
        """Every table that `compare` writes as CSV, by its name: groups, differences, mcnemar and others."""
        tables = all_records(self.comparison)
        found = {name: frame(each.rows, columns=list(each.names)) for name, each in tables.items()}
        curves, _ = curve_texts(self.comparison)
        return found | {"curves": csv_frame(io.StringIO(curves))}

    @property
    def groups(self) -> "DataFrame":
        """A row for each group of runs that differ in seed and fold alone: means with their intervals."""
        return self.frames["groups"]

    @property
    def differences(self) -> "DataFrame":
        """A row for each group and measure, against the baseline."""
        return self.frames["differences"]

    @property
    def runs(self) -> "DataFrame":
        """A row for each run."""
        return self.frames["runs"]

    @property
    def curves(self) -> "DataFrame":
        """A row for each group, curve and epoch."""
        return self.frames["curves"]

    def _repr_html_(self) -> str:
        parts = [f"<p>{escape(sentence)}</p>" for sentence in answer(self.comparison)]
        for each in self.comparison.sections:
            described = group_table(self.comparison, each)
            shown = [column for column in described.columns if column.page and not column.detail]
            rows = [[column.cell(row) for column in shown] for row in described.rows]
            texts = [[f"{cell.text}\n{cell.below}".strip() for cell in row] for row in rows]
            parts.append(table([column.heading for column in shown], texts, each.section.title))
        return "".join(parts)


class Layers(Trace):
    """The layers of a network, and their totals."""

    @property
    def frame(self) -> "DataFrame":
        """A row a layer."""
        return frame([vars(layer) for layer in self.layers]).set_index("name")

    def _table(self, caption: str) -> str:
        return table(HEADINGS, layer_rows(self), f"{caption}; {LEGEND}" if caption else LEGEND)

    def _repr_html_(self) -> str:
        return self._table("")


class Judgement(rates.Verdict):
    """What the theory says about a list of dilation rates."""

    def _repr_html_(self) -> str:
        return table([], verdict_rows(self), verdict_heading(self))


@dataclass(frozen=True)
class CountMap:
    """How often each pixel enters one output."""

    title: str
    counts: Tensor
    """float64 `[H, W]`."""
    centred: bool
    """Whether it is drawn around its centre, not as it lies on the image."""

    def draw(self) -> Figure:
        """Draw it, with its numbers where they are legible."""
        shown = percent(coverage.covered_share(self.counts), 1)
        size = "x".join(str(side) for side in self.counts.shape)
        panels = [(f"{size} pixels, {shown} counted at least once", self.counts)]
        return draw_count_maps(
            panels, f"How often each pixel enters one output\n{self.title}", centred=self.centred
        )

    def _repr_html_(self) -> str:
        return picture(self.draw(), f"count map: {self.title}")


def same(kind: type[Kind], plain: Any) -> Kind:
    """A dataclass as the subclass that shows itself."""
    return kind(**{each.name: getattr(plain, each.name) for each in fields(plain)})
