"""This file shows a training to a person: bars on a terminal, now and then a line elsewhere."""

import io
import time
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from descend.show import Show

BAR_SECONDS = 0.1  # between two drawings: ten a second look continuous
LINE_SECONDS = 10.0  # between two lines in a log
WIDE = 1000  # columns for a table in a file: no line is wrapped


class Rate:
    """Where a training is, and how long it will still take at the pace of this process."""

    def __init__(self, total: int, unit: str) -> None:
        self.total = total
        self.unit = unit
        self.step = 0
        self.epoch = 0
        self.loss: float | None = None
        self.metric: tuple[str, float] | None = None
        self.items_per_second: float | None = None
        self._first: tuple[int, float] | None = None  # a resumed run does not begin at step 0

    def take(
        self,
        step: int,
        epoch: int,
        loss: float | None,
        metric: tuple[str, float] | None,
        items_per_second: float | None,
    ) -> None:
        self._first = self._first or (step, time.monotonic())
        self.step, self.epoch = step, epoch
        self.loss = self.loss if loss is None else loss
        self.metric = self.metric if metric is None else metric
        self.items_per_second = items_per_second or self.items_per_second

    def seconds_left(self) -> float | None:
        if self._first is None or self.step <= self._first[0]:
            return None
        pace = (time.monotonic() - self._first[1]) / (self.step - self._first[0])
        return pace * max(0, self.total - self.step)

    def values(self) -> str:
        parts = [] if self.loss is None else [f"loss {self.loss:.4f}"]
        if self.metric is not None:
            parts.append(f"{self.metric[0]} {self.metric[1]:.4f}")
        if self.items_per_second is not None:
            parts.append(f"{self.items_per_second:,.0f} {self.unit}/s")
        left = self.seconds_left()
        if left:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)


class Lines:
    """For a log file or a pipe: sentences as they come, progress rarely."""

    def __init__(self, out: TextIO, progress: TextIO) -> None:
        self._out = out
        self._progress = progress
        self._rate = Rate(0, "")
        self._last = 0.0

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        page = io.StringIO()
        draw_table(Console(file=page, width=WIDE), title, columns, rows)
        for line in page.getvalue().splitlines():
            print(line.rstrip(), file=self._out, flush=True)

    def begin(self, total_steps: int, unit: str) -> None:
        self._rate = Rate(total_steps, unit)
        self._last = time.monotonic()

    def advance(
        self,
        step: int,
        epoch: int,
        loss: float | None = None,
        metric: tuple[str, float] | None = None,
        items_per_second: float | None = None,
    ) -> None:
        self._rate.take(step, epoch, loss, metric, items_per_second)
        if time.monotonic() - self._last >= LINE_SECONDS:
            self._line()

    def end(self) -> None:
        if self._rate.step:
            self._line()

    def _line(self) -> None:
        rate = self._rate
        self._last = time.monotonic()
        print(
            f"step {rate.step}/{rate.total}, epoch {rate.epoch + 1}: {rate.values()}",
            file=self._progress,
            flush=True,
        )


class Bars:
    """For a terminal: one bar that redraws itself below the sentences."""

    def __init__(self, out: TextIO, progress: TextIO) -> None:
        self._out = Console(file=out, highlight=False, markup=False)
        self._terminal = Console(file=progress, highlight=False, markup=False)
        self._rate = Rate(0, "")
        self._bars: Progress | None = None
        self._task = TaskID(0)
        self._last = 0.0

    def say(self, text: str) -> None:
        self._above().print(Text(text), soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        draw_table(self._above(), title, columns, rows)

    def _above(self) -> Console:
        """Two consoles on one terminal would write into each other's lines."""
        both = self._bars is not None and self._out.is_terminal
        return self._terminal if both else self._out

    def begin(self, total_steps: int, unit: str) -> None:
        self.end()
        self._rate = Rate(total_steps, unit)
        self._bars = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[values]}", markup=False),
            console=self._terminal,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bars.add_task("", total=total_steps, epoch=1, values="")
        self._bars.start()

    def advance(
        self,
        step: int,
        epoch: int,
        loss: float | None = None,
        metric: tuple[str, float] | None = None,
        items_per_second: float | None = None,
    ) -> None:
        self._rate.take(step, epoch, loss, metric, items_per_second)
        now = time.monotonic()
        if self._bars is None or now - self._last < BAR_SECONDS:
            return
        self._last = now
        self._bars.update(
            self._task, completed=step, epoch=epoch + 1, values=self._rate.values(), refresh=True
        )

    def end(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            if self._rate.step:
                rate = self._rate
                self._terminal.print(
                    Text(f"{rate.step}/{rate.total} steps: {rate.values()}"), soft_wrap=True
                )


def make_show(out: TextIO, progress: TextIO) -> Show:
    return Bars(out, progress) if progress.isatty() else Lines(out, progress)


def draw_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for position, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[position], int | float) for row in rows)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table, highlight=False)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.1f}" if 1_000 <= abs(value) < 1e9 else f"{value:.4g}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
