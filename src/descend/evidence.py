"""This file holds the evidence: what a training leaves behind, one JSON line per record.

Records are plain frozen dataclasses of numbers and text with units, so that reports and rules read
them without torch. The file is append-only; a torn last line (a killed process) is tolerated.
Fields named `seconds…` or ending in `_per_second` are wall-clock readings: they differ between two
runs that are otherwise bit-equal.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar


@dataclass(frozen=True)
class Update:
    """One player's updates since its last such record."""

    step: int  # updates done so far, this one included
    epoch: int  # counted from 0
    player: str
    loss: float  # nats (or the loss's own unit), mean over the updates since the last record
    learning_rate: float  # at this update
    gradient_norm: float | None = None  # L2 over all parameters, before clipping, at this update


@dataclass(frozen=True)
class Evaluation:
    """The scores of one split at one moment."""

    step: int
    split: str  # "train", "validation" or "test"
    metrics: dict[str, float]  # shares 0..1, nats, or the target's unit
    details: dict[str, Any] = field(default_factory=dict)  # per class, curves, confusion, …
    epoch: int | None = None


@dataclass(frozen=True)
class Timing:
    """Where the wall time of a stretch of training went."""

    step: int
    epoch: int
    items: int  # training items seen in this stretch
    unit: str  # "images", "rows", "tokens" or "steps"
    seconds: float
    items_per_second: float


@dataclass(frozen=True)
class Note:
    """A sentence said to the user during the run: out of memory and halved, stopped early, …"""

    step: int
    text: str


@dataclass(frozen=True)
class Samples:
    """A few examples worth looking at, with what the model said of them."""

    step: int
    split: str
    title: str
    rows: list[
        dict[str, Any]
    ]  # each: name, target, predicted, loss, and `png` (base64) or `fields`


@dataclass(frozen=True)
class Table:
    """A named small table: what was found in the data, the plan's candidates, a baseline."""

    step: int
    name: str
    columns: list[str]
    rows: list[list[Any]]
    caption: str = ""


Record = Update | Evaluation | Timing | Note | Samples | Table
KINDS: dict[str, type[Record]] = {
    "update": Update, "evaluation": Evaluation, "timing": Timing,
    "note": Note, "samples": Samples, "table": Table,
}  # fmt: skip
_NAMES = {kind: name for name, kind in KINDS.items()}
R = TypeVar("R", Update, Evaluation, Timing, Note, Samples, Table)


def encode(record: Record) -> str:
    return json.dumps({"kind": _NAMES[type(record)], **asdict(record)}, ensure_ascii=False)


class EvidenceFile:
    """Appends records to one file and knows how far it has come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = path.open("ab")

    def append(self, record: Record) -> None:
        self._stream.write(encode(record).encode() + b"\n")

    def flush(self) -> int:
        """Write everything through to the disk; returns the file's length in bytes."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        return self._stream.tell()

    def truncate(self, length: int) -> None:
        """Forget what was written after a checkpoint."""
        self._stream.flush()
        self._stream.truncate(length)
        self._stream.seek(length)

    def close(self) -> None:
        self._stream.close()


def read(path: Path) -> list[Record]:
    """All records of a file in order; unknown kinds and a torn last line are passed over."""
    return list(_records(path)) if path.exists() else []


def _records(path: Path) -> Iterator[Record]:
    for line in path.read_bytes().split(b"\n")[:-1]:
        values = json.loads(line)
        kind = KINDS.get(values.pop("kind", ""))
        if kind is not None:
            known = {k: v for k, v in values.items() if k in kind.__dataclass_fields__}
            yield kind(**known)


def select(records: list[Record], kind: type[R]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]
