"""This file holds the forms that data takes on its way from a reader to a network.

reader -> ImageSet | TableSet (raw, everything found)
       -> Prepared (split; preprocessing fitted on the training split alone; resident tensors).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from descend.forms import Form

if TYPE_CHECKING:
    import polars
    import torch

TRAIN, VALIDATION, TEST = 0, 1, 2  # codes in `given`; SPLITS[code] is the name
SPLITS = ("train", "validation", "test")
UNGIVEN = -1  # this example's split is ours to choose


@dataclass(frozen=True)
class Issue:
    """Something wrong with the data, named so that its owner can find and mend it."""

    kind: str  # "unreadable", "duplicate-column", "missing-values", "extreme-row", …
    where: str  # file, row or column
    text: str  # what was found, what was expected
    dropped: bool  # left out of the training


@dataclass(frozen=True)
class Levels:
    """The values shown black and white where their type does not tell; chosen once per data."""

    white: float | None = None  # of whole numbers of more than 8 bits; black is 0
    low: float | None = None  # of fractions
    high: float | None = None

    def or_else(self, other: "Levels") -> "Levels":
        """The same; where nothing is chosen yet, the other's."""
        white = other.white if self.white is None else self.white
        return replace(self if self.high is not None else other, white=white)

    def describe(self) -> tuple[str, ...]:
        ranges = [
            (first, last)
            for first, last in ((0.0, self.white), (self.low, self.high))
            if first is not None and last is not None and (first, last) != (0, 255)
        ]
        return tuple(f"values {a:,.10g} to {b:,.10g} become black to white" for a, b in ranges)


UNKNOWN_LEVELS = Levels()


@dataclass(frozen=True)
class ImageSet:
    """Decoded images of one size and what is known of them."""

    pixels: "torch.Tensor"  # uint8 (examples, channels, height, width); channels 1 or 3
    targets: "torch.Tensor | None"  # int64 (examples,) class codes, or float32 (examples, outputs)
    classes: tuple[str, ...]  # names of the class codes; empty when targets are numbers
    names: Sequence[str]  # where each example came from: "cats/3.jpg" or "row 17"
    given: "torch.Tensor"  # int8 (examples,) TRAIN, VALIDATION, TEST or UNGIVEN
    found: tuple[str, ...]  # sentences for the user: counts, sizes, forms
    issues: tuple[Issue, ...] = ()
    levels: Levels = UNKNOWN_LEVELS


@dataclass(frozen=True)
class TableSet:
    """A table as it was read; the target columns still inside, nothing fitted yet."""

    frame: "polars.DataFrame"
    targets: tuple[str, ...]  # column names
    names: Sequence[str]  # "titanic.csv row 17" (rows count from 1, the header not counted)
    given: "torch.Tensor"  # int8 (rows,)
    found: tuple[str, ...]
    issues: tuple[Issue, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)  # how a column's cells are written


@dataclass(frozen=True)
class Split:
    """Resident examples of one split; every tensor's first dimension is the example."""

    inputs: tuple["torch.Tensor", ...]  # (uint8 pixels,) or (float32 numbers, int64 categories)
    targets: "torch.Tensor"  # int64 (n,) | float32 (n, outputs)
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, indices: "torch.Tensor") -> "Split":
        names = [self.names[i] for i in indices.tolist()]
        return Split(tuple(t[indices] for t in self.inputs), self.targets[indices], names)


class Preprocessing(Protocol):
    """What was fitted on the training split; saved with the model, applied again by predict."""

    @property
    def form(self) -> Form: ...

    def to_json(self) -> dict[str, object]: ...


TargetKind = Literal["single-label", "multi-label", "number"]


@dataclass(frozen=True)
class Targets:
    """What is to be predicted and how its codes read."""

    kind: TargetKind
    names: tuple[str, ...]  # classes (single-label), labels (multi-label) or columns (number)
    offset: tuple[float, ...] = ()  # numbers are (value - offset) / scale inside Split.targets
    scale: tuple[float, ...] = ()
    unit: str = ""
    why: str = ""  # the reason this kind was derived: "income has 2 distinct text values"


@dataclass(frozen=True)
class Prepared:
    """Everything a task needs of the data."""

    splits: dict[str, Split]  # "train", "validation", and "test" where there is one
    preprocessing: Preprocessing
    targets: Targets
    unit: Literal["images", "rows"]
    fingerprint: str  # sha256 over content and split; equal data gives an equal fingerprint
    found: tuple[str, ...]
    issues: tuple[Issue, ...] = ()
    extras: dict[str, object] = field(default_factory=dict)  # a time series keeps its lags here

    def with_splits(self, splits: dict[str, Split]) -> "Prepared":
        return replace(self, splits=splits)
