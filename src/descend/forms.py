"""This file holds what passes between the catalogs: forms of input, and the clock of a schedule."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ImageForm:
    """What a network for images must accept: forward(image), (batch, channels, height, width)."""

    channels: int
    height: int
    width: int
    kind: Literal["images"] = "images"


@dataclass(frozen=True)
class TableForm:
    """What a network for tables must accept: forward(numbers, categories).

    numbers: float32 (batch, len(number_names)), standardized; categories: int64
    (batch, len(cardinalities)), code 0 of each column is "missing or never seen in training".
    """

    number_names: tuple[str, ...]
    category_names: tuple[str, ...]
    cardinalities: tuple[int, ...]
    edges: tuple[
        tuple[float, ...], ...
    ] = ()  # quantile bin edges of each number column, in training
    kind: Literal["tables"] = "tables"


Form = ImageForm | TableForm


@dataclass(frozen=True)
class Clock:
    """Where in the training a schedule is asked for its factor."""

    step: int  # updates of this player already done
    steps: int  # updates planned
    steps_per_epoch: int
    validation_losses: tuple[float, ...] = ()  # one per evaluation so far, for plateau
