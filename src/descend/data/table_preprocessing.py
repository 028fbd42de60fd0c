"""This file turns typed columns into the numbers and category codes of a network.

Everything is fitted on training rows: medians and scales, vocabularies, bin edges. It is kept as
plain JSON with the model and applied again to new rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from descend.data.examples import Issue, TableSet
from descend.data.readers.table import missing_columns, read_rows
from descend.data.table_columns import Column, columns_of, prefix
from descend.data.time_series import Series
from descend.errors import DataError, RunError
from descend.forms import TableForm

Floats = NDArray[np.float64]

BINS = 48  # quantile bins of each number, as in Gorishniy et al. 2022 (tuned there in 2 … 256)
TAIL = 10.0  # robust deviations; a column that reaches beyond has heavy tails
CLIP = 3.0  # where clipped columns level off (Holzmüller et al. 2024, arXiv 2407.04491, sec. 3)
RARE = 3  # a category with fewer training rows is pooled with those never seen
VOCABULARY = 1000  # most frequent categories kept; the rest is pooled too
MISSING = "\0missing"  # cannot be a cell's text: readers refuse zero bytes
DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class NumberColumn:
    """One standardized number: (value - center) / scale, clipped softly where tails are heavy."""

    name: str
    source: str  # column it is taken from
    part: str  # "" the value itself, "missing" whether it is missing, else a part of a date
    center: float
    scale: float
    fill: float  # taken where the value is missing, in the column's unit
    clipped: bool


@dataclass(frozen=True)
class CategoryColumn:
    """Codes of a column's texts: values[k] has code k + 1; 0 is rare or never seen in training.

    Rare texts share code 0 so that it is trained and a new text is treated as a rare one.
    """

    name: str
    source: str
    part: str  # "" the text itself, "prefix", "presence", "weekday" or "month"
    values: tuple[str, ...]


@dataclass(frozen=True)
class TablePreprocessing:
    """Fitted on the training rows; `apply` gives what a network takes."""

    columns: Mapping[str, str]  # type of each column that is used, as `column_types` names it
    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]
    form: TableForm
    targets: Mapping[str, str] = field(default_factory=dict)  # type of each target column
    series: Series | None = None  # makes `columns` out of a series in time
    written: Mapping[str, str] = field(default_factory=dict)  # date formats and decimal commas

    @property
    def inputs(self) -> dict[str, str]:
        """Type of each column that new rows must have."""
        if self.series is None:
            return dict(self.columns)
        needed = (self.series.time, *self.series.others)
        return {name: self.series.types[name] for name in needed}

    def read_files(
        self, paths: Sequence[Path]
    ) -> tuple[tuple[Tensor, Tensor], list[str], tuple[Issue, ...]]:
        """Inputs, row names and issues of tables to predict. DataError: a missing column."""
        tables = [self._read(path) for path in paths]
        found = [self.rows(table.frame) for table in tables]
        issues = [(*table.issues, *self.history(table.frame)) for table in tables]
        return (
            (
                torch.cat([numbers for numbers, _ in found]),
                torch.cat([codes for _, codes in found]),
            ),
            [name for table in tables for name in table.names],
            tuple(issue for some in issues for issue in some),
        )

    def read_text(
        self, content: bytes
    ) -> tuple[tuple[Tensor, Tensor], list[str], tuple[Issue, ...]]:
        """The same for rows from standard input: delimited text or JSON lines."""
        table = self._read(content)
        issues = (*table.issues, *self.history(table.frame))
        return self.rows(table.frame), list(table.names), issues

    def _read(self, source: Path | bytes) -> TableSet:
        columns = self.inputs | dict(self.targets)
        return read_rows(source, columns, tuple(self.targets), self.written)

    def rows(self, frame: pl.DataFrame) -> tuple[Tensor, Tensor]:
        """Inputs of rows as they stand in a table; of a series its history is put before them."""
        return self.apply(frame if self.series is None else self._features(frame, self.series))

    def history(self, frame: pl.DataFrame) -> tuple[Issue, ...]:
        """What rows of a series lack of the past. DataError when none has any."""
        if self.series is None:
            return ()
        said = self.series.remark(self._features(frame, self.series))
        return (Issue("no-history", f"column {self.series.time}", said, False),) if said else ()

    def _features(self, frame: pl.DataFrame, series: Series) -> pl.DataFrame:
        times = frame[series.time]
        if times.null_count():
            row = int(times.is_null().arg_max() or 0) + 1
            raise DataError(
                f"column {times.name} holds no time in row {row}; expected a date or number in "
                "every row to forecast"
            )
        order = times.arg_sort()
        both, new = series.with_history(frame[order.to_list()])
        features = series.features(both).filter(pl.Series(new))
        back = np.empty(len(order), np.int64)
        back[order.to_numpy()] = np.arange(len(order))
        return features[back.tolist()]

    def apply(self, frame: pl.DataFrame) -> tuple[Tensor, Tensor]:
        """numbers float32 (rows, k) and categories int64 (rows, m). DataError: missing column."""
        self.check(frame)
        numbers = [number_values(frame, column) for column in self.numbers]
        categories = [category_codes(frame, column) for column in self.categories]
        rows = len(frame)
        wide = np.stack(numbers, 1) if numbers else np.zeros((rows, 0))
        codes = np.stack(categories, 1) if categories else np.zeros((rows, 0), np.int64)
        return torch.from_numpy(wide.astype(np.float32)), torch.from_numpy(codes)

    def check(self, frame: pl.DataFrame) -> None:
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise DataError(missing_columns(missing, frame.columns))
        for name, kind in self.columns.items():
            dtype = frame.schema[name]
            if (dtype == pl.String) != (kind == "text") and frame[name].null_count() < len(frame):
                raise DataError(
                    f"column {name!r} holds {'text' if dtype == pl.String else 'numbers'}; "
                    f"in training it held {'text' if kind == 'text' else f'a {kind}'}"
                )

    def to_json(self) -> dict[str, object]:
        return {
            "kind": "table",
            "columns": dict(self.columns),
            "targets": dict(self.targets),
            "written": dict(self.written),
            "series": None if self.series is None else self.series.to_json(),
            "numbers": [asdict(column) for column in self.numbers],
            "categories": [asdict(column) for column in self.categories],
            "edges": [list(edges) for edges in self.form.edges],
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "TablePreprocessing":
        """What `to_json` gave, exactly. RunError when it is not that."""
        try:
            numbers = tuple(NumberColumn(**column) for column in saved["numbers"])
            categories = tuple(
                CategoryColumn(**{**column, "values": tuple(column["values"])})
                for column in saved["categories"]
            )
            edges = tuple(tuple(edge) for edge in saved["edges"])
            series = None if saved["series"] is None else Series.from_json(saved["series"])
            form = _form(numbers, categories, edges)
            targets, written = dict(saved["targets"]), dict(saved.get("written", {}))
            columns = dict(saved["columns"])
            return cls(columns, numbers, categories, form, targets, series, written)
        except (KeyError, TypeError) as error:
            raise RunError(f"the saved preprocessing is damaged: {error}") from None


def fit(
    training: pl.DataFrame,
    reserved: Mapping[str, str],
    types: Mapping[str, str],
    date_parts: frozenset[str] | None = None,
) -> tuple[TablePreprocessing, tuple[Column, ...]]:
    """Fit on training rows; `reserved` columns are no inputs, `types` are the columns' types.

    `date_parts` are the parts of a date to take; None takes all.
    """
    columns = columns_of(training, dict(reserved))
    numbers: list[NumberColumn] = []
    categories: list[CategoryColumn] = []
    for column in columns:
        values = training[column.name]
        if column.role == "number":
            numbers += _fit_number(values)
        elif column.role == "date":
            _fit_date(values, numbers, categories, date_parts or frozenset(ALL_PARTS))
        elif column.role != "left out":
            part = "" if column.role == "category" else column.role
            categories.append(_fit_category(values, part))
    if not numbers and not categories:
        raise DataError(
            "no column to learn from: "
            + "; ".join(f"{c.name} ({c.why})" for c in columns if c.name not in reserved)[:300]
        )
    edges = tuple(_edges(number_values(training, column), column) for column in numbers)
    used = {column.source for column in numbers} | {column.source for column in categories}
    kept = {name: kind for name, kind in types.items() if name in used}
    form = _form(tuple(numbers), tuple(categories), edges)
    return TablePreprocessing(kept, tuple(numbers), tuple(categories), form), columns


def _form(
    numbers: tuple[NumberColumn, ...],
    categories: tuple[CategoryColumn, ...],
    edges: tuple[tuple[float, ...], ...],
) -> TableForm:
    return TableForm(
        tuple(column.name for column in numbers),
        tuple(column.name for column in categories),
        tuple(len(column.values) + 1 for column in categories),
        edges,
    )


def _fit_number(values: pl.Series) -> list[NumberColumn]:
    found = [_standardized(values.name, values.name, "", _floats(values))]
    if values.null_count():
        found.append(
            NumberColumn(f"{values.name} is missing", values.name, "missing", 0.0, 1.0, 0.0, False)
        )
    return found


def _standardized(name: str, source: str, part: str, values: Floats) -> NumberColumn:
    """Mean and deviation; where tails are heavy, median and quartiles, which they do not move."""
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    if len(np.unique(known)) == 2:  # yes or no: a rare yes would be many deviations away
        return NumberColumn(name, source, part, low, high - low, low, False)
    center, deviation, median = float(known.mean()), float(known.std()), float(np.median(known))
    lower, upper = np.quantile(known, [0.25, 0.75])
    # half of a normal's mass lies within 0.6745 deviations of the middle
    scale = float(upper - lower) / 1.349
    if scale == 0:  # a spike at one value, as "no capital gain": the scale of all others
        scale = float(np.median(np.abs(known[known != median] - median)))
    clipped = max(high - median, median - low) > TAIL * scale
    if not clipped:
        scale = deviation
    center = median if clipped else center
    return NumberColumn(name, source, part, center, scale or 1.0, median, clipped)


def _fit_date(
    values: pl.Series,
    numbers: list[NumberColumn],
    categories: list[CategoryColumn],
    parts: frozenset[str],
) -> None:
    for part, get in DATE_PARTS.items():
        found = get(values)
        if part in parts and len(np.unique(found[np.isfinite(found)])) > 1:
            numbers.append(_standardized(f"{values.name} {part}", values.name, part, found))
    if values.null_count():
        missing = f"{values.name} is missing"
        numbers.append(NumberColumn(missing, values.name, "missing", 0.0, 1.0, 0.0, False))
    for part, count in CYCLES.items():
        if part in parts and category_texts(values, part).drop_nulls().n_unique() > 1:
            codes = tuple(str(code) for code in range(1, count + 1))  # Monday and January are 1
            categories.append(CategoryColumn(f"{values.name} {part}", values.name, part, codes))


def _fit_category(values: pl.Series, part: str) -> CategoryColumn:
    texts = category_texts(values, part)
    counts = texts.drop_nulls().alias("text").value_counts(name="rows")
    counts = counts.sort(["rows", "text"], descending=[True, False])
    common = counts.filter(pl.col("rows") >= RARE)["text"].to_list()[:VOCABULARY]
    if not common:
        common = counts["text"].to_list()[:VOCABULARY]
    missing = [MISSING] if texts.null_count() else []
    return CategoryColumn(values.name, values.name, part, (*common, *missing))


def category_texts(values: pl.Series, part: str) -> pl.Series:
    if part == "weekday":
        return values.dt.weekday().cast(pl.String)
    if part == "month":
        return values.dt.month().cast(pl.String)
    texts = values.cast(pl.String)
    if part == "prefix":
        return prefix(texts)
    if part == "presence":
        return (
            pl.Series(values.name, ["there"])
            .new_from_index(0, len(texts))
            .set(texts.is_null(), "absent")
        )
    return texts


def category_codes(frame: pl.DataFrame, column: CategoryColumn) -> NDArray[np.int64]:
    texts = category_texts(frame[column.source], column.part).fill_null(MISSING)
    codes = {text: code + 1 for code, text in enumerate(column.values)}
    found = texts.replace_strict(codes, default=0, return_dtype=pl.Int64)
    return np.array(found.to_numpy(), np.int64)


def number_values(frame: pl.DataFrame, column: NumberColumn) -> Floats:
    series = frame[column.source]
    if column.part == "missing":
        return series.is_null().to_numpy().astype(np.float64)
    values = DATE_PARTS[column.part](series) if column.part else _floats(series)
    values = np.where(np.isfinite(values), values, column.fill)
    standard = (values - column.center) / column.scale
    if column.clipped:
        standard = standard / np.sqrt(1 + (standard / CLIP) ** 2)
    return np.asarray(standard, np.float64)


def _edges(values: Floats, column: NumberColumn) -> tuple[float, ...]:
    """Bin edges at quantiles of the training values, in single precision as the network has."""
    if column.part == "missing":
        return (0.0, 1.0)
    quantiles = np.quantile(values, np.linspace(0, 1, BINS + 1)).astype(np.float32)
    edges = np.unique(quantiles)
    return tuple(float(edge) for edge in edges) if len(edges) > 1 else (0.0, 1.0)


def _floats(values: pl.Series) -> Floats:
    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _cycle(values: pl.Series, period: float, wave: Callable[[Floats], Floats]) -> Floats:
    return wave(2 * np.pi * _floats(values) / period)


def _day_time(values: pl.Series) -> pl.Series:
    return values.dt.hour() + values.dt.minute() / 60


DATE_PARTS: dict[str, Callable[[pl.Series], Floats]] = {
    "day count": lambda v: _floats(v.cast(pl.Int64) / DAY),
    "year sine": lambda v: _cycle(v.dt.ordinal_day(), 365.25, np.sin),
    "year cosine": lambda v: _cycle(v.dt.ordinal_day(), 365.25, np.cos),
    "day of month": lambda v: _floats(v.dt.day()),
    "hour sine": lambda v: _cycle(_day_time(v), 24, np.sin),
    "hour cosine": lambda v: _cycle(_day_time(v), 24, np.cos),
}
CYCLES = {"weekday": 7, "month": 12}
ALL_PARTS = (*DATE_PARTS, *CYCLES)
