"""This file makes a series in time ready: its rows in order, its features, its simple forecasts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.data_settings import DataSettings
from descend.data.examples import Issue, TableSet
from descend.data.table_types import column_types
from descend.data.time_baselines import (
    past_sentence,
    rmse,
    rolling_origin,
    simple_forecasts,
    true_values,
)
from descend.data.time_series import (
    Series,
    choose_lags,
    find_step,
    gaps,
    in_order,
    lag_name,
    positions,
)

Integers = NDArray[np.int64]

LISTED = 10  # columns listed by name; the rest is counted


@dataclass(frozen=True)
class SeriesRows:
    """The rows of a series in order; `kept` are their places in the table."""

    series: Series
    rows: pl.DataFrame
    features: pl.DataFrame
    names: tuple[str, ...]
    kept: Integers
    has_history: NDArray[np.bool_]  # for the longest lag
    notes: tuple[str, ...]

    @property
    def times(self) -> pl.Series:
        return self.rows[self.series.time]


def series_rows(
    table: TableSet, time: str, settings: DataSettings, issues: list[Issue], group: str | None
) -> SeriesRows:
    """Sort, find the step, lag. Rows before the longest lag have no history to learn from."""
    frame, order, found = in_order(table.frame, time, list(table.names))
    issues += found
    step = find_step(frame[time])
    lags, short = choose_lags(settings.lags, len(frame), _training_rows(len(frame), settings))
    others = tuple(n for n in frame.columns if n not in (time, *table.targets, group))
    types = column_types(frame[[time, *table.targets, *others]])
    series = Series(time, table.targets, others, lags, step, types).with_tail(frame)
    features = series.features(frame)
    if group is not None:
        features = features.with_columns(frame[group])
    lagged = [lag_name(target, lag) for target in table.targets for lag in lags]
    known = np.all([features[name].is_not_null().to_numpy() for name in lagged], axis=0)
    notes = _notes(frame, series, short, int((~known).sum()))
    names = tuple(table.names[int(at)] for at in order)
    return SeriesRows(series, frame, features, names, order, known, notes)


def _training_rows(rows: int, settings: DataSettings) -> int:
    """About how many rows the first training part has."""
    known = rows * (1 - settings.test_share)
    if settings.folds > 1:
        return int(known / (settings.folds + 1))
    return int(known - rows * settings.validation_share)


def _notes(
    frame: pl.DataFrame, series: Series, short: tuple[int, ...], left: int
) -> tuple[str, ...]:
    places = positions(frame[series.time], series.step)
    empty = gaps(places)
    notes = [
        f"time: {series.time} from {frame[series.time][0]} to {frame[series.time][-1]}, one row "
        f"per {series.step.text}" + (f", {empty:,} steps without a row" if empty else ""),
        f"features: {', '.join(series.targets)} {', '.join(map(str, series.lags))} steps before"
        + (f"; the history is too short for {', '.join(map(str, short))}" if short else ""),
    ]
    if left:
        notes.append(f"the first {left:,} rows have no such history and only serve as it")
    if series.others:
        more = f" and {len(series.others) - LISTED} more" if len(series.others) > LISTED else ""
        notes.append(f"known only one step later, so taken from the step before: "
                     f"{', '.join(series.others[:LISTED])}{more}")  # fmt: skip
    season = series.step.season[0]
    if season not in series.lags:
        lags = " ".join(map(str, sorted({1, season, *series.lags})))
        notes.append(f"the season is {season} steps; --lags {lags} would show it to the network")
    return tuple(notes)


def series_extras(
    series: SeriesRows, names: Any, parts: dict[str, Integers], notes: list[str]
) -> dict[str, Any]:
    """What a report shows beside the network: lags, raw series, simple forecasts by split."""
    place = {name: at for at, name in enumerate(series.names)}
    at = {
        split: np.array([place[names[i]] for i in rows], np.int64) for split, rows in parts.items()
    }
    training = np.zeros(len(series.rows), bool)
    training[at["train"]] = True
    spec, rows = series.series, series.rows
    forecasts = simple_forecasts(rows, series.features, spec, training)
    truth = true_values(rows, spec)
    baselines = {
        name: {split: _filled(said[i], truth[at["train"]]) for split, i in at.items() if len(i)}
        for name, said in forecasts.items()
    }
    notes += series.notes
    judged = at["test"] if len(at["test"]) else at["validation"]
    extras: dict[str, Any] = {
        "lags": spec.lags,
        "step": spec.step.text,
        "series": {"time": rows[spec.time].to_list(), "values": truth.tolist()},
        "times": {split: rows[spec.time].gather(i.tolist()).to_list() for split, i in at.items()},
        "distances": {split: _distances(rows, spec, i, at["train"]) for split, i in at.items()},
        "baselines": baselines,
    }
    if len(judged):
        extras["error_by_distance"] = rolling_origin(rows, series.features, spec, int(judged.min()))
        errors = {name: rmse(said[judged], truth[judged]) for name, said in forecasts.items()}
        mean = np.broadcast_to(np.nanmean(truth[at["train"]], 0), truth[judged].shape)
        sentence = past_sentence(errors, rmse(mean, truth[judged]), ", ".join(spec.targets))
        notes += [sentence] if sentence else []
    return extras


def _filled(said: NDArray[np.float64], training: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where there was no history the training mean is the forecast."""
    return np.where(np.isfinite(said), said, np.nanmean(training, 0))


def _distances(rows: pl.DataFrame, series: Series, at: Integers, training: Integers) -> Integers:
    """Steps from the end of training; negative before it."""
    places = positions(rows[series.time], series.step)
    return np.asarray(places[at] - places[training].max(), np.int64)
