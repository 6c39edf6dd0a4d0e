"""The formats: each written as a file, and opened again as whoever receives it would."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dilated_cifar.evaluation.graph import open_graph
from dilated_cifar.evaluation.trained import Trained, open_checkpoint
from dilated_cifar.runs.description import as_texts, describe
from dilated_cifar.runs.graph import IMAGES, LOGITS, PACKAGES, finish
from dilated_cifar.runs.record import EXPORTED, Figures
from dilated_cifar.runs.weights import safetensors_of

METADATA = "metadata.json"
"""The file in a torch.export archive that describes the network."""

Predict = Callable[[Tensor], Tensor]
"""Logits [N, classes] of images, float32 [N, C, H, W] from 0 to 1."""


class Normalised(nn.Module):
    """A network that takes images from 0 to 1, as most programs load them, and normalises them itself."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        data = trained.config.data
        self.network = trained.model
        self.mean, self.std = (nn.Buffer(torch.tensor(each).view(-1, 1, 1)) for each in (data.mean, data.std))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, classes] of images float32 [N, C, H, W] from 0 to 1."""
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits


@dataclass(frozen=True)
class Source:
    """What is exported."""

    trained: Trained
    figures: Figures | None
    """What was measured of these weights."""

    def description(self, *, normalised: bool) -> dict[str, Any]:
        """What a file says of it; `normalised` where the file takes images from 0 to 1."""
        each = self.trained
        return describe(each.config, each.class_names, each.epoch, self.figures, normalised=normalised)

    @cached_property
    def program(self) -> torch.export.ExportedProgram:
        """The network and its normalisation as torch.export traces them, for batches of any size."""
        example = torch.zeros(2, *self.trained.config.data.input_size)  # one image would be one for ever
        any_size = {IMAGES: {0: torch.export.Dim.DYNAMIC}}
        with quiet():
            return torch.export.export(Normalised(self.trained).eval(), (example,), dynamic_shapes=any_size)


@dataclass(frozen=True)
class Format:
    """How a network is written in a file and read from it."""

    file: str
    write: Callable[[Source], bytes]
    open: Callable[[Path], Predict]
    packages: tuple[str, ...] = ()
    """Of the extra `export`, as they are imported."""


def write_safetensors(source: Source) -> bytes:
    """The weights by their names, with the description as metadata."""
    return safetensors_of(source.trained.model.state_dict(), source.description(normalised=False))


def open_safetensors(path: Path) -> Predict:
    """The network that the file describes, with its weights, behind its normalisation."""
    return Normalised(open_checkpoint(path, device="cpu", precision="fp32")).eval()


def write_torch(source: Source) -> bytes:
    """The program, with the description beside it."""
    archive = io.BytesIO()
    texts = {METADATA: json.dumps(source.description(normalised=True))}
    with quiet():
        torch.export.save(source.program, archive, extra_files=texts)
    return archive.getvalue()


def open_torch(path: Path) -> Predict:
    """The program of a file that this process wrote: torch reads parts of such files as pickles."""
    with quiet():
        program: Predict = torch.export.load(path).module()
    return program


def write_onnx(source: Source) -> bytes:
    """The program as an ONNX graph, with the description as metadata."""
    with quiet():
        graph = torch.onnx.export(
            source.program,
            input_names=[IMAGES],
            output_names=[LOGITS],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert graph is not None
    return finish(graph.model_proto, as_texts(source.description(normalised=True)).items())


def open_onnx(path: Path) -> Predict:
    """The graph, run by onnxruntime on batches of any size."""
    return open_graph(path)[1].run


FORMATS = {
    "safetensors": Format(EXPORTED, write_safetensors, open_safetensors),
    "onnx": Format("model.onnx", write_onnx, open_onnx, (*PACKAGES, "onnxscript")),
    "torch": Format("model.pt2", write_torch, open_torch),
}
"""By the names that `formats=` takes."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to themselves what torch's exporters tell of their own inner workings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
