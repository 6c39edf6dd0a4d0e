"""What `evaluate` may be told."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import Frozen, require_one_of
from dilated_cifar.config.limits import require_threads
from dilated_cifar.config.published import path_of
from dilated_cifar.errors import UserError

SPLITS = ["test", "validation", "train", "train_subset"]


@dataclass
class DataPlace(Frozen):
    """Where the data set of the run lies on this machine."""

    root: str | None = None
    """Folder of the data set; null for the run's own, else where `train` looks."""
    download: bool = True
    """Fetch the data set where it is missing."""


@dataclass
class Place(Frozen):
    """Which trained networks a command looks at, and where it runs, reads and writes."""

    checkpoint: list[str] = field(default_factory=list)
    """Runs: their folders, whose selected weights are taken (the best, or the last where no images were
    held out), .pt files, the .safetensors files that export writes, or published:NAME for weights that are
    published under a name; as RUN without a key. run= means the same."""
    device: str = "auto"
    """auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:N or mps."""
    threads: int | None = None
    """CPU threads; null for as many as there are cores."""
    output: str | None = None
    """Folder for what is written; null for one in the run folder, or made from the choices."""
    progress: bool = True
    """Show on a terminal what is being done."""
    plugin: list[str] = field(default_factory=list)
    """Files or modules with what runs need of your own: networks, data sets, optimizers."""

    def __post_init__(self) -> None:
        require_threads(self.threads)
        for text in self.checkpoint:
            path_of(text)  # refuses an unknown name before torch is loaded


@dataclass
class RunPlace(Place):
    """The same of a command that looks at trained networks alone."""

    data: DataPlace = field(default_factory=DataPlace)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.checkpoint:
            raise UserError(
                "no run: expected the folder of one, such as outputs/NAME, a file with weights or "
                "published:NAME"
            )


@dataclass
class EvaluateConfig(RunPlace):
    """Which weights are evaluated, on what."""

    split: str = "test"
    """test, validation, train or train_subset, all without augmentation."""
    flip: bool = False
    """Average the logits of each image and of its mirror image."""
    images: list[str] = field(default_factory=list)
    """Pictures, folders or patterns to classify instead of a split."""
    precision: str = "auto"
    """fp32, bf16, or auto: bf16 on CUDA and fp32 elsewhere."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of(self.split, SPLITS, "split")
        require_one_of(self.precision, ["auto", "fp32", "bf16"], "precision")
