"""What `export` may be told."""

import re
from dataclasses import dataclass, field

from dilated_cifar.config.base import require, require_one_of
from dilated_cifar.config.evaluate import RunPlace
from dilated_cifar.config.limits import MOST_IMAGES

FORMATS = ["safetensors", "onnx", "torch"]


@dataclass
class ExportConfig(RunPlace):
    """Which trained networks are written in which formats."""

    formats: list[str] = field(default_factory=lambda: list(FORMATS))
    """safetensors (weights), onnx (a graph for onnxruntime and others) and torch (a program of torch.export,
    .pt2)."""
    device: str = "cpu"
    """cpu alone: there the files are compared with the network to rounding."""
    samples: int = 1_000
    """Test images on which each file is compared with the network."""
    tolerance: float = 1e-5
    """Largest difference of a logit, as a share of the largest logit (where that is below 1, of 1)."""
    license: str = "mit"
    """Licence of the weights that the model card names, by the Hugging Face hub's name for it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.formats:
            require_one_of(name, FORMATS, "formats")
        self._require(
            0 < len(self.formats) == len(set(self.formats)),
            "formats",
            f"each once, of {', '.join(FORMATS)}; write formats={FORMATS[0]}",
        )
        self._require(self.device == "cpu", "device", "cpu; the files then run on any device")
        self._require(
            1 <= self.samples <= MOST_IMAGES, "samples", f"a whole number from 1 to {MOST_IMAGES:,}"
        )
        self._require(0 < self.tolerance <= 1, "tolerance", "a share above 0 and up to 1; write 1e-5")
        require(
            re.fullmatch(r"[a-z0-9.-]{1,50}", self.license) is not None,
            "license",
            self.license,
            "a name of the hub's list, such as mit, apache-2.0 or other",
        )
