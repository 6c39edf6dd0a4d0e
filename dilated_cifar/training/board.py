"""What a run shows in TensorBoard while it trains: its event file, whole whatever becomes of the disk."""

import errno
import gc
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from torch import Tensor
from torch.utils.tensorboard import FileWriter, SummaryWriter

from dilated_cifar.config.store import to_yaml
from dilated_cifar.data.splits import Splits
from dilated_cifar.errors import one_line
from dilated_cifar.evaluation.predict import confusion_matrix
from dilated_cifar.inspection.network import Inspection
from dilated_cifar.runs.events import PATTERN, read_events
from dilated_cifar.runs.record import Summary
from dilated_cifar.training.state import State
from dilated_cifar.training.tensorboard import add_final, begin, tag_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

COUNT_MAP = "count map"
"""The picture of the beginning that matplotlib draws: with the first epoch, so that no step waits for it."""
THUMBNAIL_INCHES = 4.6
"""Width of a picture whose type can be read in the columns of 343 pixels that TensorBoard first shows."""


class Board:
    """The event file of a run folder; the step of every curve is the epoch, from 1.

    What goes wrong with it costs curves or pictures, never the run: a warning says so once, and as soon as
    the file can be written again it gets every curve from the start.
    """

    def __init__(self, folder: Path, state: State, splits: Splits, network: Inspection | None) -> None:
        self._folder, self._state, self._splits, self._network = folder, state, splits, network
        self._writer: SummaryWriter | None = None
        self._shown, self._mapped = 0, False
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        self._hook = threading.excepthook
        threading.excepthook = self._pass_over_writer
        self._write(lambda _: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(SummaryWriter.close)
        threading.excepthook = self._hook

    def add_epoch(self, logits: Tensor) -> None:
        """Add the row of the epoch just completed, and now and then pictures of its held-out logits."""

        def add(writer: SummaryWriter) -> None:
            config, history = self._state.config, self._state.progress.history
            self._add_curves(writer, {})
            epoch, pictures = len(history), config.pictures
            if pictures and not self._mapped:
                self._add_count_map(writer)
            if pictures and (epoch % -(-config.epochs // pictures) == 0 or epoch == config.epochs):
                self._add_pictures(writer, logits, epoch)
                gc.collect()  # a figure refers to itself, and holds its pixels until it is collected

        self._write(add)

    def finish(self, summary: Summary) -> None:
        """Write the hyper-parameters with the final figures, into the run itself."""
        self._write(lambda writer: add_final(writer, self._state, summary))

    def _write(self, add: Callable[[SummaryWriter], None]) -> None:
        """Open the event file if it is not, and have `add` write to it."""
        try:
            if self._writer is None:
                self._open()
            assert self._writer is not None
            add(self._writer)
            self._writer.flush()
        except OSError as error:
            if self._writer is not None:
                with suppress(OSError):
                    self._writer.close()
            self._writer = None
            self._warn(
                f"TensorBoard's event file cannot be written ({error.strerror or error}); training goes on "
                "without, and writes the curves as soon as it can"
            )

    def _open(self) -> None:
        """Begin an event file with all that the run has shown so far; it replaces those that are there.

        Curves are written from the history in the saved state, so that they have every completed epoch
        once, whatever a kill has left; pictures are taken over.
        """
        if not self._folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))  # the writer would make it anew
        earlier = sorted(self._folder.glob(PATTERN))
        history = self._state.progress.history
        saved = read_events(earlier, len(history))
        for path in saved.damaged:
            self._warn(f"{path}: damaged; its curves are written again, pictures in it may be lost")
        # A TensorBoard that is watching forgets what it has read when it comes to the purge.
        writer = self._writer = SummaryWriter(str(self._folder), purge_step=0)
        whole = saved.begins(to_yaml(self._state.config))
        if not whole:
            begin(writer, self._state, self._splits, self._network)
        file: FileWriter = writer._get_file_writer()
        for event in [*(saved.beginning if whole else ()), *saved.pictures]:
            file.add_event(event, event.step, event.wall_time)
        self._shown, self._mapped = 0, whole and saved.holds(COUNT_MAP)
        self._add_curves(writer, saved.times)
        writer.flush()
        for path in earlier:
            path.unlink(missing_ok=True)

    def _add_curves(self, writer: SummaryWriter, times: dict[tuple[str, int], float]) -> None:
        """Add the figures of the epochs that are not shown yet, with the times at which they first were."""
        for row in self._state.progress.history[self._shown :]:
            epoch = int(row["epoch"])
            for name, value in row.items():
                if name != "epoch":
                    tag = tag_of(name)
                    writer.add_scalar(tag, value, epoch, walltime=times.get((tag, epoch)))
            self._shown += 1

    def _add_count_map(self, writer: SummaryWriter) -> None:
        from dilated_cifar.inspection.count_maps import draw_coverage

        self._mapped = True
        if self._network is None or self._network.unit is None:
            return
        figure = draw_coverage(self._network, inches=THUMBNAIL_INCHES)
        figure.set_dpi(200)
        writer.add_figure(COUNT_MAP, figure, 0)

    def _add_pictures(self, writer: SummaryWriter, logits: Tensor, epoch: int) -> None:
        from dilated_cifar.evaluation.pictures import confusion_figure, mistakes_figure

        names = self._splits.class_names
        name, held_out = self._splits.held_out
        matrix = confusion_matrix(logits, held_out.labels).cpu().numpy()
        title = f"{name} split, epoch {epoch}: images of each class"
        drawings: dict[str, Callable[[], Figure | None]] = {
            "confusion": lambda: confusion_figure(matrix, names, title=title),
            "mistakes": lambda: mistakes_figure(held_out.images, held_out.labels, logits.softmax(1), names),
        }
        for tag, draw in drawings.items():
            try:
                if (figure := draw()) is not None:
                    writer.add_figure(tag, figure, epoch)
            except OSError:
                raise
            except Exception as error:
                self._warn(f"the picture {tag} cannot be drawn and is left out: {one_line(error)}")

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            logger.warning("%s", text)

    def _pass_over_writer(self, failed: threading.ExceptHookArgs) -> None:
        # The writer's thread prints its error and keeps it for the next call, which tells of it in one line.
        if not type(failed.thread).__module__.startswith("tensorboard."):
            self._hook(failed)
