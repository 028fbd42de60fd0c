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

from descend.errors import RunError


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
    """Appends records to one file and knows how far it has come.

    Nothing is held back in this process: whoever watches sees each record at once, and a kill
    loses none. RunError when the disk refuses; what was flushed before stays readable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._stream = path.open("ab", buffering=0)
        except OSError as error:
            raise self._refused(error) from None

    def append(self, record: Record) -> None:
        line = memoryview(encode(record).encode() + b"\n")
        try:
            while line:  # a disk that runs full takes a part of a line first
                line = line[self._stream.write(line) :]
        except OSError as error:
            raise self._refused(error) from None

    def flush(self) -> int:
        """Write everything through to the disk; returns the file's length in bytes."""
        try:
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._refused(error) from None
        return self._stream.tell()

    def truncate(self, length: int) -> int:
        """Forget what was written after a checkpoint; returns the bytes that should be there and
        are not."""
        there = self._stream.seek(0, os.SEEK_END)
        kept = min(length, there)
        self._stream.truncate(kept)
        self._stream.seek(kept)
        return length - kept

    def close(self) -> None:
        self._stream.close()

    def _refused(self, error: OSError) -> RunError:
        return RunError(
            f"cannot write {self.path}: {error.strerror}; "
            "what was saved before is intact, mend this and resume"
        )


def read(path: Path) -> list[Record]:
    """All records of a file in order; unknown kinds, torn and damaged lines are passed over."""
    return list(_records(path)) if path.exists() else []


def preamble_bytes(path: Path) -> int:
    """The length of what was written before step 1: the tables of step 0 at the beginning."""
    length = 0
    for line in path.read_bytes().split(b"\n")[:-1]:
        record = _decode(line)
        if not isinstance(record, Table) or record.step != 0:
            break
        length += len(line) + 1
    return length


def _records(path: Path) -> Iterator[Record]:
    for line in path.read_bytes().split(b"\n")[:-1]:
        record = _decode(line)
        if record is not None:
            yield record


def _decode(line: bytes) -> Record | None:
    try:
        values = json.loads(line)
        kind = KINDS.get(values.pop("kind", ""))
        if kind is None:
            return None
        return kind(**{k: v for k, v in values.items() if k in kind.__dataclass_fields__})
    except (ValueError, TypeError, AttributeError):  # a flipped bit must not hide all the others
        return None


def select(records: list[Record], kind: type[R]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]
