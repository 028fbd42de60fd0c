"""This file turns a series in time into rows a network can learn from: lagged values and calendar.

Forecasts are one step ahead. A lag counts steps of the calendar, so a gap gives a missing lag; it
is filled with the last value known by then and marked.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.examples import Issue
from descend.data.table_types import DTYPES
from descend.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DEFAULT_LAGS = (1, 7, 28, 56)  # steps; for days: yesterday, last week, four and eight weeks ago
HISTORY_SHARE = 0.2  # of the rows; a lag that takes more of them away is left out
SPARSE = 50  # steps per row from which times count as irregular
STEP_SHARE = 0.5  # of the distances that must be the commonest one for times to be regular
TIES_SHARE = 0.05  # of the rows; more equal times than this are several series in one table
NAMED = 5
MICROSECONDS = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6, "day": 86400 * 10**6}
# Steps of a season: the value shown beside yesterday's. A week of days, a day of anything finer.
DAY_STEPS, YEAR_MONTHS = 7, 12


@dataclass(frozen=True)
class Step:
    """The distance between neighbors: `size` microseconds, months, units or places in order."""

    kind: Literal["time", "months", "number", "order"]
    size: int
    origin: int  # of the first row, in microseconds, months or units

    @property
    def text(self) -> str:
        if self.kind == "months":
            return {1: "month", 3: "quarter", 12: "year"}.get(self.size, f"{self.size} months")
        if self.kind == "order":
            return "row (times are irregular)"
        if self.kind == "number":
            return f"{self.size}"
        for noun, length in reversed(MICROSECONDS.items()):
            if self.size % length == 0:
                count = self.size // length
                return noun if count == 1 else f"{count} {noun}s"
        return f"{self.size / 1e6:g} seconds"

    @property
    def season(self) -> tuple[int, str]:
        """Steps back of the seasonal value and its name."""
        day = MICROSECONDS["day"]
        if self.kind == "time" and self.size == day:
            return DAY_STEPS, "last week's value"
        if self.kind == "time" and self.size < day and day % self.size == 0:
            return day // self.size, "the value a day before"
        if self.kind == "months" and YEAR_MONTHS % self.size == 0 and self.size < YEAR_MONTHS:
            return YEAR_MONTHS // self.size, "last year's value"
        return DAY_STEPS, f"the value {DAY_STEPS} steps before"

    @property
    def last(self) -> str:
        is_day = self.kind == "time" and self.size == MICROSECONDS["day"]
        return "yesterday's value" if is_day else "the last value"


@dataclass(frozen=True)
class Series:
    """How rows become features; kept with the model, with the end of the known history."""

    time: str
    targets: tuple[str, ...]
    others: tuple[str, ...]  # columns known only up to the step before
    lags: tuple[int, ...]
    step: Step
    types: Mapping[str, str]  # of the columns above
    tail: tuple[tuple[object, ...], ...] = ()  # last rows of the table it was fitted on

    def features(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The feature columns for each of `rows`, which are sorted by time and have no ties."""
        places = positions(rows[self.time], self.step)
        columns = [rows[self.time]] if self.step.kind in ("time", "months") else []
        for name in self.targets:
            values = rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for lag in self.lags:
                value, missing = lagged(values, places, lag)
                columns.append(pl.Series(lag_name(name, lag), value))
                columns.append(pl.Series(f"{lag_name(name, lag)} is carried", missing * 1.0))
        for name in self.others:
            columns.append(_before(rows[name], places).alias(f"{name} 1 before"))
        return pl.DataFrame(columns).fill_nan(None)

    def remark(self, features: pl.DataFrame) -> str:
        """What these rows lack of the past, "" when nothing. DataError when none has any."""
        first = lag_name(self.targets[0], min(self.lags))
        unknown = features[first].is_null()
        carried = (features[f"{first} is carried"] > 0) & ~unknown
        if len(features) and unknown.all():
            raise DataError(
                f"nothing is known of {self.targets[0]} before these rows; give rows with its "
                "values before those to forecast"
            )
        lacks = int(unknown.sum()) + int(carried.sum())
        if not lacks:
            return ""
        step = "step" if min(self.lags) == 1 else "steps"
        return (
            f"{lacks:,} of {len(features):,} rows have no value of {self.targets[0]} "
            f"{min(self.lags)} {step} before; the last one known by then, or the typical one, "
            "stands for it, so the further on, the less sure"
        )

    def with_history(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
        """New rows with the kept tail before them, and which rows are new. New ones win."""
        schema = {name: DTYPES[self.types[name]] for name in self._columns}
        if self.step.kind == "order":  # places in order go on from the tail
            schema.pop(self.time)
        nothing = pl.Series([None] * len(rows))
        new = pl.DataFrame(
            [
                (rows[name] if name in rows.columns else nothing).cast(dtype).alias(name)
                for name, dtype in schema.items()
            ]
        )
        places = [self._columns.index(name) for name in schema]
        kept = [tuple(row[at] for at in places) for row in self.tail]
        old = pl.DataFrame(
            kept, orient="row", schema=[(name, _stored(d)) for name, d in schema.items()]
        )
        old = pl.DataFrame([old[name].cast(dtype) for name, dtype in schema.items()])
        if self.step.kind == "order":
            both = pl.concat([old, new])
            both = both.with_columns(pl.Series(self.time, np.zeros(len(both), np.int64)))
            return both, np.arange(len(both)) >= len(old)
        old = old.filter(~old[self.time].is_in(new[self.time].implode()))
        both = pl.concat([old, new])
        order = both[self.time].arg_sort().to_numpy()
        return both[order.tolist()], order >= len(old)

    @property
    def _columns(self) -> tuple[str, ...]:
        return (self.time, *self.targets, *self.others)

    def with_tail(self, rows: pl.DataFrame) -> "Series":
        """Keep the last rows, as many as the longest lag needs."""
        kept = rows[list(self._columns)].tail(max(self.lags, default=1) + 1)
        stored = pl.DataFrame([column.cast(_stored(column.dtype)) for column in kept])
        return replace(self, tail=tuple(stored.rows()))

    def date_parts(self, times: pl.Series) -> frozenset[str]:
        """Parts of the time that come again: a day count would leave the training range."""
        span = (times.max() - times.min()).days if times.dtype == pl.Datetime else 0  # type: ignore[operator,union-attr]
        parts = {"year sine", "year cosine"} if span >= 400 else set()
        if self.step.kind == "months":
            return frozenset(parts | {"month"})
        parts |= {"weekday"} if span >= 14 else set()
        parts |= {"day of month"} if span >= 90 else set()
        return frozenset(parts | {"hour sine", "hour cosine"})

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "types": dict(self.types), "tail": [list(row) for row in self.tail]}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Series":
        return cls(
            saved["time"], tuple(saved["targets"]), tuple(saved["others"]), tuple(saved["lags"]),
            Step(**saved["step"]), dict(saved["types"]), tuple(map(tuple, saved["tail"])),
        )  # fmt: skip


def _stored(dtype: pl.DataType) -> pl.DataType:
    """How a column is kept in JSON: times as microseconds."""
    return pl.Int64() if dtype == pl.Datetime else dtype


def lag_name(column: str, lag: int) -> str:
    return f"{column} {lag} before"


def is_carried(column: str, series: Series | None) -> bool:
    """Whether a column only marks values of a series that were carried on: no one wrote it."""
    if series is None:
        return False
    names = {lag_name(target, lag) for target in series.targets for lag in series.lags}
    return column in {f"{name} is carried" for name in names}


def find_step(times: pl.Series) -> Step:
    """The step of sorted times without ties."""
    if times.dtype == pl.Datetime:
        return _date_step(times)
    values = times.cast(pl.Float64).to_numpy()
    if not np.array_equal(values, np.round(values)):
        return Step("order", 1, 0)
    size, share = _commonest(values.astype(np.int64))
    span = (values[-1] - values[0]) / max(1, size)
    regular = share >= STEP_SHARE and span < SPARSE * len(values)
    return Step("number", size, int(values[0])) if regular else Step("order", 1, 0)


def _date_step(times: pl.Series) -> Step:
    days, stamps = times.dt.day(), times.cast(pl.Int64).to_numpy()
    months = (times.dt.year().cast(pl.Int64) * 12 + times.dt.month()).to_numpy()
    month_ends = bool((times.dt.month_end() == times.dt.truncate("1d")).all())
    if (days.n_unique() == 1 or month_ends) and len(np.unique(months)) == len(months):
        size, share = _commonest(months)
        if share >= STEP_SHARE:
            return Step("months", size, int(months[0]))
    size, share = _commonest(stamps)
    span = (stamps[-1] - stamps[0]) / max(1, size)
    if share >= STEP_SHARE and span < SPARSE * len(stamps):
        return Step("time", size, int(stamps[0]))
    return Step("order", 1, 0)


def _commonest(values: Integers) -> tuple[int, float]:
    """The commonest distance of neighbors and its share."""
    if len(values) < 2:
        return 1, 1.0
    sizes, counts = np.unique(np.diff(values), return_counts=True)
    return int(sizes[counts.argmax()]), float(counts.max() / counts.sum())


def positions(times: pl.Series, step: Step) -> Integers:
    """The place of each row on the grid of steps; equal steps apart are equal numbers apart."""
    if step.kind == "order":
        return np.arange(len(times))
    if step.kind == "months":
        values = (times.dt.year().cast(pl.Int64) * 12 + times.dt.month()).to_numpy()
    else:
        values = times.cast(pl.Int64).to_numpy()
    places = np.round((values - step.origin) / step.size).astype(np.int64)
    return np.asarray(places - places.min(initial=0), np.int64)


def lagged(values: Floats, places: Integers, lag: int) -> tuple[Floats, NDArray[np.bool_]]:
    """For each row the value `lag` steps before, and whether it is the last one known instead.

    NaN where nothing at all was known so long ago.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), np.nan), np.ones(len(values), bool)
    earlier = np.searchsorted(places[known], places - lag, side="right") - 1
    at = np.maximum(earlier, 0)
    found = np.where(earlier >= 0, values[known][at], np.nan)
    return found, (earlier < 0) | (places[known][at] != places - lag)


def _before(values: pl.Series, places: Integers) -> pl.Series:
    """The last value known one step before each row."""
    known = values.is_not_null().to_numpy()
    if not known.any():
        return values
    earlier = np.searchsorted(places[known], places - 1, side="right") - 1
    at = np.flatnonzero(known)[np.maximum(earlier, 0)]
    found = values.gather(at.tolist())
    return found.set(pl.Series(earlier < 0), None)


def in_order(
    frame: pl.DataFrame, time: str, names: list[str]
) -> tuple[pl.DataFrame, Integers, list[Issue]]:
    """Rows sorted by time, one per time; the rows they came from, and what was left out."""
    issues: list[Issue] = []
    if frame.schema[time] == pl.String:
        example = frame[time].drop_nulls()
        raise DataError(
            f"column {time} holds {example[0] if len(example) else 'nothing'!r}, which is no date "
            "or number; expected dates such as 2024-01-31 for --time"
        )
    missing = np.flatnonzero(frame[time].is_null().to_numpy())
    if len(missing):
        first = ", ".join(names[at] for at in missing[:NAMED])
        said = f"no time in {len(missing)} rows ({first}); left out"
        issues.append(Issue("missing-time", f"column {time}", said, True))
    rows = np.flatnonzero(frame[time].is_not_null().to_numpy())
    order = rows[frame[time].gather(rows.tolist()).arg_sort().to_numpy()]
    times = frame[time].gather(order.tolist())
    tied = (times[1:] == times[:-1]).to_numpy() if len(times) > 1 else np.zeros(0, bool)
    if tied.any():
        again = order[:-1][tied]
        first = ", ".join(f"{names[at]} ({frame[time][int(at)]})" for at in again[:NAMED])
        said = f"{len(again)} rows have the time of a later row, which is kept: {first}"
        issues.append(Issue("duplicate-time", f"column {time}", said, True))
        order = order[np.r_[~tied, True]]
    return frame[order.tolist()], order, issues


def is_tied(frame: pl.DataFrame, time: str) -> bool:
    """Whether so many rows share a time that the table is no single series."""
    times = frame[time].drop_nulls()
    return len(times) - times.n_unique() > TIES_SHARE * len(times)


def choose_lags(
    wanted: tuple[int, ...], rows: int, training: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lags the history allows and those it does not; lags asked for are taken as they are.

    `training` is how many rows the (first) training part has before any are given up as history.
    """
    if wanted:
        if min(wanted) < 1:
            raise DataError(f"lag {min(wanted)} is not in the past; expected 1 or more steps")
        if max(wanted) >= training - 1:
            raise DataError(
                f"lag {max(wanted)} leaves nothing of the {training} rows to train on; give "
                "shorter --lags or fewer --folds"
            )
        return tuple(sorted(set(wanted))), ()
    longest = min(HISTORY_SHARE * rows, 0.5 * training)
    kept = tuple(lag for lag in DEFAULT_LAGS if lag <= longest)
    return kept or (1,), tuple(lag for lag in DEFAULT_LAGS if lag not in (kept or (1,)))


def gaps(places: Integers) -> int:
    """Steps between the first and the last row that have no row."""
    return int(places[-1] - places[0] + 1 - len(places)) if len(places) else 0
