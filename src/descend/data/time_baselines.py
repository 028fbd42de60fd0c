"""This file makes what a forecast must beat: the last value, the season's, and least squares.

Least squares sees the lags, and the weekday where there is one; when it and the last value are no
better than the mean, the past does not predict, and that is said.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.time_series import Series, lag_name, lagged, positions

Floats = NDArray[np.float64]
Predictions = dict[str, Floats]  # name -> (rows, targets), in the target's own unit

LEAST_SQUARES = "least squares on the lags"
ORIGINS = 5  # ends of training from which the rolling forecast starts
DISTANCES = 5  # groups of equal size by distance


def simple_forecasts(
    rows: pl.DataFrame, features: pl.DataFrame, series: Series, training: NDArray[np.bool_]
) -> Predictions:
    """One step ahead for every row: last value, season's value, least squares. NaN: no history."""
    places = positions(rows[series.time], series.step)
    season, season_name = series.step.season
    found: Predictions = {}
    for lag, name in ((1, series.step.last), (season, season_name)):
        columns = [lagged(_values(rows, target), places, lag)[0] for target in series.targets]
        found[name] = np.stack(columns, 1)
    found[_least_squares_name(series)] = least_squares(rows, features, series, training)
    return found


def _least_squares_name(series: Series) -> str:
    return f"{LEAST_SQUARES} and weekday" if series.step.kind == "time" else LEAST_SQUARES


def least_squares(
    rows: pl.DataFrame, features: pl.DataFrame, series: Series, training: NDArray[np.bool_]
) -> Floats:
    design = _design(features, series)
    usable = np.isfinite(design).all(1)
    columns = []
    for target in series.targets:
        values = _values(rows, target)
        fitted = training & usable & np.isfinite(values)
        weights = np.linalg.lstsq(design[fitted], values[fitted], rcond=None)[0]
        columns.append(np.nan_to_num(design, nan=0.0) @ weights)
    said = np.stack(columns, 1)
    said[~usable] = np.nan
    return said


def _design(features: pl.DataFrame, series: Series) -> Floats:
    lags = [
        _values(features, lag_name(target, lag)) for target in series.targets for lag in series.lags
    ]
    if series.step.kind == "time":
        weekday = features[series.time].dt.weekday().to_numpy()
        days = [(weekday == day) * 1.0 for day in np.unique(weekday)]
    else:
        days = [np.ones(len(features))]
    return np.stack([*lags, *days], 1)


def rolling_origin(
    rows: pl.DataFrame, features: pl.DataFrame, series: Series, first: int
) -> list[dict[str, float | int | str]]:
    """Least squares refitted at ORIGINS ends of training from row `first` on: error by distance."""
    ends = np.linspace(first, len(rows), ORIGINS + 1).astype(int)[:-1]
    errors, distances = [], []
    places = positions(rows[series.time], series.step)
    truth = true_values(rows, series)
    for end in np.unique(ends):
        said = least_squares(rows, features, series, np.arange(len(rows)) < end)
        errors.append((said - truth)[end:])
        distances.append(places[end:] - places[end - 1])
    return error_by_distance(np.concatenate(errors), np.concatenate(distances), series.step.text)


def error_by_distance(
    errors: Floats, distances: NDArray[np.int64], unit: str = "step"
) -> list[dict[str, float | int | str]]:
    """RMSE of errors (n, outputs) in groups of growing distance (n,) from the end of training.

    With a rolling origin, the rows of every origin are put one after another, each with the
    distance from its own end of training.
    """
    known = np.isfinite(errors).all(1)
    errors, distances = errors[known], distances[known]
    order = np.argsort(distances, kind="stable")
    found: list[dict[str, float | int | str]] = []
    for group in np.array_split(order, min(DISTANCES, max(1, len(order)))):
        if len(group):
            found.append(
                {
                    "from": int(distances[group].min()),
                    "to": int(distances[group].max()),
                    "unit": unit,
                    "rows": len(group),
                    "rmse": float(np.sqrt(np.mean(errors[group] ** 2))),
                }
            )
    return found


def past_sentence(rmse: dict[str, float], mean: float, target: str) -> str:
    """A plain sentence when nothing that looks back is better than the mean; "" otherwise.

    `rmse` holds the errors of the forecasts (a network's too), `mean` that of always saying the
    training mean, all on the same rows.
    """
    best = min(rmse, key=lambda name: rmse[name])
    if rmse[best] < 0.98 * mean:  # 2 % is within the noise of a few hundred rows
        return ""
    return (
        f"the past does not predict {target}: {best} has an RMSE of {rmse[best]:.4g}, always "
        f"saying the mean {mean:.4g}"
    )


def rmse(said: Floats, truth: Floats) -> float:
    known = np.isfinite(said).all(1) & np.isfinite(truth).all(1)
    return float(np.sqrt(np.mean((said[known] - truth[known]) ** 2))) if known.any() else np.inf


def true_values(rows: pl.DataFrame, series: Series) -> Floats:
    """(rows, targets) in the target's own unit; NaN where it is missing."""
    return np.stack([_values(rows, target) for target in series.targets], 1)


def _values(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
