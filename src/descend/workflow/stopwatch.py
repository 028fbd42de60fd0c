"""This file keeps the time of a verb's parts."""

import time


class Stopwatch:
    """Wall seconds by name; `lap` ends a part, and the time since belongs to the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = self._last = time.perf_counter()

    def lap(self, name: str = "") -> None:
        now = time.perf_counter()
        if name:
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def total(self) -> float:
        return time.perf_counter() - self._began
