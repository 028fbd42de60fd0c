"""Tests of series in time: order, steps, gaps, lags, simple forecasts, and what is predicted."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import UNGIVEN, Prepared, TableSet
from descend.data.readers import table
from descend.data.table_preparing import prepare
from descend.data.table_preprocessing import TablePreprocessing
from descend.data.time_baselines import LEAST_SQUARES, error_by_distance, past_sentence
from descend.data.time_series import choose_lags, find_step, lagged
from descend.errors import DataError, SettingError

START = datetime(2020, 1, 1)
DAYS = 400


def days(count: int = DAYS, seed: int = 0) -> pl.DataFrame:
    """A daily series with a weekly wave."""
    noise = np.random.default_rng(seed).normal(size=count) * 0.1
    at = np.arange(count)
    times = [START + timedelta(days=int(day)) for day in at]
    values = np.sin(2 * np.pi * at / 7) + noise
    return pl.DataFrame({"day": times, "y": values})


def make(data: pl.DataFrame, **settings: Any) -> Prepared:
    given = torch.full((len(data),), UNGIVEN, dtype=torch.int8)
    names = [f"t.csv row {i + 1}" for i in range(len(data))]
    found = TableSet(data, ("y",), names, given, ())
    return prepare(found, DataSettings(**{"time": "day", **settings}), seed=0)


def rows_of(prepared: Prepared, split: str) -> list[int]:
    return [int(name.split()[-1]) for name in prepared.splits[split].names]


def rmse(prepared: Prepared, name: str) -> float:
    baselines: Any = prepared.extras["baselines"]
    test = prepared.splits["test"].targets.double().numpy()
    truth = test * prepared.targets.scale + prepared.targets.offset
    return float(np.sqrt(np.mean((baselines[name]["test"] - truth) ** 2)))


def test_the_split_follows_time_however_the_rows_are_shuffled() -> None:
    data = days()
    prepared = make(data, test_share=0.2, validation_share=0.1)
    assert rows_of(prepared, "test") == list(range(321, 401))
    assert rows_of(prepared, "validation") == list(range(281, 321))
    assert rows_of(prepared, "train") == list(range(57, 281))  # 56 rows are only history
    shuffled = make(data.sample(fraction=1, shuffle=True, seed=1), test_share=0.2)
    assert shuffled.splits["test"].targets.equal(make(data, test_share=0.2).splits["test"].targets)


def test_no_feature_knows_the_row_or_what_follows() -> None:
    data = days().with_columns(other=pl.Series(np.arange(DAYS) * 1.0) % 11)
    changed = data.with_columns(
        pl.when(pl.int_range(pl.len()) >= 390).then(99.0).otherwise(pl.col(name)).alias(name)
        for name in ("y", "other")
    )
    fitted = make(data)
    assert isinstance(fitted.preprocessing, TablePreprocessing)
    one, two = (fitted.preprocessing.rows(frame) for frame in (data, changed))
    assert one[0][:391].equal(two[0][:391])  # row 390 (from 0) sees only rows before it
    assert not one[0][391].equal(two[0][391])


def test_a_gap_gives_a_carried_lag_that_is_marked() -> None:
    values = np.array([1.0, 2.0, 3.0, 5.0])
    places = np.array([0, 1, 2, 4])
    found, carried = lagged(values, places, 1)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [1.0, 2.0, 3.0]
    assert carried.tolist() == [True, False, False, True]
    prepared = make(days().filter(pl.int_range(pl.len()) % 50 != 3))
    form = prepared.preprocessing.form
    assert form.kind == "tables"
    assert "y 1 before is carried" in form.number_names
    assert "8 steps without a row" in "\n".join(prepared.found)


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ([START + timedelta(days=i) for i in (0, 1, 2, 5, 6, 7)], "day"),
        ([START + timedelta(minutes=5 * i) for i in range(6)], "5 minutes"),
        ([START + timedelta(hours=i) for i in range(6)], "hour"),
        ([START + timedelta(days=7 * i) for i in range(6)], "7 days"),
        ([datetime(2020, month, 1) for month in range(1, 9)], "month"),
        ([datetime(2020, 1, 31), datetime(2020, 2, 29), datetime(2020, 3, 31)], "month"),
        ([datetime(year, 1, 1) for year in range(1990, 2000)], "year"),
        ([START + timedelta(minutes=i**2) for i in range(9)], "row (times are irregular)"),
    ],
)
def test_the_step_is_found(times: list[datetime], text: str) -> None:
    assert find_step(pl.Series("t", times)).text == text


def test_numbers_can_be_times() -> None:
    data = days().with_columns(day=pl.int_range(pl.len()) * 2 + 100)
    prepared = make(data)
    assert "one row per 2" in "\n".join(prepared.found)
    assert len(prepared.splits["test"]) == 60


def test_repeated_times_are_named_and_the_last_is_kept() -> None:
    data = pl.concat([days(), days().slice(100, 2).with_columns(y=pl.lit(7.0))])
    prepared = make(data)
    [issue] = [i for i in prepared.issues if i.kind == "duplicate-time"]
    assert "2 rows have the time of a later row, which is kept: t.csv row 101" in issue.text
    assert issue.dropped


def test_many_equal_times_are_split_in_order_without_lags() -> None:
    data = days(100).select(pl.all().repeat_by(3).explode())
    prepared = make(data.with_columns(x=pl.Series(np.random.default_rng(0).normal(size=300))))
    assert "lags" not in prepared.extras
    assert rows_of(prepared, "test") == list(range(256, 301))


def test_a_column_that_is_no_time_is_named() -> None:
    with pytest.raises(DataError, match="column day holds 'soon', which is no date or number"):
        make(days().with_columns(pl.Series("day", ["soon", *map(str, range(DAYS - 1))])))


def test_lags_fit_the_history() -> None:
    assert choose_lags((), 2905, 2000) == ((1, 7, 28, 56), ())
    assert choose_lags((), 144, 100) == ((1, 7, 28), (56,))
    assert choose_lags((), 4, 3) == ((1,), (7, 28, 56))
    assert choose_lags((12, 1, 12), 144, 100) == ((1, 12), ())
    with pytest.raises(DataError, match="lag 0 is not in the past"):
        choose_lags((0,), 144, 100)
    with pytest.raises(DataError, match="lag 100 leaves nothing of the 100 rows to train on"):
        choose_lags((100,), 144, 100)


def test_simple_forecasts_are_in_the_targets_own_unit() -> None:
    prepared = make(days())
    baselines: Any = prepared.extras["baselines"]
    weekday = f"{LEAST_SQUARES} and weekday"
    assert set(baselines) == {"yesterday's value", "last week's value", weekday}
    for said in baselines.values():
        for name, split in prepared.splits.items():
            assert said[name].shape == (len(split), 1)
    assert rmse(prepared, "last week's value") < 0.2
    assert rmse(prepared, weekday) < rmse(prepared, "last week's value")
    assert rmse(prepared, "yesterday's value") > 0.5


def test_error_grows_with_distance_in_groups_of_rows() -> None:
    distances = np.arange(1, 101)
    errors = distances[:, None] * 0.1
    found = error_by_distance(errors, distances, "day")
    assert [g["from"] for g in found] == [1, 21, 41, 61, 81]
    assert [g["to"] for g in found] == [20, 40, 60, 80, 100]
    assert [g["rmse"] for g in found] == sorted(float(g["rmse"]) for g in found)


def test_noise_is_said_not_to_be_predicted_by_its_past() -> None:
    noise = np.random.default_rng(1).normal(size=DAYS)
    prepared = make(days().with_columns(y=pl.Series(noise)))
    assert "the past does not predict y" in "\n".join(prepared.found)
    assert "the past does not predict" not in "\n".join(make(days()).found)
    assert past_sentence({"the network": 0.9}, 1.0, "y") == ""


def test_preprocessing_of_a_series_comes_back_from_json_exactly() -> None:
    fitted = make(days()).preprocessing
    assert isinstance(fitted, TablePreprocessing)
    again = TablePreprocessing.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted


def test_new_days_are_predicted_from_the_kept_history(tmp_path: Path) -> None:
    data = days()
    past, future = data.head(370), data.tail(30)
    fitted = make(past).preprocessing
    assert isinstance(fitted, TablePreprocessing)
    whole = fitted.rows(data)[0][370:]
    assert fitted.rows(future)[0].equal(whole)
    future.drop("y").head(1).write_csv(tmp_path / "next.csv")
    (numbers, _), _, _ = fitted.read_files([tmp_path / "next.csv"])
    assert numbers.equal(whole[:1])
    assert fitted.rows(future.reverse())[0].equal(whole.flip(0))


def test_a_row_to_forecast_without_a_time_is_named() -> None:
    fitted = make(days()).preprocessing
    assert isinstance(fitted, TablePreprocessing)
    rows = days(3).with_columns(pl.when(pl.int_range(pl.len()) != 1).then(pl.col("day")))
    with pytest.raises(DataError, match="column day holds no time in row 2"):
        fitted.rows(rows)


@pytest.mark.parametrize("name", ["*", "^.*$", "^o.*$"])
def test_columns_of_a_series_may_have_any_name(tmp_path: Path, name: str) -> None:
    other = pl.Series("other", np.random.default_rng(0).normal(size=DAYS))
    text = days().with_columns(other).write_csv()
    for old in ("day", "other"):
        (tmp_path / "t.csv").write_text(text.replace(old, name, 1))
        time = name if old == "day" else "day"
        settings = DataSettings(time=time, target=("y",))
        found = prepare(table.read(tmp_path / "t.csv", settings, 0), settings, seed=0)
        assert isinstance(found.preprocessing, TablePreprocessing)
        assert len(found.preprocessing.read_files([tmp_path / "t.csv"])[1]) == DAYS


def test_many_columns_of_the_step_before_are_counted() -> None:
    others = {f"o{at}": np.random.default_rng(at).normal(size=DAYS) for at in range(13)}
    said = "\n".join(
        make(days().with_columns(**{n: pl.Series(v) for n, v in others.items()})).found
    )
    assert "o8, o9 and 3 more" in said


def test_months_have_no_weekday() -> None:
    months = pl.datetime_range(START, datetime(2039, 12, 1), "1mo", eager=True).alias("day")
    data = pl.DataFrame([months, pl.Series("y", np.random.default_rng(0).normal(size=len(months)))])
    baselines: Any = make(data).extras["baselines"]
    assert LEAST_SQUARES in baselines
    assert not [name for name in baselines if "weekday" in name]


def test_columns_no_one_wrote_are_not_listed_as_left_out() -> None:
    assert "is carried" not in "\n".join(make(days()).found)


def test_lags_without_a_time_are_refused() -> None:
    with pytest.raises(SettingError, match="'lags' is for a series in time"):
        make(days(), time=None, lags=(1, 7))


def test_folds_roll_the_origin() -> None:
    data = days()
    given = torch.full((len(data),), UNGIVEN, dtype=torch.int8)
    found = TableSet(data, ("y",), [f"row {i + 1}" for i in range(DAYS)], given, ())
    for fold in range(3):
        prepared = prepare(found, DataSettings(time="day", folds=3), seed=0, fold=fold)
        assert max(rows_of(prepared, "train")) < min(rows_of(prepared, "validation"))


@pytest.mark.shared
def test_daily_page_views_have_the_known_baselines(shared_data: Path) -> None:
    """The figures known for the last fifth are 0.542, 0.573 and 0.389; their exact rows are not."""
    settings = DataSettings(time="ds", test_share=0.2)
    path = shared_data / "tabular" / "wiki_views_peyton_manning.csv"
    prepared = prepare(table.read(path, settings, 0), settings, 0)
    assert len(prepared.splits["test"]) == 581
    assert rmse(prepared, "yesterday's value") == pytest.approx(0.542, abs=0.02)
    assert rmse(prepared, "last week's value") == pytest.approx(0.573, abs=0.02)
    assert rmse(prepared, f"{LEAST_SQUARES} and weekday") == pytest.approx(0.389, abs=0.005)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "time", "step"),
    [
        ("airline-passengers.csv", "Month", "month"),
        ("yosemite_temps.csv.gz", "ds", "5 minutes"),
        ("bike_sharing_day.csv", "dteday", "day"),
    ],
)
def test_public_series_are_prepared(shared_data: Path, name: str, time: str, step: str) -> None:
    settings = DataSettings(time=time, target=("-1",))
    path = shared_data / "tabular" / name
    prepared = prepare(table.read(path, settings, 0), settings, 0)
    assert prepared.extras["step"] == step
    for split in prepared.splits.values():
        assert split.inputs[0].isfinite().all()
