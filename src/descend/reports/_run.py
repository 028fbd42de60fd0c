"""This file reads a run folder into what the report's sections need."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from descend import evidence
from descend.evidence import Evaluation, Note, Record, Samples, Table, Timing, Update, select
from descend.run import RunFolder, read_json

R = TypeVar("R", Samples, Table)


@dataclass(frozen=True, eq=False)
class RunData:
    """Everything known of a run, from its folder alone."""

    name: str
    recipe: dict[str, Any]
    result: dict[str, Any]
    records: list[Record]
    finished: float | None  # seconds since 1970: when the last evidence was written

    @cached_property
    def updates(self) -> list[Update]:
        return select(self.records, Update)

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        return select(self.records, Evaluation)

    @cached_property
    def timings(self) -> list[Timing]:
        return select(self.records, Timing)

    @cached_property
    def notes(self) -> list[Note]:
        return select(self.records, Note)

    @cached_property
    def samples(self) -> list[Samples]:
        return _latest(select(self.records, Samples))

    @cached_property
    def tables(self) -> list[Table]:
        return _latest(select(self.records, Table))

    def table(self, name: str) -> Table | None:
        return next((t for t in self.tables if t.name == name), None)

    @cached_property
    def final(self) -> dict[str, Evaluation]:
        """The last full evaluation of each split, the most trustworthy split first."""
        scored = {e.split: e for e in self.evaluations if e.details}
        order = [s for s in ("test", "validation", "train") if s in scored]
        return {split: scored[split] for split in [*order, *(s for s in scored if s not in order)]}

    @cached_property
    def judged(self) -> Evaluation | None:
        """The evaluation that the page is about: of the test split where there is one."""
        return next(iter(self.final.values()), self.evaluations[-1] if self.evaluations else None)

    @cached_property
    def headline(self) -> str:
        """The name of the metric the page begins with."""
        if self.judged is None or not self.judged.metrics:
            return ""
        named = self.judged.details.get("headline")
        return str(named) if named in self.judged.metrics else next(iter(self.judged.metrics))

    @cached_property
    def unit(self) -> str:
        return str(self.judged.details.get("unit", "")) if self.judged else ""

    @cached_property
    def steps_per_epoch(self) -> float | None:
        steps = self.recipe.get("horizon", {}).get("steps_per_epoch")
        return float(steps) if isinstance(steps, int | float) and steps > 0 else None

    def setting(self, name: str) -> Any:
        """A setting's value wherever the recipe keeps it."""
        for section in self.recipe.values():
            if isinstance(section, dict) and name in section:
                return section[name]
        return self.recipe.get(name)


def read_run(folder: RunFolder) -> RunData:
    found = folder.evidence_file
    return RunData(
        folder.name,
        folder.recipe() if folder.recipe_file.is_file() else {},
        read_json(folder.result_file) if folder.result_file.is_file() else {},
        evidence.read(found),
        found.stat().st_mtime if found.exists() else None,
    )


def _latest(records: list[R]) -> list[R]:
    """Of records with the same title the last, in the order they first came."""
    last: dict[str, R] = {}
    for record in records:
        last[record.title if isinstance(record, Samples) else record.name] = record
    return list(last.values())
