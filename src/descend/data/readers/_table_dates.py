"""This file reads dates: it finds the format of a column once, then reads every cell with it."""

import re
from datetime import datetime

import numpy as np
import polars as pl

DATE_SHARE = 0.99  # of a column's cells must be dates for the rest to count as mistakes
# Each with the form it must look like, because parsers read "1-2" as a date when asked to.
DATE_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%b %d, %Y",
    "%B %d, %Y", "%d %B %Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y",
)  # fmt: skip
TIME_FORMATS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f",
                " %I:%M %p", " %I:%M:%S %p")  # fmt: skip
LOOKS_LIKE_DATE = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
    r"|[A-Za-z]{3,9} (\d{1,2}, )?\d{4})([T ].*)?"
)
_ZONE = r"(Z|[+-]\d\d:?\d\d| UTC)$"


def mostly_read(text: pl.Series, dates: pl.Series) -> bool:
    return len(dates) - dates.null_count() >= DATE_SHARE * (len(text) - text.null_count())


def swapped(form: str) -> str | None:
    """The format with day and month exchanged, where that is one people write."""
    other = form.translate(str.maketrans("dm", "md"))
    known = any(other.startswith(date) for date in DATE_FORMATS)
    return other if other != form and known else None


def dates_written(text: pl.Series) -> str | None:
    """The format of a column's dates; None when it holds none."""
    present = text.drop_nulls()
    head = present.head(50)
    looks = head.str.contains(f"^{LOOKS_LIKE_DATE.pattern}$").sum()
    if not len(head) or looks < 0.9 * len(head):
        return None
    zoned = bool(head.str.contains(_ZONE).any() and head.str.contains(":").all())
    plain = text.str.replace(_ZONE, "") if zoned else text
    sample = plain.drop_nulls().unique(maintain_order=True)
    return date_format(sample.head(2000).to_list())


def dates_as_written(text: pl.Series, form: str) -> pl.Series:
    """Datetime without zone (UTC where one was written), null where a cell is no such date.

    Cells that `form` does not read may have another time of day, or a date that reads in one way
    only: the year first or a month's name.
    """
    date = next(known for known in sorted(DATE_FORMATS, key=len)[::-1] if form.startswith(known))
    plain_dates = [known for known in DATE_FORMATS if known[:2] == "%Y" or "%b" in known.lower()]
    dates = _read_dates(text, form)
    for known in dict.fromkeys((date, *plain_dates)):
        for time in TIME_FORMATS:
            if dates.null_count() == text.null_count():
                return dates.alias(text.name)
            open_cells = text.set(dates.is_not_null(), None)
            read = _read_dates(open_cells, known + time)
            dates = dates.zip_with(dates.is_not_null(), read)
    return dates.alias(text.name)


def _read_dates(text: pl.Series, form: str) -> pl.Series:
    if "%Y" in form:  # polars takes year 11 for %Y
        text = text.set(~text.str.contains(r"\d{4}").fill_null(True), None)
    dates = _to_dates(_without_zone(text, form), form)
    return dates - _offsets(text) if ":" in form else dates


def _without_zone(text: pl.Series, form: str) -> pl.Series:
    return text.str.replace(_ZONE, "") if ":" in form else text


def _offsets(text: pl.Series) -> pl.Series:
    sign = text.str.extract(r"([+-])\d\d:?\d\d$").replace_strict(
        {"+": 1, "-": -1}, default=0, return_dtype=pl.Int64
    )
    hours = text.str.extract(r"[+-](\d\d):?\d\d$").cast(pl.Int64).fill_null(0)
    minutes = text.str.extract(r"[+-]\d\d:?(\d\d)$").cast(pl.Int64).fill_null(0)
    return (sign * (hours * 60 + minutes) * 60_000_000).cast(pl.Duration("us"))


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
    if read < DATE_SHARE * len(sample):
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
