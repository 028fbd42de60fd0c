"""This file mirrors the evidence to event files, so that TensorBoard shows a run as it goes."""

import base64
import math
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard.writer import SummaryWriter

from descend.evidence import Evaluation, Note, Record, Samples, Timing, Update

PICTURES = 8  # of a record of samples; the report has all


class EventSink:
    """Takes records as they are written; call `close` when no more come."""

    def __init__(self, folder: Path, purge_step: int = 0) -> None:
        """Steps after `purge_step` came from a process that was killed; they are dropped."""
        # +1: the step of the checkpoint itself stands
        purge = purge_step + 1 if purge_step else None
        self._writer = SummaryWriter(str(folder), purge_step=purge)

    def __call__(self, record: Record) -> None:
        if isinstance(record, Update):
            self._scalar(f"loss/{record.player}", record.loss, record.step)
            self._scalar("learning_rate", record.learning_rate, record.step)
            if record.gradient_norm is not None:
                self._scalar(f"gradient_norm/{record.player}", record.gradient_norm, record.step)
        elif isinstance(record, Evaluation):
            for name, value in record.metrics.items():
                self._scalar(f"{name}/{record.split}", value, record.step)
        elif isinstance(record, Timing):
            self._scalar(f"{record.unit}_per_second", record.items_per_second, record.step)
        elif isinstance(record, Note):
            self._writer.add_text("notes", record.text, record.step)
        elif isinstance(record, Samples):
            self._pictures(record)

    def _scalar(self, name: str, value: float, step: int) -> None:
        if math.isfinite(value):
            self._writer.add_scalar(name, value, step)

    def _pictures(self, record: Samples) -> None:
        for place, row in enumerate(record.rows[:PICTURES]):
            if "png" in row:
                picture = Image.open(BytesIO(base64.b64decode(row["png"]))).convert("RGB")
                name = f"{record.title}/{place + 1}"
                pixels = np.asarray(picture)  # (height, width, 3)
                self._writer.add_image(name, pixels, record.step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()
