"""This file opens the forms a table is stored in: delimited text, Parquet, JSON lines; gzip or not.

Whatever the form, what comes out is one frame with checked names and the number of each row.
"""

import gzip
import io
import json
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from descend.data.examples import Issue
from descend.data.readers._table_text import read_text_table
from descend.errors import DataError

TEXT = (".csv", ".tsv", ".tab", ".txt", ".data", ".psv")
PARQUET = (".parquet", ".pq")
JSON_LINES = (".jsonl", ".ndjson", ".json")
GZIP = b"\x1f\x8b"
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")  # of a character beyond 16 bits
BLOCK = 3  # a run of at least so many names that repeats is a structure, fewer are a mistake


@dataclass(frozen=True)
class Loaded:
    """One file's table; text files give text cells, the others what they stored."""

    frame: pl.DataFrame
    header: tuple[str, ...] | None  # names as they stand; frame.columns holds them made unique
    rows: np.ndarray  # from 1, the header not counted
    name: str  # the file's
    notes: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()

    def row_name(self, at: int) -> str:
        return f"{self.name} row {self.rows[at]}"


def suffix_of(path: Path) -> str:
    """The form's suffix in lower case, .gz left out: ".csv" of "A.CSV.GZ"."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def load(path: Path, expected: tuple[str, ...] | None = None) -> Loaded:
    """Read one file; `expected` are the columns of the table it goes with. DataError names it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"no such file: {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    return load_bytes(content, path.name, suffix_of(path), expected)


def load_bytes(
    content: bytes, name: str, suffix: str, expected: tuple[str, ...] | None = None
) -> Loaded:
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{name}: the gzip file is damaged ({error}); get it again") from None
    least = 2 if expected is None else 1  # a row to predict may need one column only
    if suffix in PARQUET or content.startswith(b"PAR1"):
        return _parquet(content, name, least)
    if suffix in JSON_LINES:
        return _json_lines(content, name, least)
    table = read_text_table(content, name, expected)
    names = unique_names(table.header, table.frame.width, name)
    notes = [*table.notes, *repeated_note(table.header)]
    frame = table.frame.rename(dict(zip(table.frame.columns, names, strict=True)))
    return Loaded(frame, table.header, table.rows, name, tuple(notes), table.issues)


def unique_names(header: tuple[str, ...] | None, width: int, name: str) -> tuple[str, ...]:
    """Names of the columns. A repeated name is an error, but a repeated run of names is numbered.

    Surveys repeat the same questions day by day under the same names; such runs get .1, .2, … as
    pandas does. Anything else that repeats may be a mistake, and which column is meant is unknown.
    """
    if header is None:
        return tuple(f"c{at + 1}" for at in range(width))
    names = [
        plain_name(" ".join(text.split())) or f"unnamed {at + 1}" for at, text in enumerate(header)
    ]
    places = places_of(names)
    repeated = {key: at for key, at in places.items() if len(at) > 1}
    if not repeated:
        return tuple(names)
    distances = {b - a for at in repeated.values() for a, b in pairwise(at)}
    if len(distances) != 1 or len(repeated) < BLOCK or len(repeated) != distances.pop():
        key, at = next(iter(repeated.items()))
        where = " and ".join(str(place + 1) for place in at)
        raise DataError(f"{name}: columns {where} are both named {key!r}; rename one of them")
    for key, at in repeated.items():
        for number, place in enumerate(at[1:], 1):
            names[place] = f"{key}.{number}"
    again = next((key for key, at in places_of(names).items() if len(at) > 1), None)
    if again is not None:
        raise DataError(
            f"{name}: a column is named {again!r}, as a repeated column is numbered; rename it"
        )
    return tuple(names)


def plain_name(text: str) -> str:
    """The name of a column; one that polars would take as a pattern for many stands in quotes."""
    pattern = text == "*" or (text.startswith("^") and text.endswith("$"))
    return f"'{text}'" if pattern else text


def repeated_note(header: tuple[str, ...] | None) -> list[str]:
    repeated = [at for at in places_of(header or ()).values() if len(at) > 1]
    if not repeated:
        return []
    times = max(map(len, repeated))
    return [f"{len(repeated)} column names stand up to {times} times; numbered .1 to .{times - 1}"]


def places_of(names: tuple[str, ...] | list[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        if name.strip():
            places[name.strip()].append(at)
    return places


def _parquet(content: bytes, name: str, least: int) -> Loaded:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{name}: not a readable Parquet file ({reason})") from None
    return _stored(frame, name, least)


def _json_lines(content: bytes, name: str, least: int) -> Loaded:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: byte {error.start} is not UTF-8; save it as UTF-8") from None
    records = _json_list(text, name) if text.lstrip().startswith("[") else _json_rows(text, name)
    if not records:
        raise DataError(f"{name}: is empty; expected a JSON object per line")
    columns: dict[str, list[object]] = {}
    for at, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError(f"{name} row {at + 1}: expected a JSON object, found {record!r:.40}")
        for key in record:
            columns.setdefault(key, [None] * len(records))
        for key, value in record.items():
            columns[key][at] = value
    frame = pl.DataFrame([_json_column(key, values) for key, values in columns.items()])
    return _stored(frame, name, least)


def _json_rows(text: str, name: str) -> list[object]:
    rows: list[object] = []
    for at, line in enumerate(text.split("\n")):  # a text may hold other line ends
        if line.strip():
            try:
                rows.append(_json_value(line))
            except ValueError as error:
                raise DataError(f"{name} line {at + 1}: not JSON ({error})") from None
    return rows


def _json_value(text: str) -> Any:
    """ValueError says what is wrong, deep nesting and halves of a character too."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep to be a row of a table") from None
    half = _HALF.search(text)
    if half:
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(f"{half[0]} is half of a character, no text") from None
        except RecursionError:
            raise ValueError("nested too deep to be a row of a table") from None
    return found


def _json_list(text: str, name: str) -> list[object]:
    try:
        return list(_json_value(text))
    except ValueError as error:
        raise DataError(f"{name}: not JSON ({error})") from None


def _json_column(key: str, values: list[object]) -> pl.Series:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return pl.Series(key, values, pl.Boolean)
    if present and all(type(value) is int and abs(value) < 2**63 for value in present):
        return pl.Series(key, values, pl.Int64)
    if present and all(type(value) in (int, float) for value in present):
        return pl.Series(key, values, pl.Float64, strict=False)
    return pl.Series(key, [_json_text(value) for value in values], pl.String)


def _json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ";".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _stored(frame: pl.DataFrame, name: str, least: int) -> Loaded:
    if not len(frame):
        raise DataError(f"{name}: has no rows; expected one per example")
    if frame.width < least:
        raise DataError(f"{name}: has only one column; expected at least two")
    frame.columns = [plain_name(column) for column in frame.columns]
    columns = [_plain(column, name) for column in frame.iter_columns()]
    return Loaded(pl.DataFrame(columns), tuple(frame.columns), np.arange(len(frame)) + 1, name)


def _plain(column: pl.Series, name: str) -> pl.Series:
    """One of Int64, Float64, Boolean, Datetime and String, whatever the file stored."""
    dtype = column.dtype
    if dtype.is_integer():
        fits = dtype != pl.UInt64 or (column.max() or 0) < 2**63  # type: ignore[operator]
        return column.cast(pl.Int64 if fits else pl.Float64)
    if dtype.is_float() or dtype.is_decimal():
        return column.cast(pl.Float64)
    if dtype == pl.Datetime:
        zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else column
        return column.cast(pl.Datetime("us"))
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us"))
    if dtype in (pl.Time, pl.Duration):
        return column.cast(pl.Int64).cast(pl.Float64)
    if dtype == pl.Boolean:
        return column
    if isinstance(dtype, pl.List | pl.Array):
        return column.cast(pl.List(pl.String)).list.join(";")
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return column.cast(pl.String).str.strip_chars().replace("", None)
    if dtype == pl.Null:
        return column.cast(pl.String)
    raise DataError(
        f"{name}: column {column.name} holds {dtype}; expected numbers, text or dates (leave it "
        "out or flatten it)"
    )
