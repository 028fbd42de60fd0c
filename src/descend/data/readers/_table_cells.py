"""This file says what the cells of a column are: numbers, dates, text, or missing.

Cells come as text; a column gets one type. A few cells that do not fit become missing and are
named with row and value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from descend.data.examples import Issue
from descend.data.readers._table_dates import (
    LOOKS_LIKE_DATE,
    date_format,
    dates_as_written,
    dates_written,
    mostly_read,
    swapped,
)

MISSING = ("", "?", "na", "n/a", "nan", "null", "#n/a", "<na>", "-nan", "#na")
MISSING_NUMBER = ("none", "nil", "-", "--", ".", "unknown", "missing", "n.a.")
NUMBER_SHARE = 0.99  # of a column's cells must be numbers for the rest to count as mistakes
VARIED_SHARE = 0.95  # the same for a column with many different numbers, hardly a category
VARIED = 20  # different numbers that make it so
NAMED = 5  # rows named one by one; the rest is counted
EXACT = 2**53  # beyond it a float does not tell whole neighbors apart: such numbers stay floats
LARGEST = 1e30  # squares of larger numbers overflow in single precision
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_MONEY = r"^[$€£¥]|[$€£¥%]$"
PLAIN, DECIMAL_COMMA, THOUSANDS = "plain", "decimal comma", "comma between thousands"
# a group of thousands never starts with 0, so 0,512 is a decimal comma
_GROUPED = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$"
_CERTAIN_GROUPED = r"^[+-]?[1-9]\d{0,2}((,\d{3}){2,}(\.\d*)?|,\d{3}\.\d*)$"
_DECIMAL = r"^[+-]?(\d*|[1-9]\d{0,2}(\.\d{3})+),\d+([eE][+-]?\d+)?$"
_POINT = r"^[+-]?(\d*\.(\d{1,2}|\d{4,})|(0|\d{4,})?\.\d{3})$"
_DOTS = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?$"


@dataclass(frozen=True)
class Cells:
    """A typed column and what did not fit."""

    values: pl.Series
    issues: tuple[Issue, ...]
    written: str = ""  # the date format or the meaning of a comma; read further files with it


def is_missing(cell: str | None) -> bool:
    return cell is None or cell.strip().lower() in MISSING


def is_number(cell: str | None) -> bool:
    return cell is not None and _NUMBER.fullmatch(cell.strip().lstrip("$€£")) is not None


def is_date(cell: str | None) -> bool:
    return (
        cell is not None
        and not is_number(cell)
        and LOOKS_LIKE_DATE.fullmatch(cell.strip()) is not None
        and date_format([cell.strip()]) is not None
    )


def type_column(text: pl.Series, column: str, row_name: Callable[[int], str]) -> Cells:
    """Give a column of text cells its type: Int64, Float64, Datetime or String."""
    plain = _plain_numbers(text)
    if plain is not None:
        values, infinite = without_infinite(plain, column, row_name)
        return Cells(values, infinite)
    text = _without_markers(text, MISSING)
    present = text.len() - text.null_count()
    if not present:
        return Cells(text, ())
    written = written_numbers(text)
    numbers = numbers_as_written(text, written)
    if _is_number_column(text, numbers, present):
        cells = number_cells(text, numbers, column, row_name)
        return Cells(cells.values, (*cells.issues, *_open_comma(text, written, column)), written)
    form = dates_written(text)
    dates = None if form is None else dates_as_written(text, form)
    if form is not None and dates is not None and mostly_read(text, dates):
        misfits = _misfits(text, dates, column, "a date", row_name)
        return Cells(dates, (*misfits, *_open_date(text, form, column)), form)
    return Cells(text, ())


def _open_comma(text: pl.Series, written: str, column: str) -> tuple[Issue, ...]:
    if written != THOUSANDS or not comma_is_open(text):
        return ()
    example = text.filter(text.str.contains(",", literal=True).fill_null(False))[0]
    number = float(example.strip("$€£¥% ").replace(",", ""))
    said = (
        f"{example} may mean {number:g} or {number / 1000:g}, and no cell decides; taken as "
        f"{number:g}, here and in further files"
    )
    return (Issue("open-comma", f"column {column}", said, False),)


def _open_date(text: pl.Series, form: str, column: str) -> tuple[Issue, ...]:
    """Day and month that could be exchanged in every cell."""
    other = swapped(form)
    if other is None or not mostly_read(text, dates_as_written(text, other)):
        return ()
    example = text.drop_nulls()[0]
    first = "day" if form.startswith("%d") else "month"
    said = (
        f"{example} may start with the day or the month, and no cell decides; taken as the "
        f"{first} first, here and in further files"
    )
    return (Issue("open-date", f"column {column}", said, False),)


def _plain_numbers(text: pl.Series) -> pl.Series | None:
    """A column of nothing but numbers, read without looking at each cell; None for any other."""
    missing = text.null_count()
    if missing == len(text) or text.str.contains(r"^[+-]?0\d").any():
        return None
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == missing:
        return whole if int(whole.abs().max()) < EXACT else None  # type: ignore[arg-type]
    numbers = text.cast(pl.Float64, strict=False)
    return numbers.fill_nan(None) if numbers.null_count() == missing else None


def as_type(
    series: pl.Series,
    dtype: pl.DataType,
    column: str,
    row_name: Callable[[int], str],
    written: str = "",
) -> Cells:
    """Bring a column to the type it had elsewhere (in training); misfits are named and missing.

    `written` is how its cells were written there, so that a cell means the same in every file.
    """
    if series.dtype == dtype:
        return Cells(_without_markers(series, MISSING) if dtype == pl.String else series, ())
    if series.dtype != pl.String:
        text = series.cast(pl.String, strict=False)
        if dtype == pl.String:
            return Cells(_plain_whole(series, text), ())
        if dtype.is_numeric() and (series.dtype.is_numeric() or series.dtype == pl.Boolean):
            return Cells(series.cast(dtype, strict=False), ())
        series = text
    text = _without_markers(series.str.strip_chars(), MISSING)
    if dtype.is_numeric():
        return number_cells(text, numbers_as_written(text, written or PLAIN), column, row_name)
    if dtype == pl.Datetime:
        form = written or dates_written(text)
        dates = pl.Series(text.name, [None] * len(text), pl.Datetime("us"))
        if form is not None:
            dates = dates_as_written(text, form)
        return Cells(dates, _misfits(text, dates, column, "a date", row_name))
    return Cells(text, ())


def _plain_whole(series: pl.Series, text: pl.Series) -> pl.Series:
    """3.0 and 3 are one category."""
    return text.str.strip_suffix(".0") if series.dtype.is_float() else text


def _without_markers(text: pl.Series, markers: tuple[str, ...]) -> pl.Series:
    lowered = text.str.to_lowercase()
    return text.set(lowered.is_in(list(markers)).fill_null(False), None)


def written_numbers(text: pl.Series) -> str:
    """What a comma means in this column: PLAIN, DECIMAL_COMMA or THOUSANDS.

    A cell such as 1,234 may be either; other cells of the column decide, else it is taken as
    thousands.
    """
    plain = _without_money(text)
    if not plain.str.contains(",", literal=True).any():
        return PLAIN
    only_decimal = plain.str.contains(_DECIMAL) & ~plain.str.contains(_GROUPED)
    only_thousands = plain.str.contains(_CERTAIN_GROUPED) | plain.str.contains(_POINT)
    decimal, thousands = int(only_decimal.sum()), int(only_thousands.sum())
    if decimal > thousands:
        return DECIMAL_COMMA
    return THOUSANDS if plain.str.contains(_GROUPED).any() else PLAIN


def comma_is_open(text: pl.Series) -> bool:
    """Whether a comma of the column could mean both, in every cell that has one."""
    plain = _without_money(text)
    only_decimal = plain.str.contains(_DECIMAL) & ~plain.str.contains(_GROUPED)
    sure = only_decimal | plain.str.contains(_CERTAIN_GROUPED) | plain.str.contains(_POINT)
    return bool(plain.str.contains(_GROUPED).any()) and not bool(sure.any())


def numbers_as_written(text: pl.Series, written: str) -> pl.Series:
    """Float64 with null where a cell is no number; each cell is read without its neighbors."""
    numbers = text.cast(pl.Float64, strict=False)
    if written == PLAIN and numbers.null_count() == text.null_count():
        return numbers
    plain = _without_money(text)
    if written == DECIMAL_COMMA:
        dots = plain.str.contains(_DOTS).fill_null(False)
        plain = plain.zip_with(~dots, plain.str.replace_all(".", "", literal=True))
        commas = plain.str.contains(_DECIMAL).fill_null(False)
        plain = plain.zip_with(~commas, plain.str.replace(",", ".", literal=True))
        return plain.cast(pl.Float64, strict=False)
    # in a column without commas only what can be nothing else is read
    grouped = plain.str.contains(_GROUPED if written == THOUSANDS else _CERTAIN_GROUPED)
    grouped = grouped.fill_null(False)
    plain = plain.zip_with(~grouped, plain.str.replace_all(",", "", literal=True))
    if written == PLAIN:
        commas = plain.str.contains(_DECIMAL) & ~plain.str.contains(_GROUPED)
        commas = commas.fill_null(False)
        plain = plain.zip_with(~commas, plain.str.replace(",", ".", literal=True))
    return plain.cast(pl.Float64, strict=False)


def _without_money(text: pl.Series) -> pl.Series:
    plain = text.str.replace_all(_MONEY, "").str.strip_chars()
    return plain.str.replace_all(r"(\d)[ '\u{a0}\u{202f}](\d{3})", "${1}${2}")


def _is_number_column(text: pl.Series, numbers: pl.Series, present: int) -> bool:
    if text.str.contains(r"^0\d+$").any():  # 00501 is a code, not 501
        return False
    bad = text.filter(numbers.is_null() & text.is_not_null())
    varied = numbers.drop_nulls().n_unique() > min(VARIED, present // 2)
    share = 1 - len(bad) / present
    few_markers = bad.n_unique() <= 2 and _are_markers(bad)
    return (
        share >= NUMBER_SHARE
        or (varied and (share >= VARIED_SHARE or (len(bad) == 1 and present >= 4)))
        or few_markers
        or (varied and bad.n_unique() == 1 and share >= 0.5)
    )


def _are_markers(bad: pl.Series) -> bool:
    return all(str(value).lower() in MISSING_NUMBER for value in bad.unique().to_list())


def number_cells(
    text: pl.Series, numbers: pl.Series, column: str, row_name: Callable[[int], str]
) -> Cells:
    markers = text.str.to_lowercase().is_in(list(MISSING_NUMBER)).fill_null(False)
    issues = _misfits(text.set(markers, None), numbers, column, "a number", row_name)
    numbers, infinite = without_infinite(numbers, column, row_name)
    whole = numbers.drop_nulls()
    if len(whole) and (whole == whole.round()).all() and (whole.abs() < EXACT).all():
        written_whole = not text.str.contains(r"[.eE,]").any()
        numbers = numbers.cast(pl.Int64) if written_whole else numbers
    return Cells(numbers, (*issues, *infinite))


def without_infinite(
    numbers: pl.Series, column: str, row_name: Callable[[int], str]
) -> tuple[pl.Series, tuple[Issue, ...]]:
    """NaN and infinite cells become missing and are named."""
    if not numbers.dtype.is_float():
        return numbers, ()
    issues: list[Issue] = []
    for kind, found in (
        (
            "infinite",
            (numbers.abs() > LARGEST).fill_null(False) & ~numbers.is_nan().fill_null(False),
        ),
        ("not-a-number", numbers.is_nan().fill_null(False)),
    ):
        at = np.flatnonzero(found.to_numpy())
        if len(at):
            rows = rows_named([int(i) for i in at], row_name)
            what = f"infinite or beyond {LARGEST:g}" if kind == "infinite" else "NaN"
            issues.append(
                Issue(kind, f"column {column}", f"{what} in {rows}; taken as missing", False)
            )
        numbers = numbers.set(found, None)
    return numbers, tuple(issues)


def _misfits(
    text: pl.Series, values: pl.Series, column: str, noun: str, row_name: Callable[[int], str]
) -> tuple[Issue, ...]:
    bad = np.flatnonzero((values.is_null() & text.is_not_null()).to_numpy())
    if not len(bad):
        return ()
    cells = [f"{row_name(int(at))} has {text[int(at)]!r}" for at in bad[:NAMED]]
    more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    said = f"expected {noun} but {', '.join(cells)}{more}; taken as missing"
    return (Issue(f"not-{noun.replace(' ', '-')}", f"column {column}", said, False),)


def rows_named(at: list[int], row_name: Callable[[int], str]) -> str:
    more = f" and {len(at) - NAMED} more" if len(at) > NAMED else ""
    return ", ".join(row_name(i) for i in at[:NAMED]) + more
