"""The whole configuration of one training run."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from dilated_cifar.config.augment import AugmentConfig
from dilated_cifar.config.base import Frozen, as_typed, require, require_below, require_one_of, require_seed
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.limits import (
    LARGEST_NUMBER,
    MOST_EPOCHS,
    MOST_IN_A_BATCH,
    MOST_JOBS,
    require_threads,
)
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.config.optimization import OptimizerConfig, ScheduleConfig
from dilated_cifar.errors import UserError

LOCAL_KEYS = (
    "plugin",
    "name",
    "output_dir",
    "device",
    "compile",
    "jobs_per_gpu",
    "threads",
    "progress",
    "pictures",
    "save_minutes",
    "data.root",
    "data.download",
    "data.addresses",
)
"""Keys that say where and on what a run happens, not what it computes: a run may continue with others."""


@dataclass
class Config(Frozen):
    """One run: what is trained, on what, how long and where it is written."""

    model: ModelConfig = MISSING
    data: DataConfig = MISSING
    augment: AugmentConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    schedule: ScheduleConfig = MISSING
    seed: int = 0
    """Source of every random choice: initial weights, order of the images, augmentation, dropout."""
    epochs: int = 10
    """Passes over the training split."""
    batch_size: int = 128
    """Images a step; the last step of an epoch takes what is left."""
    label_smoothing: float = 0.0
    """Share of the target spread evenly over all classes (Szegedy et al. 2016)."""
    whiten: bool = False
    """Begin with the principal components of the training images as filters of the first convolution."""
    dirac: bool = False
    """Begin with convolutions that pass their input on, all but the first (Zagoruyko & Komodakis 2017)."""
    teacher: str | None = None
    """Run, checkpoint or published:NAME whose predictions are part of the target (Hinton et al. 2015)."""
    teacher_share: float = 0.9
    """Its share of the objective; without a teacher of no effect."""
    temperature: float = 4.0
    """Divides both networks' logits before they are compared; without a teacher of no effect."""
    gradient_clip: float | None = None
    """Largest norm of the whole gradient; null for no bound."""
    ema: float | None = None
    """Decay per step of an exponential moving average of the weights, which is then what is evaluated, with
    batch norms that are fitted to it each epoch."""
    device: str = "auto"
    """auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """fp32, bf16 (autocast), or auto: bf16 on CUDA and fp32 elsewhere."""
    channels_last: bool = True
    """Keep images and features in NHWC order in memory, the faster one on CPUs and tensor cores."""
    deterministic: bool = False
    """Refuse operations that do not repeat bit for bit, by name; those of the networks here do on CPUs."""
    compile: bool = False
    """Have torch.compile make the kernels of training, for GPUs; it takes a while before the first step."""
    jobs_per_gpu: int = 1
    """How many jobs of a sweep `hydra/launcher=joblib` trains on each GPU at once."""
    threads: int | None = None
    """CPU threads; null for as many as there are cores."""
    name: str | None = None
    """Folder of the run below output_dir; null to make it from the choices. A sweep's folder with -m."""
    output_dir: str = "outputs"
    """Folder that holds the run folders."""
    save_minutes: float = 5.0
    """Besides at the end of each epoch, the state is saved when this many minutes have passed."""
    pictures: int = 10
    """How often in a run TensorBoard gets the confusion matrix and the mistakes; 0 for no drawing at all."""
    progress: bool = True
    """Show progress bars."""
    plugin: list[str] = field(default_factory=list)
    """Files or modules with networks, data sets or optimizers of your own; a run records what it needs."""

    def __post_init__(self) -> None:
        require_seed(self.seed, "seed")
        self._require(1 <= self.epochs <= MOST_EPOCHS, "epochs", f"a whole number from 1 to {MOST_EPOCHS:,}")
        self._require(self.batch_size >= 1, "batch_size", "a whole number from 1")
        self._require(0 <= self.label_smoothing < 1, "label_smoothing", "a share, from 0 to below 1")
        self._require(0 < self.teacher_share <= 1, "teacher_share", "a share above 0, up to 1")
        self._require(
            0 < self.temperature <= LARGEST_NUMBER,
            "temperature",
            f"a number above 0 and up to {LARGEST_NUMBER:,.0f}",
        )
        self._require(
            self.gradient_clip is None or 0 < self.gradient_clip <= LARGEST_NUMBER,
            "gradient_clip",
            f"a norm above 0 and up to {LARGEST_NUMBER:,.0f}, or null",
        )
        self._require(
            self.ema is None or 0 < self.ema < 1, "ema", "a decay between 0 and 1 such as 0.999, or null"
        )
        require_one_of(self.precision, ["auto", "fp32", "bf16"], "precision")
        require_threads(self.threads)
        self._require(
            1 <= self.jobs_per_gpu <= MOST_JOBS, "jobs_per_gpu", f"a whole number from 1 to {MOST_JOBS}"
        )
        self._require(
            0 <= self.pictures <= MOST_EPOCHS, "pictures", f"a whole number from 0 to {MOST_EPOCHS:,}"
        )
        self._require(self.save_minutes > 0, "save_minutes", "minutes above 0")
        if self.name is not None:
            require_below(self.name, "name")
        side = min(self.data.input_size[1:])
        self.model.require_fit(side)
        self.augment.require_fit(self.data.input_size[0], side)
        self._require_fit_of_crops()
        training_images = self.data.trained_on
        self._require(
            self.batch_size <= training_images,
            "batch_size",
            f"at most the {training_images} images of the training split",
        )
        numbers = self.batch_size * self.model.numbers_in_maps(side)
        self._require(
            numbers <= MOST_IN_A_BATCH,
            "batch_size",
            f"images whose feature maps hold at most {MOST_IN_A_BATCH:,} numbers, these hold {numbers:,}",
        )
        require(
            self.schedule.warmup_epochs <= self.epochs,
            "schedule.warmup_epochs",
            self.schedule.warmup_epochs,
            f"at most epochs={self.epochs}",
        )
        require(
            self.augment.canvas == 0 or self.data.scalable,
            "augment.canvas",
            self.augment.canvas,
            f"0 with data={self.data.family}, since another size changes what its classes are; "
            "write augment=none",
        )

    def _require_fit_of_crops(self) -> None:
        """Refuse crops on which the map of a network would vanish that fits whole images."""
        smallest = min(self.augment.crop, default=None)
        if smallest is None:
            return
        try:
            self.model.require_fit(smallest)
        except UserError as error:
            expected = f"a side at which the network has a map, with {smallest} pixels there is {error}"
            require(False, "augment.crop", self.augment.crop, expected)

    @property
    def follows_length(self) -> str | None:
        """The choice by which an epoch depends on how many the run has; such a run cannot go on for more."""
        if self.schedule.follows_length:
            return f"schedule={self.schedule.family}"
        return f"augment.crop={as_typed(self.augment.crop)}" if self.augment.follows_length else None


def flatten(container: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as the user types them: `{"model": {"width": 16}}` gives `{"model.width": 16}`."""
    flat: dict[str, Any] = {}
    for key, value in container.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def differing_keys(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Keys in which two configurations compute different runs, LOCAL_KEYS aside, in the order of `one`."""
    left, right = flatten(one), flatten(other)
    keys = [*left, *(key for key in right if key not in left)]
    absent = object()
    return [key for key in keys if key not in LOCAL_KEYS and left.get(key, absent) != right.get(key, absent)]
