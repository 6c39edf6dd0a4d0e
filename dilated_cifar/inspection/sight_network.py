"""All measures of one network, and of the same network with fresh weights."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.data.randomness import derive_seed
from dilated_cifar.device import Machine
from dilated_cifar.dilation.coverage import lattice_share
from dilated_cifar.evaluation.predict import class_maps
from dilated_cifar.inspection.sight_gradients import BATCH, Gradients, Plan, make_plan, mean_gradients
from dilated_cifar.inspection.sight_measures import overlap, radius, variogram_ratio
from dilated_cifar.models import build
from dilated_cifar.models.classifier import Classifier

PLAIN_DISTANCE = 2
"""Distance of the variogram for networks without dilation."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Sight:
    """What one network sees: its gradients, and every measure by its key; nan where it does not apply."""

    gradients: Gradients
    values: dict[str, float]


@dataclass(frozen=True)
class Control:
    """Fresh networks of the same kind on the same images."""

    sights: list[Sight]

    def values(self, key: str) -> list[float]:
        """One measure of every fresh network."""
        return [sight.values[key] for sight in self.sights]

    def interval(self, key: str) -> tuple[float, float]:
        """Where one more fresh network's value would lie with 95% confidence.

        Source: the prediction interval of normal values, mean +- t s sqrt(1 + 1/n).
        """
        values = np.array(self.values(key))
        count = len(values)
        t = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
        half = float(t * values.std(ddof=1) * np.sqrt(1 + 1 / count)) if np.isfinite(values).all() else np.nan
        return float(values.mean()) - half, float(values.mean()) + half

    def mean_gradients(self) -> Gradients:
        """The mean of the fresh networks' gradients, each scaled to sum 1."""
        found = [sight.gradients for sight in self.sights]
        stages = [scaled(gradients.stage) for gradients in found if gradients.stage is not None]
        return Gradients(
            torch.stack([scaled(gradients.image) for gradients in found]).mean(0),
            torch.stack(stages).mean(0) if stages else None,
        )


def scaled(maps: Tensor) -> Tensor:
    """Maps [units, H, W] that each sum to 1."""
    return maps / maps.sum((1, 2), keepdim=True)


def see(model: Classifier, inputs: Tensor, plan: Plan | None = None) -> Sight:
    """Measure what a network sees in normalised images [N, 3, H, W] on its own device."""
    plan = plan or make_plan(model)
    gradients = mean_gradients(model, inputs, plan)
    image, stage = gradients.image, gradients.stage
    own = float("nan")
    if stage is not None and plan.stage is not None:
        own = lattice_share(stage[0], plan.stage.own, plan.stage.spacing)
    values = {
        "radius_50": radius(image[0], plan.centre, 0.5),
        "radius_95": radius(image[0], plan.centre, 0.95),
        "overlap_image": neighbour_overlap(image),
        "overlap_stage": float("nan") if stage is None else neighbour_overlap(stage),
        "lattice_share": own,
        "variogram_ratio": variogram_ratio(class_maps(model, inputs, batch=BATCH), variogram_distance(plan)),
    }
    return Sight(gradients, values)


def variogram_distance(plan: Plan) -> int:
    """The rate at which the dilated layers begin, or 2 where there are none."""
    return PLAIN_DISTANCE if plan.stage is None else plan.stage.spacing


def neighbour_overlap(maps: Tensor) -> float:
    """Mean overlap of the first map with the others, [units, H, W]; nan where it is alone."""
    others = [overlap(maps[0], other) for other in maps[1:]]
    return sum(others) / len(others) if others else float("nan")


def control(
    config: ModelConfig, classes: int, inputs: Tensor, machine: Machine, plan: Plan, *, count: int, seed: int
) -> Control:
    """Measure `count` fresh networks of the same kind on the same images; a function of the seed alone."""
    seeds = [derive_seed("control", seed, number) for number in range(count)]
    return Control(
        [see(fresh_network(config, classes, inputs, machine, each), inputs, plan) for each in seeds]
    )


@torch.no_grad()
def fresh_network(
    config: ModelConfig, classes: int, inputs: Tensor, machine: Machine, seed: int
) -> Classifier:
    """A network before its first step, whose norms have the statistics of the images [N, 3, H, W].

    Norms as they are made (mean 0, variance 1) would leave residual branches far too quiet.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = machine.place(build(config, classes))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain mean over the batches
    model.train()
    for batch in inputs.split(BATCH):
        model.features(batch)
    return model.eval()
