"""TensorBoard's event files, read back: what earlier sessions of a run have left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from dilated_cifar.errors import UserError

NETWORK = "network"
"""The text that ends the beginning."""
PATTERN = "events.out.tfevents.*"
HEADER, FOOTER = 12, 4
"""Bytes around a record: its length (8) and the checksum of that (4); the checksum of the record (4)."""


@dataclass
class Saved:
    """What can be taken over from event files, each thing once."""

    beginning: list[Event] = field(default_factory=list)
    """What was written before the first epoch: texts, layout, graph, images."""
    pictures: list[Event] = field(default_factory=list)
    """Images of epochs, in the order in which they were written."""
    times: dict[tuple[str, int], float] = field(default_factory=dict)
    """When the point of a curve was first written, by its name and step."""
    damaged: list[Path] = field(default_factory=list)
    """Files of which a record is no longer as it was written."""

    def holds(self, tag: str) -> bool:
        """Whether something with that name was written at the beginning."""
        return any(value.tag == tag for event in self.beginning for value in event.summary.value)

    def begins(self, config: str) -> bool:
        """Whether the beginning is whole, and that of a run with that configuration."""
        values = [value for event in self.beginning for value in event.summary.value]
        told = any(config.encode() in text for value in values for text in value.tensor.string_val)
        return not self.damaged and told and any(value.tag.startswith(NETWORK) for value in values)


def read_events(paths: Sequence[Path], epochs: int) -> Saved:
    """Read event files; what is of an epoch after `epochs`, and so to be repeated, is left out."""
    saved = Saved()
    seen: set[tuple[object, int]] = set()
    for path in paths:
        for record in records(path.read_bytes()):
            if record is None:
                saved.damaged.append(path)
                continue
            event = Event.FromString(record)
            names = tuple(value.tag for value in event.summary.value)
            if event.step == 0 and (names or event.HasField("graph_def")) and (names, 0) not in seen:
                seen.add((names, 0))
                saved.beginning.append(event)
            for value in event.summary.value if 1 <= event.step <= epochs else ():
                if value.HasField("simple_value"):
                    saved.times.setdefault((value.tag, event.step), event.wall_time)
                elif value.HasField("image") and (value.tag, event.step) not in seen:
                    seen.add((value.tag, event.step))
                    saved.pictures.append(event)
    return saved


def require_events(paths: Sequence[Path]) -> None:
    """Raise a UserError where a record of an event file is damaged."""
    for path in paths:
        if None in records(path.read_bytes()):
            raise UserError(f"{path}: damaged; expected the curves as training wrote them")


def records(content: bytes) -> Iterator[bytes | None]:
    """The records of an event file; None for a damaged one. What a kill cut off at the end is passed over."""
    start = 0
    while start + HEADER <= len(content):
        length, checksum = content[start : start + 8], content[start + 8 : start + HEADER]
        if not matches(length, checksum):
            yield None  # and nobody knows where the next one begins
            return
        end = start + HEADER + int.from_bytes(length, "little")
        if end + FOOTER > len(content):
            return
        record = content[start + HEADER : end]
        yield record if matches(record, content[end : end + FOOTER]) else None
        start = end + FOOTER


def matches(content: bytes, checksum: bytes) -> bool:
    """Whether the stored checksum, four bytes, is that of the content."""
    return bool(masked_crc32c(content) == int.from_bytes(checksum, "little"))
