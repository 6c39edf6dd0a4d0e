"""Graphs that were exported as ONNX, run by onnxruntime in place of a network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dilated_cifar.config.data import DataConfig
from dilated_cifar.errors import UserError
from dilated_cifar.extras import require_packages
from dilated_cifar.runs.description import OURS
from dilated_cifar.runs.graph import BATCHES, IMAGES, LOGITS, PACKAGES, GraphFile, read_graph

FLOATS = (np.float16, np.float32, np.float64)
FATAL = 4
"""The level of onnxruntime's log at which it prints nothing that is also raised."""


class Graph(nn.Module):
    """An ONNX graph on the CPU; its weights are buffers only so that they can be looked at."""

    def __init__(self, path: Path, file: GraphFile) -> None:
        import onnxruntime

        super().__init__()
        self.path = path
        floats = [weight for weight in file.weights.values() if weight.dtype in FLOATS]
        for number, weight in enumerate(floats):
            self.register_buffer(f"weight{number}", torch.from_numpy(weight.copy()))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self.session = onnxruntime.InferenceSession(
                file.content, options, providers=["CPUExecutionProvider"]
            )
        # onnxruntime has a dozen kinds of errors, all of them derived from Exception alone.
        except Exception as error:
            raise self.refusal(error) from error

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, classes] of images float32 [N, C, H, W] from 0 to 1, which the graph normalises.

        It is run on as many images as its sizes were checked for; empty ones fill up what lacks.
        """
        parts = []
        for part in images.split(BATCHES[-1]):
            lacking = 0 if len(part) in BATCHES else BATCHES[-1] - len(part)
            filled = torch.cat([part, part.new_zeros(lacking, *part.shape[1:])]) if lacking else part
            parts.append(self.run(filled)[: len(part)])
        return torch.cat(parts)

    def run(self, images: Tensor) -> Tensor:
        """The same, run on these images at once: for a graph that this process wrote."""
        try:
            (logits,) = self.session.run([LOGITS], {IMAGES: images.contiguous().numpy()})
        except Exception as error:
            raise self.refusal(error) from error
        return torch.from_numpy(logits)

    def refusal(self, error: Exception) -> UserError:
        """What onnxruntime found wrong, in one line."""
        reason = " ".join(str(error).split())[:200]
        return UserError(f"{self.path}: onnxruntime cannot run it: {reason}; {OURS}")


def open_graph(path: Path) -> tuple[GraphFile, Graph]:
    """Read an ONNX file and make it ready to run.

    Raises:
        UserError: the packages of the extra `export` are missing, or the file is not as export writes it.
    """
    require_packages(PACKAGES, "export", str(path))
    file = read_graph(path)
    return file, Graph(path, file)


def unnormalised(data: DataConfig) -> DataConfig:
    """The data set with its images from 0 to 1, as graphs take them."""
    channels = data.input_size[0]
    return replace(data, mean=[0.0] * channels, std=[1.0] * channels)
