"""This file makes the rows of a table worse: noise, missing values, a column taken away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl
import torch
from torch import Tensor

from descend.data.examples import Split
from descend.data.table_preprocessing import TablePreprocessing
from descend.data.table_types import DTYPES

NOISE = (0.1, 0.25, 0.5, 0.75, 1.0)  # deviations of each column
MISSING = (0.1, 0.2, 0.3, 0.4, 0.5)  # share of all values

Changed = tuple[str, str, float, Split | None]  # change, unit, strength; None: unchanged


@dataclass(frozen=True)
class _Gap:
    """What the network gets where a column of the table has no value."""

    source: str
    numbers: dict[int, float]  # place among the standardized numbers -> value
    codes: dict[int, int]  # place among the categories -> code


def table_changes(
    split: Split, preprocessing: TablePreprocessing, generator: torch.Generator
) -> Iterator[Changed]:
    """Noise on all numbers, values missing at random, and each column missing whole."""
    numbers, codes = (tensor.cpu() for tensor in split.inputs)
    values = torch.tensor([column.part != "missing" for column in preprocessing.numbers])
    noise = torch.randn(numbers.shape, generator=generator)
    if values.any():
        yield "noise on all numbers", "deviations", 0.0, None
        for strength in NOISE:
            noisy = numbers + strength * noise * values
            changed = replace(split, inputs=(noisy, codes))
            yield "noise on all numbers", "deviations", strength, changed
    gaps = _gaps(preprocessing)
    chance = torch.rand(len(split), len(gaps), generator=generator)
    yield "missing values", "share of all", 0.0, None
    for strength in MISSING:
        yield "missing values", "share of all", strength, _without(split, gaps, chance < strength)
    every = torch.ones(len(split), 1, dtype=torch.bool)
    for gap in gaps:
        yield f"without {gap.source}", "column", 1.0, _without(split, [gap], every)


def _gaps(preprocessing: TablePreprocessing) -> list[_Gap]:
    """Learned by preprocessing a row that has no value at all."""
    empty = pl.DataFrame(
        {
            name: pl.Series([None], dtype=DTYPES[kind])
            for name, kind in preprocessing.columns.items()
        }
    )
    numbers, codes = preprocessing.apply(empty)
    return [
        _Gap(
            source,
            {
                i: float(numbers[0, i])
                for i, c in enumerate(preprocessing.numbers)
                if c.source == source
            },
            {
                i: int(codes[0, i])
                for i, c in enumerate(preprocessing.categories)
                if c.source == source
            },
        )
        for source in preprocessing.columns
    ]


def _without(split: Split, gaps: list[_Gap], gone: Tensor) -> Split:
    """`gone` (rows, gaps) says which values are missing."""
    numbers, codes = (tensor.cpu().clone() for tensor in split.inputs)
    for place, gap in enumerate(gaps):
        for column, value in gap.numbers.items():
            numbers[gone[:, place], column] = value
        for column, code in gap.codes.items():
            codes[gone[:, place], column] = code
    return replace(split, inputs=(numbers, codes))
