"""This file decides what each column of a table is to a network: a number, a category, a date, or
nothing it could learn from.

Roles are found on training rows alone. What is left out is said with the reason.
"""

import re
from dataclasses import dataclass
from typing import Literal

import polars as pl

Role = Literal["number", "category", "prefix", "presence", "date", "left out"]

MANY = 50  # distinct texts up to this many are categories however few the rows
DISTINCT_SHARE = 0.5  # of rows: a text column with more distinct values repeats too seldom
LONG_TEXT = 5  # words on average from which a text is prose
PREFIXES = 30  # distinct leading letters up to this many are categories
RUNNING_ROWS = 60  # rows from which a nameless first column that counts 1, 2, 3 is a row number
# "PassengerId", "id", "row_id", "index", "uuid", and pandas' nameless index column
IDENTIFIER = re.compile(
    r"(?i:(.*[\s_.-])?(id|idx|index|uuid|guid|key|rownum|row|nr|no|unnamed:? \d+))|.*[a-z]I[dD]"
)


@dataclass(frozen=True)
class Column:
    name: str
    role: Role
    why: str = ""  # the reason, where it is not plain


def columns_of(training: pl.DataFrame, reserved: dict[str, str]) -> tuple[Column, ...]:
    """The role of each column, from training rows; `reserved` are names with why they are out."""
    found = [
        Column(name, "left out", reserved[name])
        if name in reserved
        else _column(training[name], at == 0)
        for at, name in enumerate(training.columns)
    ]
    if all(column.role == "left out" for column in found):  # a row number is better than nothing
        found = [_kept(column, training, reserved) for column in found]
    return tuple(found)


def _kept(column: Column, training: pl.DataFrame, reserved: dict[str, str]) -> Column:
    values = training[column.name]
    if column.name in reserved or values.n_unique() < 2 or not values.dtype.is_numeric():
        return column
    return Column(column.name, "number")


def _column(values: pl.Series, first: bool) -> Column:
    name = values.name
    if values.null_count() == len(values):
        return Column(name, "left out", "all values are missing")
    if values.n_unique() == 1:
        return Column(name, "left out", f"constant: always {values[0]}")
    if values.dtype == pl.Datetime:
        return Column(name, "date")
    if values.dtype == pl.Boolean:
        return Column(name, "number")
    if values.dtype.is_numeric():
        why = _identifies(values, first)
        return Column(name, "left out", why) if why else Column(name, "number")
    return _text_column(values)


def _identifies(values: pl.Series, first: bool) -> str:
    """Why a number column only names its row; "" where it does not."""
    if not values.dtype.is_integer() or values.null_count() or not values.is_unique().all():
        return ""
    if IDENTIFIER.fullmatch(values.name) and len(values) >= 10:
        return "identifier: every row has another value"
    # training rows are a sample, so a running number shows as a dense range that starts near 1
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    running = values.is_sorted() and low >= 0 and low <= 50 and high - low < 2 * len(values)
    if first and running and len(values) >= RUNNING_ROWS:
        return "identifier: a running number"
    return ""


def _text_column(values: pl.Series) -> Column:
    name, present = values.name, values.drop_nulls()
    distinct = present.n_unique()
    repeats = distinct <= DISTINCT_SHARE * len(present)
    if repeats or (distinct <= MANY and distinct < 0.9 * len(present)):
        return Column(name, "category")
    words = present.str.count_matches(r"\S+").mean()
    prose = isinstance(words, float) and words >= LONG_TEXT
    prefixes = prefix(present)
    if (
        not prose
        and prefixes.n_unique() <= min(PREFIXES, len(present) // 10)
        and (prefixes.n_unique() > 1 and prefixes.null_count() < 0.05 * len(present))
    ):
        why = f"{distinct} distinct values in {len(present)} rows: their first letters are used"
        return Column(name, "prefix", why)
    if 0.05 * len(values) <= values.null_count() <= 0.95 * len(values):
        why = (
            f"{distinct} distinct values in {len(present)} rows: only whether one is there is used"
        )
        return Column(name, "presence", why)
    if prose:
        return Column(name, "left out", f"free text: {distinct} distinct values")
    if distinct >= 0.95 * len(present):
        return Column(name, "left out", "identifier: nearly every row has another text")
    return Column(name, "left out", f"{distinct} distinct values in {len(present)} rows: too many")


def prefix(values: pl.Series) -> pl.Series:
    """The letters before the first digit or space: "C" of "C85", "PC" of "PC 17599"."""
    return values.str.extract(r"^([A-Za-z]{1,3})(?:[\d\s_-]|$)").str.to_uppercase()
