"""This file mirrors the evidence to event files, so that TensorBoard shows a run as it goes.

Each event goes to the file at once and in this thread: a killed process loses none, and a full disk
is an error of the run like any other. (The usual writer keeps events back in a thread of its own.)
"""

import base64
import math
import time
from io import BytesIO
from pathlib import Path

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import text

from descend.errors import RunError
from descend.evidence import Evaluation, Note, Record, Samples, Timing, Update

PICTURES = 8  # of a record of samples; the report has all


class EventSink:
    """Takes records as they are written; call `close` when no more come."""

    def __init__(self, folder: Path, purge_step: int = 0) -> None:
        """Steps after `purge_step` came from a process that was killed; they are dropped."""
        self._folder = folder
        self._last = purge_step  # of training
        try:
            folder.mkdir(parents=True, exist_ok=True)
            earlier = _numbers(folder)
            # TensorBoard reads files in the order of their names, whatever the clock did since.
            number = max([int(time.time()), *(n + 1 for n in earlier)])
            self._stream = (folder / f"events.out.tfevents.{number:010d}").open("wb", buffering=0)
        except OSError as error:
            raise self._refused(error) from None
        self._records = RecordWriter(self._stream)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if earlier:
            start = SessionLog(status=SessionLog.START)
            # +1: the step of the checkpoint itself stands
            self._write(Event(wall_time=time.time(), step=purge_step + 1, session_log=start))

    def __call__(self, record: Record) -> None:
        if isinstance(record, Update):
            self._last = record.step
            self._scalar(f"loss/{record.player}", record.loss, record.step)
            self._scalar("learning_rate", record.learning_rate, record.step)
            if record.gradient_norm is not None:
                self._scalar(f"gradient_norm/{record.player}", record.gradient_norm, record.step)
        elif isinstance(record, Evaluation) and record.epoch is not None:
            for name, value in record.metrics.items():
                self._scalar(f"{name}/{record.split}", value, record.step)
        elif isinstance(record, Evaluation):
            for name, value in record.metrics.items():
                self._scalar(f"{name}/{record.split} of the kept model", value, self._after)
        elif isinstance(record, Timing):
            self._scalar(f"{record.unit}_per_second", record.items_per_second, record.step)
        elif isinstance(record, Note):
            step = record.step if record.step >= self._last else self._after
            self._summary(text("notes", record.text), step)  # type: ignore[no-untyped-call]
        elif isinstance(record, Samples):
            self._pictures(record)

    @property
    def _after(self) -> int:
        """The step of what follows the last one: it is dropped when a killed process repeats it."""
        return self._last + 1

    def _scalar(self, name: str, value: float, step: int) -> None:
        if math.isfinite(value):
            self._summary(Summary(value=[Summary.Value(tag=name, simple_value=value)]), step)

    def _pictures(self, record: Samples) -> None:
        for place, row in enumerate(record.rows[:PICTURES]):
            if "png" in row:
                png = base64.b64decode(row["png"])
                width, height = Image.open(BytesIO(png)).size
                picture = Summary.Image(
                    height=height, width=width, colorspace=3, encoded_image_string=png
                )
                name = f"{record.title}/{place + 1}"
                self._summary(Summary(value=[Summary.Value(tag=name, image=picture)]), self._after)

    def _summary(self, summary: Summary, step: int) -> None:
        self._write(Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, event: Event) -> None:
        try:
            self._records.write(event.SerializeToString())
        except OSError as error:
            raise self._refused(error) from None

    def close(self) -> None:
        self._stream.close()

    def _refused(self, error: OSError) -> RunError:
        return RunError(
            f"cannot write in {self._folder}: {error.strerror}; "
            "what was saved before is intact, mend this and resume"
        )


def _numbers(folder: Path) -> list[int]:
    """What the names of the event files that are there count by."""
    found = [path.name.rpartition(".")[2] for path in folder.glob("events.out.tfevents.*")]
    return [int(number) for number in found if number.isdecimal()]
