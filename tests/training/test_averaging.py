"""Batch norms beside averaged weights."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from dilated_cifar.config.run import Config
from dilated_cifar.data.augment import normalize
from dilated_cifar.data.splits import load
from dilated_cifar.runs import checkpoint
from dilated_cifar.runs.folder import opened
from dilated_cifar.training.loop import train

IMAGES = 128
"""Training images, in two batches."""


def test_batch_norms_of_averaged_weights_hold_the_statistics_of_what_these_compute(
    make_config: Callable[..., Config], tiny: list[str], tmp_path: Path
) -> None:
    averaged = ["ema=0.9", f"data.train={IMAGES}", f"batch_size={IMAGES // 2}", "augment=none", "epochs=4"]
    config = make_config(*tiny, *averaged, "optimizer.lr=0.1", "data.validation=0")
    with opened(tmp_path / "run", config):
        train(config, tmp_path / "run")
    _, model = checkpoint.restore(checkpoint.load(path := tmp_path / "run" / "checkpoints" / "last.pt"), path)
    first = next(module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
    seen: list[Tensor] = []
    first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model(normalize(load(config.data, progress=False).train.images, config.data.mean, config.data.std))
    (features,) = seen
    assert first.running_mean is not None
    torch.testing.assert_close(first.running_mean, features.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
