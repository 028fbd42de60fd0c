"""This file reads tables: CSV, TSV, Parquet and JSON lines, gzipped or not."""

import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import polars as pl
import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, UNGIVEN, VALIDATION, Issue, TableSet
from descend.data.readers._table_cells import (
    as_type,
    is_missing,
    is_number,
    type_column,
    without_infinite,
)
from descend.data.readers._table_files import (
    GZIP,
    JSON_LINES,
    PARQUET,
    TEXT,
    Loaded,
    load,
    load_bytes,
    places_of,
    plain_name,
    suffix_of,
)
from descend.data.readers._table_text import DELIMITERS, decode, delimiter_share
from descend.data.table_labels import matched
from descend.data.table_types import DTYPES, type_name
from descend.errors import DataError, did_you_mean

KIND = "table"
LISTED = 10  # columns listed by name; the rest is counted
# Names a last column has when it is what the table is about; anything else is asked for.
TARGET_NAMES = frozenset(
    (
        "target", "label", "labels", "class", "classes", "category", "y", "outcome", "output",
        "response", "result", "species", "price", "quality", "survived", "income", "diagnosis",
        "variety", "medv", "sentiment", "churn", "default", "score",
    )
)  # fmt: skip


def recognizes(path: Path) -> str:
    """A reason when the file is a table, judged by its name and first bytes."""
    if not path.is_file():
        return ""
    suffix = suffix_of(path)
    if suffix in PARQUET:
        return "a Parquet table"
    if suffix in JSON_LINES:
        return "a table of JSON lines"
    if suffix in TEXT and suffix != ".txt":
        return f"a table of delimited text ({suffix})"
    return "a table of delimited text" if suffix in (".txt", "") and _looks_cut(path) else ""


def read(path: Path, settings: DataSettings, seed: int) -> TableSet:
    """The rows of `path`, then those of the validation and test files where they are set.

    Columns of the further files are matched by name and take the types of the first. Labels that
    differ by spaces, case or a final dot are matched and reported.
    """
    loaded = load(path)
    ignored = _ignored(settings, loaded)
    targets = _targets(settings, loaded, ignored)
    loaded = _without(loaded, ignored)
    issues = list(loaded.issues)
    frame, written = _typed(loaded, issues)
    _check_columns(frame, settings, loaded)
    found = [_size(frame, path.name), *loaded.notes]
    found += [f"ignored as asked: {', '.join(ignored)}"] if ignored else []
    frames, names = [frame], [loaded.row_name(at) for at in range(len(frame))]
    given = [torch.full((len(frame),), UNGIVEN, dtype=torch.int8)]
    for file, code in ((settings.validation, VALIDATION), (settings.test, TEST)):
        if file is None:
            continue
        other = _without(load(Path(file), tuple(frame.columns)), ignored)
        part = aligned(other, frame, issues, (), written)
        part = _matched_labels(part, frame, targets, other, issues)
        frames.append(part)
        names += [other.row_name(at) for at in range(len(part))]
        given.append(torch.full((len(part),), code, dtype=torch.int8))
        found.append(_size(part, other.name))
        issues += other.issues
    return TableSet(
        pl.concat(frames), targets, names, torch.cat(given), tuple(found), tuple(issues), written
    )


def read_rows(
    source: Path | bytes,
    columns: dict[str, str],
    optional: tuple[str, ...] = (),
    written: Mapping[str, str] = MappingProxyType({}),
) -> TableSet:
    """Rows to predict: a file, or bytes of text or JSON lines from standard input.

    `columns` are the names and types (as `column_types` gives them) that training used, `written`
    how their cells were written; `optional` ones (targets) may be missing. DataError names a
    missing column.
    """
    expected = tuple(columns)
    if isinstance(source, Path):
        loaded = load(source, expected)
    else:
        starts_json = source.lstrip()[:1] in (b"{", b"[")
        loaded = load_bytes(source, "stdin", ".jsonl" if starts_json else ".csv", expected)
    like = pl.DataFrame(schema={name: DTYPES[kind] for name, kind in columns.items()})
    issues = list(loaded.issues)
    frame = aligned(loaded, like, issues, optional, written)
    names = [loaded.row_name(at) for at in range(len(frame))]
    given = torch.full((len(frame),), UNGIVEN, dtype=torch.int8)
    found = (_size(frame, loaded.name), *loaded.notes)
    targets = tuple(name for name in optional if name in frame.columns)
    return TableSet(frame, targets, names, given, found, tuple(issues))


def aligned(
    loaded: Loaded,
    like: pl.DataFrame,
    issues: list[Issue],
    optional: tuple[str, ...],
    written: Mapping[str, str],
) -> pl.DataFrame:
    """A further file's rows in the columns and types of the first. DataError: a missing column."""
    frame = loaded.frame
    if loaded.header is None and frame.columns != like.columns:
        wanted = [name for name in like.columns if name not in optional]
        if frame.width not in (like.width, len(wanted)):
            raise DataError(
                f"{loaded.name}: has {frame.width} columns, the training table has {like.width}; "
                "expected the same columns in the same order"
            )
        names = like.columns if frame.width == like.width else wanted
        frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    missing = [name for name in like.columns if name not in frame.columns and name not in optional]
    if missing:
        raise DataError(f"{loaded.name}: {missing_columns(missing, frame.columns)}")
    extra = [name for name in frame.columns if name not in like.columns]
    if extra:
        said = f"not in the training table, so not used: {listed(extra)}"
        issues.append(Issue("extra-column", loaded.name, said, False))
    columns = []
    for name in like.columns:
        if name in frame.columns:
            form = written.get(name, "")
            cells = as_type(frame[name], like.schema[name], name, loaded.row_name, form)
            _check_kept(frame[name], cells.values, like.schema[name], loaded)
            columns.append(cells.values.cast(like.schema[name], strict=False))
            issues.extend(cells.issues)
    return pl.DataFrame(columns)


def missing_columns(missing: list[str], there: list[str]) -> str:
    """What is missing of the training table's columns, the nearest name or what there is."""
    near = did_you_mean(missing[0], there)
    hint = near if near.startswith("did you mean") else f"it has {listed(there)}"
    names = listed([repr(name) for name in missing])
    if len(missing) == 1:
        return f"column {names} is missing; the training table has it ({hint})"
    return f"columns {names} are missing; the training table has them ({hint})"


def listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _check_kept(given: pl.Series, typed: pl.Series, dtype: pl.DataType, loaded: Loaded) -> None:
    present = [
        cell for cell in given.to_list() if not is_missing(None if cell is None else str(cell))
    ]
    if not present or typed.null_count() < len(typed):
        return
    if dtype.is_numeric() and any(is_number(str(cell)) for cell in present):
        return  # infinite or too large: named already, and missing
    raise DataError(
        f"{loaded.name}: column {given.name!r} holds {present[0]!r}; expected a "
        f"{type_name(dtype)}, as in training"
    )


def _typed(loaded: Loaded, issues: list[Issue]) -> tuple[pl.DataFrame, dict[str, str]]:
    """The columns with their types, and how their cells are written."""
    columns, written = [], {}
    for column in loaded.frame.iter_columns():
        if column.dtype == pl.String:
            cells = type_column(column, column.name, loaded.row_name)
            columns.append(cells.values)
            issues.extend(cells.issues)
            if cells.written:
                written[column.name] = cells.written
        else:
            values, infinite = without_infinite(column, column.name, loaded.row_name)
            columns.append(values)
            issues.extend(infinite)
    return pl.DataFrame(columns), written


def _size(frame: pl.DataFrame, name: str) -> str:
    return f"{name}: {len(frame):,} rows, {frame.width} columns"


def _ignored(settings: DataSettings, loaded: Loaded) -> tuple[str, ...]:
    """The columns not to learn from. DataError: unknown, or needed otherwise."""
    columns, header, name = loaded.frame.columns, loaded.header, loaded.name
    found = [column_named(text, columns, header, name) for text in settings.ignore]
    needed = {"--target": settings.target, "--time": (settings.time,), "--group": (settings.group,)}
    for flag, texts in needed.items():
        for text in texts:
            if text is not None and column_named(text, columns, header, name) in found:
                raise DataError(f"{name}: column {text!r} is {flag}; it cannot be ignored too")
    return tuple(dict.fromkeys(found))


def _without(loaded: Loaded, ignored: tuple[str, ...]) -> Loaded:
    columns = loaded.frame.columns
    kept = [at for at, column in enumerate(columns) if column not in ignored]
    if len(kept) == len(columns):
        return loaded
    header = None if loaded.header is None else tuple(loaded.header[at] for at in kept)
    return replace(loaded, frame=loaded.frame[[columns[at] for at in kept]], header=header)


def _targets(settings: DataSettings, loaded: Loaded, ignored: tuple[str, ...]) -> tuple[str, ...]:
    columns = loaded.frame.columns
    if settings.target:
        named = [
            column_named(text, columns, loaded.header, loaded.name) for text in settings.target
        ]
        if len(set(named)) < len(named):
            raise DataError(f"--target names {named[0]!r} twice; name each column once")
        return tuple(named)
    columns = [name for name in columns if name not in ignored]
    if not columns:
        raise DataError(f"{loaded.name}: --ignore leaves no column; name fewer")
    others = [name for name in columns if name not in (settings.time, settings.group)]
    if settings.time and len(others) == 1:
        return (others[0],)
    last = re.split(r"[\s_.-]+", columns[-1].lower().strip())
    if columns[-1].lower() in TARGET_NAMES or (last and last[-1] in TARGET_NAMES):
        return (columns[-1],)
    marked = [name for name in columns if name.lower() in ("target", "label", "class", "y")]
    if len(marked) == 1:
        return (marked[0],)
    raise DataError(
        f"{loaded.name}: which column is to be predicted? Give --target NAME; columns: "
        f"{', '.join(columns[:40])}{', …' if len(columns) > 40 else ''}"
    )


def column_named(text: str, columns: list[str], header: tuple[str, ...] | None, name: str) -> str:
    """A column by name, or by number from 1 (-1 is the last). DataError suggests the nearest."""
    places = places_of(header or ()).get(text, [])
    if len(places) > 1:  # of a repeated run the newest measurement is meant
        return columns[places[-1]]
    if plain_name(text) in columns:
        return plain_name(text)
    same = [column for column in columns if column.lower() == text.strip().lower()]
    if len(same) == 1:
        return same[0]
    if re.fullmatch(r"[+-]?\d+", text.strip()):
        number = int(text)
        if 1 <= abs(number) <= len(columns):
            return columns[number - 1 if number > 0 else number]
        raise DataError(f"{name}: no column number {number}; the table has {len(columns)} columns")
    raise DataError(f"{name}: no column {text!r}; {did_you_mean(text, columns)}")


def _check_columns(frame: pl.DataFrame, settings: DataSettings, loaded: Loaded) -> None:
    for setting in (settings.time, settings.group):
        if setting is not None:
            column_named(setting, frame.columns, loaded.header, loaded.name)


def _matched_labels(
    part: pl.DataFrame,
    frame: pl.DataFrame,
    targets: tuple[str, ...],
    loaded: Loaded,
    issues: list[Issue],
) -> pl.DataFrame:
    for target in targets:
        if frame.schema[target] == pl.String:
            labels, found = matched(part[target], frame[target].drop_nulls(), loaded.name)
            part = part.with_columns(labels)
            issues += found
    return part


def _looks_cut(path: Path) -> bool:
    """Whether a file without a telling suffix has lines that one delimiter cuts alike."""
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 16)
        if head.startswith(GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, 1 << 16)
        text, _ = decode(head, path.name)
    except (OSError, zlib.error, gzip.BadGzipFile, DataError):
        return False
    lines = text.splitlines()[:-1][:100]
    return len(lines) > 2 and any(delimiter_share(lines, mark) == 1.0 for mark in DELIMITERS)
