"""A Lightning Trainer on the same network and batches as the usual way, where Lightning is installed."""

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any

import lightning as L
from torch import Tensor, nn, optim
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from dilated_cifar.benchmark.ways import usual_optimizer
from dilated_cifar.config.run import Config
from dilated_cifar.device import Machine


class Module(L.LightningModule):
    """The network as a LightningModule."""

    def __init__(self, network: nn.Module, config: Config) -> None:
        super().__init__()
        self._network, self._config = network, config

    def training_step(self, batch: tuple[Tensor, Tensor], _number: int) -> Tensor:
        """The loss of a batch."""
        inputs, labels = batch
        return cross_entropy(self._network(inputs), labels)

    def configure_optimizers(self) -> optim.Optimizer:
        """The optimizer of the usual way."""
        return usual_optimizer(self._config, self._network)


class Clock(L.Callback):
    """Stops after that many seconds, not counting the first steps."""

    def __init__(self, seconds: float, warm_up: int, machine: Machine) -> None:
        self._seconds, self._warm_up, self._machine = seconds, warm_up, machine
        self._steps = self._images = 0
        self.rate = 0.0

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: tuple[Tensor, Tensor],
        batch_idx: int,
    ) -> None:
        """Count the images of a step."""
        del pl_module, outputs, batch_idx
        self._steps += 1
        if self._steps > self._warm_up:
            self._images += len(batch[1])
        self._machine.synchronize()
        now = time.perf_counter()
        if self._steps == self._warm_up:
            self._start = now
        elif self._images and now - self._start >= self._seconds:
            self.rate = self._images / (now - self._start)
            trainer.should_stop = True


def lightning_rate(
    network: nn.Module,
    config: Config,
    loader: DataLoader[tuple[Tensor, int]],
    machine: Machine,
    *,
    seconds: float,
    warm_up: int,
) -> float:
    """Images a second of a Trainer over at least that time, after `warm_up` steps, at least one."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    clock = Clock(seconds, warm_up, machine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it advises more workers, and of its own parts
        trainer = L.Trainer(
            accelerator={"cpu": "cpu", "mps": "mps"}.get(machine.device.type, "cuda"),
            devices=[machine.device.index or 0] if machine.device.type == "cuda" else 1,
            precision="bf16-mixed" if machine.bf16 else "32-true",
            max_epochs=-1,
            callbacks=[clock],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        try:
            trainer.fit(Module(network, config), loader)
        except SystemExit as stop:  # what it makes of Ctrl-C
            raise KeyboardInterrupt from stop
    return clock.rate
