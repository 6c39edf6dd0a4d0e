"""How many scenes are localized? Figures of networks and of image-independent baselines."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dilated_cifar.data.scenes import BACKGROUNDS, Scenes
from dilated_cifar.evaluation.intervals import wilson_interval
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.inspection.localization.boxes import (
    areas,
    boxes_around,
    centre_boxes,
    contains,
    overlaps,
)
from dilated_cifar.inspection.localization.grid import Grid
from dilated_cifar.inspection.localization.responses import IOU, choose_threshold, respond
from dilated_cifar.progress import Steps

ALL = "all"
WHOLE, CENTRE = "whole", "centre"


@dataclass(frozen=True)
class Share:
    """A share of scenes with its 95% interval over draws of the scenes (Wilson 1927)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SceneFigures:
    """How well one way of making boxes does on some scenes."""

    scenes: int
    accuracy: Share
    """Scenes whose class is predicted."""
    localized: Share
    """Scenes whose class is predicted and whose box, of the predicted class, overlaps enough."""
    localized_true: Share
    """Scenes whose box of the true class overlaps enough, whatever is predicted."""
    mean_iou: float
    """Mean overlap of the true class's box; 0 counts where there is none."""
    pointing: Share
    """Scenes where the point lies in the true box: the highest cell of the true class's map, or the centre of
    the box for boxes that do not depend on the class (Zhang et al. 2016)."""
    boxless: float
    """Share of scenes without a box of the true class: it wins in no cell above the threshold."""


@dataclass(frozen=True)
class Outcome:
    """One way of making boxes, its threshold (None where it has none), its figures by background."""

    network: str
    box: str
    threshold: float | None
    figures: dict[str, SceneFigures]


def outcomes(
    trained: Trained,
    grid: Grid,
    tuning: Scenes,
    scenes: Scenes,
    *,
    side: int,
    threshold: float | None,
    steps: Steps,
) -> list[Outcome]:
    """Localize scenes by a network's class maps at each resolution, and by image-independent boxes.

    Args:
        trained: The network.
        grid: Of its class maps on the scenes.
        tuning: Scenes of training images, which choose the threshold.
        scenes: Scenes of test images.
        side: Of the centre box, as `choose_side` gives it for the tuning scenes.
        threshold: For every resolution, instead of the chosen one.
        steps: What is being done; two of them.
    """
    steps.begin(f"{trained.label}: {len(scenes)} scenes of test images")
    answers = respond(trained, scenes, grid)
    steps.next(f"{trained.label}: threshold on {len(tuning)} scenes of training images")
    tuned = respond(trained, tuning, grid) if threshold is None else None
    steps.done()
    found = []
    for resolution, responses in answers.responses.items():
        passing = choose_threshold(tuned, resolution, tuning) if tuned is not None else threshold
        assert passing is not None
        own, true = (
            boxes_around(each, passing, responses.grid) for each in (responses.predicted, responses.true)
        )
        figures = by_background(answers.predicted, own, true, responses.peak, scenes)
        found.append(Outcome(trained.label, resolution, passing, figures))
    canvas = scenes.images.shape[-1]
    for box, length in ((WHOLE, canvas), (CENTRE, side)):
        boxes = centre_boxes(len(scenes), length, (canvas, canvas))
        figures = by_background(answers.predicted, boxes, boxes, boxes.view(-1, 2, 2).mean(1), scenes)
        found.append(Outcome(trained.label, box, None, figures))
    return found


def by_background(
    predicted: Tensor, of_predicted: Tensor, of_true: Tensor, points: Tensor, scenes: Scenes
) -> dict[str, SceneFigures]:
    """Figures of boxes of the predicted and of the true class: of all scenes, and of each background."""
    groups = {ALL: torch.ones(len(scenes), dtype=torch.bool)}
    groups |= {name: scenes.backgrounds == number for number, name in enumerate(BACKGROUNDS)}
    right = predicted == scenes.labels
    own, true = overlaps(of_predicted, scenes.boxes), overlaps(of_true, scenes.boxes)
    pointed = contains(scenes.boxes.double(), points)
    boxless = areas(of_true).isnan()
    return {
        name: SceneFigures(
            int(chosen.sum()),
            share(right[chosen]),
            share((right & (own >= IOU))[chosen]),
            share((true >= IOU)[chosen]),
            float(true[chosen].mean()),
            share(pointed[chosen]),
            float(boxless[chosen].double().mean()),
        )
        for name, chosen in groups.items()
        if chosen.any()
    }


def share(hits: Tensor) -> Share:
    """The share of hits, bool [N], with its interval."""
    return Share(float(hits.double().mean()), *wilson_interval(int(hits.sum()), len(hits)))
