"""What `benchmark` may be told."""

from dataclasses import dataclass, field

from dilated_cifar.config.base import Frozen, require, require_one_of
from dilated_cifar.config.evaluate import DataPlace
from dilated_cifar.config.limits import require_threads

MODELS = ["plain", "dilated_125", "resnet", "drn_a", "drn_c"]
QUICK_MODELS = ["dilated_125", "resnet"]
MOST_ROUNDS, MOST_SECONDS, MOST_IMAGES, MOST_WORKERS = 1_000, 3_600.0, 10_000, 256


@dataclass
class BenchmarkConfig(Frozen):
    """What is measured, for how long and where."""

    models: list[str] | None = None
    """The networks, choices of `model=` of train; null for plain, dilated_125, resnet, drn_a and drn_c, with
    quick=true dilated_125 and resnet."""
    growth: bool = True
    """Measure the resnet with other batch sizes, widths, image sizes and threads as well."""
    quick: bool = False
    """A short look: two networks and short measurements, unless other keys say otherwise."""
    rounds: int | None = None
    """How often everything is measured in turn; null for 3, with quick=true 2. The spread is over them."""
    seconds: float | None = None
    """The least duration of one measurement of training; null for 2, with quick=true 0.3."""
    images: int | None = None
    """Images that are evaluated in one measurement; null for 1,000, with quick=true 300."""
    starts: int | None = None
    """How often a training command is started to time its first step; null for 3, with quick=true 1; 0 for
    not at all."""
    batch_size: int = 128
    """Images a step."""
    workers: int | None = None
    """Processes that load images for the usual way; null for as many as threads."""
    lightning: bool | None = None
    """Measure a Lightning Trainer as well (extra `benchmark`); null: where it is installed."""
    device: str = "auto"
    """auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """fp32, bf16 (autocast), or auto: bf16 on CUDA and fp32 elsewhere."""
    threads: int | None = None
    """CPU threads; null for as many as there are cores."""
    output: str = "outputs/benchmark"
    """Folder for what is written."""
    progress: bool = True
    """Show on a terminal what is being done."""
    data: DataPlace = field(default_factory=lambda: DataPlace(download=False))

    def __post_init__(self) -> None:
        self._settle(
            models=QUICK_MODELS if self.quick else MODELS,
            rounds=2 if self.quick else 3,
            seconds=0.3 if self.quick else 2.0,
            images=300 if self.quick else 1_000,
            starts=1 if self.quick else 3,
        )
        require(bool(self.models), "models", self.models, "at least one network, such as models=resnet")
        for key, least, most in (
            ("rounds", 1, MOST_ROUNDS),
            ("images", 1, MOST_IMAGES),
            ("starts", 0, MOST_ROUNDS),
            ("batch_size", 1, MOST_IMAGES),
        ):
            value = getattr(self, key)
            require(least <= value <= most, key, value, f"a whole number from {least} to {most:,}")
        self._require(
            self.workers is None or 0 <= self.workers <= MOST_WORKERS,
            "workers",
            f"a whole number from 0 to {MOST_WORKERS}, or null for as many as threads",
        )
        assert self.seconds is not None
        self._require(
            0 < self.seconds <= MOST_SECONDS, "seconds", f"seconds above 0, up to {MOST_SECONDS:,.0f}"
        )
        require_one_of(self.precision, ["auto", "fp32", "bf16"], "precision")
        require_threads(self.threads)
