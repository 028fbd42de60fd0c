"""This file says how a verb talks to whoever called it, without knowing who that is.

A terminal draws bars, a pipe gets plain lines, a notebook or a test may take nothing. The verbs
call these methods and never print.
"""

from collections.abc import Sequence
from typing import Protocol


class Show(Protocol):
    """Where a verb's sentences, tables and progress go."""

    def say(self, text: str) -> None:
        """One sentence, or several lines, for a person."""
        ...

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A small table; cells are shown as str() gives them, floats with four digits."""
        ...

    def begin(self, total_steps: int, unit: str) -> None:
        """A training of this many updates starts; `unit` names its items ("images", "rows")."""
        ...

    def advance(
        self,
        step: int,
        epoch: int,
        loss: float | None = None,
        metric: tuple[str, float] | None = None,
        items_per_second: float | None = None,
    ) -> None:
        """`step` updates are done. A value left out keeps the one last shown."""
        ...

    def end(self) -> None:
        """The training is over or stopped; called also when it failed."""
        ...


class Silent:
    """Shows nothing: what the verbs use when Python calls them with no other wish."""

    def say(self, text: str) -> None:
        pass

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        pass

    def begin(self, total_steps: int, unit: str) -> None:
        pass

    def advance(
        self,
        step: int,
        epoch: int,
        loss: float | None = None,
        metric: tuple[str, float] | None = None,
        items_per_second: float | None = None,
    ) -> None:
        pass

    def end(self) -> None:
        pass
