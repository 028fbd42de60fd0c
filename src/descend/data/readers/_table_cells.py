"""This file says what the cells of a column are: numbers, dates, text, or missing.

Cells come as text; a column gets one type. A few cells that do not fit become missing and are
named with row and value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from descend.data.examples import Issue

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
# Each with the form it must look like, because parsers read "1-2" as a date when asked to.
DATE_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%b %d, %Y",
    "%B %d, %Y", "%d %B %Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y",
)  # fmt: skip
TIME_FORMATS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f",
                " %I:%M %p", " %I:%M:%S %p")  # fmt: skip
_LOOKS_LIKE_DATE = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
    r"|[A-Za-z]{3,9} (\d{1,2}, )?\d{4})([T ].*)?"
)
_ZONE = r"(Z|[+-]\d\d:?\d\d| UTC)$"


@dataclass(frozen=True)
class Cells:
    """A typed column and what did not fit."""

    values: pl.Series
    issues: tuple[Issue, ...]


def is_missing(cell: str | None) -> bool:
    return cell is None or cell.strip().lower() in MISSING


def is_number(cell: str | None) -> bool:
    return cell is not None and _NUMBER.fullmatch(cell.strip().lstrip("$€£")) is not None


def is_date(cell: str | None) -> bool:
    return (
        cell is not None
        and not is_number(cell)
        and _LOOKS_LIKE_DATE.fullmatch(cell.strip()) is not None
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
    numbers = parse_numbers(text)
    if numbers is not None and _is_number_column(text, numbers, present):
        return number_cells(text, numbers, column, row_name)
    dates = parse_dates(text)
    if dates is not None:
        return Cells(dates, _misfits(text, dates, column, "a date", row_name))
    return Cells(text, ())


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
    series: pl.Series, dtype: pl.DataType, column: str, row_name: Callable[[int], str]
) -> Cells:
    """Bring a column to the type it had elsewhere (in training); misfits are named and missing."""
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
        numbers = parse_numbers(text)
        if numbers is None:
            numbers = pl.Series(text.name, [None] * len(text), pl.Float64)
        return number_cells(text, numbers, column, row_name)
    if dtype == pl.Datetime:
        dates = parse_dates(text)
        if dates is None:
            dates = pl.Series(text.name, [None] * len(text), pl.Datetime("us"))
        return Cells(dates, _misfits(text, dates, column, "a date", row_name))
    return Cells(text, ())


def _plain_whole(series: pl.Series, text: pl.Series) -> pl.Series:
    """3.0 and 3 are one category."""
    return text.str.strip_suffix(".0") if series.dtype.is_float() else text


def _without_markers(text: pl.Series, markers: tuple[str, ...]) -> pl.Series:
    lowered = text.str.to_lowercase()
    return text.set(lowered.is_in(list(markers)).fill_null(False), None)


def parse_numbers(text: pl.Series) -> pl.Series | None:
    """Float64 with null where a cell is no number; None when the plain majority is not."""
    numbers = text.cast(pl.Float64, strict=False)
    present = text.len() - text.null_count()
    if numbers.len() - numbers.null_count() >= 0.5 * present:
        return numbers
    plain = text.str.replace_all(_MONEY, "").str.strip_chars()
    plain = plain.str.replace_all(r"(\d)[ '\u{a0}\u{202f}](\d{3})", "${1}${2}")
    # 1,234.5 first: a comma before exactly three digits is a thousands mark
    thousands = plain.str.contains(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
    decimal_comma = plain.str.contains(r"^[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+$") & ~thousands
    if decimal_comma.any():
        plain = plain.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    elif thousands.any():
        plain = plain.str.replace_all(",", "", literal=True)
    numbers = plain.cast(pl.Float64, strict=False)
    return numbers if numbers.len() - numbers.null_count() >= 0.5 * present else None


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


def parse_dates(text: pl.Series) -> pl.Series | None:
    """Datetime without zone (UTC where one was written); None when the column holds no dates."""
    present = text.drop_nulls()
    head = present.head(50)
    looks = head.str.contains(f"^{_LOOKS_LIKE_DATE.pattern}$").sum()
    if not len(head) or looks < 0.9 * len(head):
        return None
    zoned = bool(head.str.contains(_ZONE).any() and head.str.contains(":").all())
    plain = text.str.replace(_ZONE, "") if zoned else text
    sample = plain.drop_nulls().unique(maintain_order=True)
    form = date_format(sample.head(2000).to_list())
    if form is None:
        return None
    dates = _to_dates(plain, form)
    if zoned:
        sign = text.str.extract(r"([+-])\d\d:?\d\d$").replace_strict(
            {"+": 1, "-": -1}, default=0, return_dtype=pl.Int64
        )
        hours = text.str.extract(r"[+-](\d\d):?\d\d$").cast(pl.Int64).fill_null(0)
        minutes = text.str.extract(r"[+-]\d\d:?(\d\d)$").cast(pl.Int64).fill_null(0)
        offset = (sign * (hours * 60 + minutes) * 60_000_000).cast(pl.Duration("us"))
        dates = dates - offset
    good = len(dates) - dates.null_count()
    return dates.alias(text.name) if good >= NUMBER_SHARE * len(present) else None


def _to_dates(text: pl.Series, form: str) -> pl.Series:
    if form in ("%Y-%m", "%Y/%m"):
        return (text + form[2] + "01").str.to_datetime(f"{form}{form[2]}%d", strict=False)
    if form in ("%b %Y", "%B %Y"):
        return ("01 " + text).str.to_datetime(f"%d {form}", strict=False)
    if "%H" in form or "%I" in form:
        return text.str.to_datetime(form, time_unit="us", strict=False)
    return text.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def date_format(sample: list[str]) -> str | None:
    """The format that reads the sample; where day and month are open, the one in better order."""
    best: tuple[int, int, str] | None = None
    for time in _times(sample[0]):
        for date in DATE_FORMATS:
            rank = _rank(sample, date + time)
            if rank is not None and (best is None or rank > best[:2]):
                best = (*rank, date + time)
    return best[2] if best else None


def _times(first: str) -> tuple[str, ...]:
    if ":" not in first:
        return ("",)
    return tuple(time for time in TIME_FORMATS if time and (time[0] == "T") == ("T" in first[8:]))


def _rank(sample: list[str], form: str) -> tuple[int, int] | None:
    """Cells read, then pairs of neighbors in order; None when too many are not read."""
    head = sample[:5]
    if sum(_reads(cell, form) for cell in head) <= len(head) // 2:
        return None
    dates = _to_dates(pl.Series(sample, dtype=pl.String), form)
    read = len(dates) - dates.null_count()
    if read < NUMBER_SHARE * len(sample):
        return None
    steps = dates.drop_nulls().diff().drop_nulls()
    near = steps.dt.total_seconds().abs().to_numpy()
    return read, -int(np.median(near)) if len(near) else 0


def _reads(cell: str, form: str) -> bool:
    """As strict as Python: polars takes year 11 for %Y."""
    try:
        datetime.strptime(cell, form.replace("%.f", ".%f"))
    except ValueError:
        return False
    return True
