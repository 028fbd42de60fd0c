"""This file writes a training's evidence: when a record is due, and what it holds.

Losses are summed on the device and read only when a record is due, so that a step never waits.
The sums are part of a checkpoint: a resumed run writes the same records.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from descend import evidence
from descend.training.loop import Update

RECORDS = 1000  # wanted over a run: a curve's pixels; early steps are recorded more densely

Sink = Callable[[evidence.Record], None]


class Recorder:
    """Appends to the evidence file and tells every sink (event files, trackers) the same."""

    def __init__(
        self, file: evidence.EvidenceFile, steps: int, unit: str, sinks: Sequence[Sink] = ()
    ) -> None:
        self.file = file
        self.sums: dict[str, Tensor] = {}  # per player, loss summed since its last record
        self.counts: dict[str, int] = {}
        self.last_loss: float | None = None
        self._every = max(1, steps // RECORDS)
        self._steps = steps
        self._unit = unit
        self.sinks = list(sinks)
        self._items = 0  # since the last Timing
        self._since = time.perf_counter()

    def due(self, step: int) -> bool:
        """At steps 1, 2, 4, 8, …, then regularly, and at the last."""
        return step % self._every == 0 or step & (step - 1) == 0 or step == self._steps

    def add(self, update: Update) -> None:
        name = update.player.name
        total = self.sums.get(name)
        self.sums[name] = update.loss.double() if total is None else total + update.loss
        self.counts[name] = self.counts.get(name, 0) + 1
        if not self.due(update.step):
            return
        self.last_loss = float(self.sums.pop(name)) / self.counts.pop(name)
        norm = None if update.gradient_norm is None else float(update.gradient_norm)
        self.write(
            evidence.Update(
                update.step, update.epoch, name, self.last_loss, update.learning_rate, norm
            )
        )

    def write(self, record: evidence.Record) -> None:
        self.file.append(record)
        for sink in self.sinks:
            sink(record)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside `sums`."""
        seconds = time.perf_counter() - self._since
        return {"counts": self.counts, "items": self._items, "seconds": seconds}

    def restore(self, sums: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.sums, self.counts, self._items = dict(sums), state["counts"], state["items"]
        self._since = time.perf_counter() - state["seconds"]

    def count(self, items: int) -> None:
        self._items += items

    def close_epoch(self, step: int, epoch: int) -> float:
        """Record the timing since the last call; gives items per second."""
        now = time.perf_counter()
        seconds = max(now - self._since, 1e-9)
        rate = self._items / seconds
        self.write(evidence.Timing(step, epoch, self._items, self._unit, seconds, rate))
        self._items, self._since = 0, now
        return rate
