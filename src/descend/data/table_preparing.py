"""This file takes a table as it was read and gives what a task needs: targets, split, inputs.

Everything that is fitted is fitted on the training rows alone.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from descend.data import table_findings, table_targets, time_series
from descend.data.data_settings import DataSettings
from descend.data.examples import (
    SPLITS,
    TEST,
    TRAIN,
    UNGIVEN,
    VALIDATION,
    Issue,
    Prepared,
    Split,
    TableSet,
    Targets,
)
from descend.data.quality import tables as quality
from descend.data.readers.table import column_named, read_rows
from descend.data.split import fold_codes, split_codes, straddling_groups
from descend.data.table_labels import matched
from descend.data.table_preprocessing import TablePreprocessing, fit
from descend.data.table_types import column_types
from descend.data.time_preparing import SeriesRows, series_extras, series_rows
from descend.errors import DataError, SettingError

Codes = NDArray[np.int8]
MISSING_TARGETS = 0.5  # of the rows; more without a target is another column than was meant


@dataclass(frozen=True)
class Rows:
    """Rows with a target, each once; `inputs` and `targets` are aligned."""

    inputs: pl.DataFrame
    targets: pl.DataFrame
    names: Sequence[str]
    given: Codes
    types: Mapping[str, str]
    usable: NDArray[np.bool_]  # False for rows of a series that only are the history of others

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, at: NDArray[np.int64]) -> "Rows":
        index = at.tolist()
        names = [self.names[i] for i in index]
        return replace(
            self, inputs=self.inputs[index], targets=self.targets[index], names=names,
            given=self.given[at], usable=self.usable[at],
        )  # fmt: skip


def prepare(
    table: TableSet, settings: DataSettings, seed: int, task: str | None = None, fold: int = 0
) -> Prepared:
    """Split, targets and fitted inputs of a table; `task` "classify" or "regress" overrules.

    `fold` (from 0) is used where `settings.folds` is above 1. DataError and SettingError say what
    stands in the way.
    """
    table_targets.check_task(task)
    if settings.lags and settings.time is None:
        raise SettingError("setting 'lags' is for a series in time; give --time COLUMN too")
    issues = list(table.issues)
    time = _column(settings.time, table)
    group = _column(settings.group, table)
    known = table.frame[list(table.targets)].drop_nulls()
    _check_known(table, known)
    targets = table_targets.derive(_training_targets(table), table.targets, task, time is not None)
    series = None
    if time and targets.kind == "number" and not time_series.is_tied(table.frame, time):
        series = series_rows(table, time, settings, issues, group)
    rows = _without_missing_targets(_rows(table, series), issues)
    codes = _codes(rows, targets, settings, seed, fold, time, group, series, issues)
    rows, codes = _leave_out(rows, codes, (codes != UNGIVEN) & rows.usable)
    rows, codes = _checked(rows, codes, targets, settings, issues)
    return _fitted(table, rows, codes, targets, settings, series, (time, group), issues)


def read_split(
    path: Path, preprocessing: TablePreprocessing, targets: Targets
) -> tuple[Split, tuple[Issue, ...]]:
    """Rows with their targets from another file, for `evaluate`. DataError names what misfits."""
    columns = preprocessing.inputs | dict(preprocessing.targets)
    table = read_rows(path, columns, written=preprocessing.written)
    frame = table.frame[list(preprocessing.targets)]
    issues = table.issues
    if targets.kind == "single-label" and frame.dtypes == [pl.String]:
        labels, found = matched(frame.to_series(), targets.names, path.name)
        frame, issues = labels.to_frame(), (*issues, *found)
    kept = np.flatnonzero(~_any_null(frame))
    if not len(kept):
        raise DataError(f"{path.name}: target {', '.join(preprocessing.targets)} is missing")
    if len(kept) < len(frame):
        at = np.flatnonzero(_any_null(frame))
        said = f"missing in {len(at):,} rows, left out: {quality.first(at, table.names)}"
        where = f"column {', '.join(preprocessing.targets)}"
        issues = (*issues, Issue("missing-target", where, said, True))
    inputs = preprocessing.rows(table.frame)
    issues = (*issues, *preprocessing.history(table.frame))
    index = torch.from_numpy(kept)
    names = [table.names[i] for i in kept.tolist()]
    codes = table_targets.encode(frame[kept.tolist()], targets, lambda at: names[at])
    return Split(tuple(tensor[index] for tensor in inputs), codes, names), issues


def _column(named: str | None, table: TableSet) -> str | None:
    if named is None:
        return None
    found = column_named(named, table.frame.columns, None, "the table")
    if found in table.targets:
        raise DataError(f"column {found} is the target; it cannot be --time or --group too")
    return found


def _check_known(table: TableSet, known: pl.DataFrame) -> None:
    names = ", ".join(table.targets)
    if not len(known):
        raise DataError(f"target {names} is missing in all {len(table.frame):,} rows")
    for code in (VALIDATION, TEST):
        part = table.given.numpy() == code
        if part.any() and not (~_any_null(table.frame[list(table.targets)]) & part).any():
            raise DataError(
                f"target {names} is missing in all rows of the {SPLITS[code]} file; give a file "
                "with targets or leave it to `descend predict`"
            )
    if len(known) < MISSING_TARGETS * len(table.frame):
        raise DataError(
            f"target {names} is missing in {len(table.frame) - len(known):,} of "
            f"{len(table.frame):,} rows; name another column with --target"
        )


def _training_targets(table: TableSet) -> pl.DataFrame:
    """Targets of the rows that may train: a class known only elsewhere is an error later."""
    given = table.given.numpy()
    mine = (given == UNGIVEN) | (given == TRAIN)
    found = table.frame.filter(pl.Series(mine))[list(table.targets)].drop_nulls()
    if not len(found):
        raise DataError(f"target {', '.join(table.targets)} is missing in all training rows")
    return found


def _rows(table: TableSet, series: SeriesRows | None) -> Rows:
    if series is not None:
        inputs, kept = series.features, series.kept
        given = table.given.numpy()[kept]
        targets = series.rows[list(table.targets)]
        known = series.has_history
        return Rows(inputs, targets, series.names, given, column_types(inputs), known)
    targets = table.frame[list(table.targets)]
    known = np.ones(len(targets), bool)
    given = table.given.numpy()
    return Rows(table.frame, targets, table.names, given, column_types(table.frame), known)


def _any_null(frame: pl.DataFrame) -> NDArray[np.bool_]:
    return frame.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()


def _without_missing_targets(rows: Rows, issues: list[Issue]) -> Rows:
    missing = _any_null(rows.targets)
    if not missing.any():
        return rows
    at = np.flatnonzero(missing)
    said = f"missing in {len(at):,} rows, left out: {quality.first(at, rows.names)}"
    issues.append(Issue("missing-target", f"column {', '.join(rows.targets.columns)}", said, True))
    return rows.take(np.flatnonzero(~missing))


def _codes(
    rows: Rows,
    targets: Targets,
    settings: DataSettings,
    seed: int,
    fold: int,
    time: str | None,
    group: str | None,
    series: SeriesRows | None,
    issues: list[Issue],
) -> Codes:
    strata = None
    if targets.kind == "single-label":
        strata = table_targets.encode(rows.targets, targets, lambda at: rows.names[at])
        _check_classes(strata, rows, targets, settings.folds)
    times = None if time is None else _times(rows, time, series)
    groups = None if group is None else _groups(rows, group)
    if times is not None and groups is not None:
        raise DataError("--time and --group cannot both split the rows; give one of them")
    given = torch.from_numpy(rows.given.copy())
    codes = split_codes(
        given, settings.validation_share, settings.test_share, seed,
        strata=strata, groups=groups, times=times,
    )  # fmt: skip
    if settings.folds > 1:
        codes = fold_codes(
            codes, settings.folds, fold, seed, strata=strata, groups=groups, times=times
        )
    if groups is not None:
        _name_straddling(codes, groups, rows, str(group), issues)
    return np.array(codes.numpy())


def _times(rows: Rows, time: str, series: SeriesRows | None) -> Tensor:
    if series is not None and series.series.step.kind == "order":
        return torch.arange(len(rows))
    values = rows.inputs[time] if time in rows.inputs.columns else None
    if values is None:
        return torch.arange(len(rows))
    if values.null_count() or values.dtype == pl.String:
        example = "nothing" if values.null_count() else repr(values[0])
        raise DataError(
            f"column {time} holds {example} in some rows, which is no date or number; expected one "
            "in every row for --time"
        )
    return torch.from_numpy(np.array(values.rank("dense").to_numpy(), np.int64))


def _groups(rows: Rows, group: str) -> Tensor:
    values = rows.inputs[group].cast(pl.String).fill_null("")
    return torch.from_numpy(np.array(values.rank("dense").to_numpy(), np.int64))


def _name_straddling(
    codes: Tensor, groups: Tensor, rows: Rows, group: str, issues: list[Issue]
) -> None:
    found = straddling_groups(codes, groups)
    if len(found):
        at = int((groups == found[0]).nonzero()[0])
        said = f"{len(found)} values stand in several given parts, e.g. {rows.inputs[group][at]}"
        issues.append(Issue("group-straddles", f"column {group}", said, False))


def _check_classes(codes: Tensor, rows: Rows, targets: Targets, folds: int) -> None:
    counts = codes.bincount(minlength=len(targets.names))
    if len(targets.names) < 2:
        raise DataError(
            f"target {rows.targets.columns[0]} is {targets.names[0]!r} in every row; expected at "
            "least two classes"
        )
    rare = int(counts.argmin())
    if 1 < folds > counts[rare]:
        raise DataError(
            f"class {targets.names[rare]!r} has {counts[rare]} rows, fewer than {folds} folds; "
            "give fewer --folds, add rows, or leave the class out"
        )
    for code in (counts == 1).nonzero().flatten().tolist():
        where = rows.names[int((codes == code).nonzero()[0])]
        raise DataError(
            f"class {targets.names[code]!r} has one row ({where}); expected at least 2: add rows, "
            "leave it out, or mend the label"
        )


def _leave_out(rows: Rows, codes: Codes, kept: NDArray[np.bool_]) -> tuple[Rows, Codes]:
    if kept.all():
        return rows, codes
    at = np.flatnonzero(kept)
    return rows.take(at), codes[at]


def _checked(
    rows: Rows, codes: Codes, targets: Targets, settings: DataSettings, issues: list[Issue]
) -> tuple[Rows, Codes]:
    """Name what is missing, repeated, extreme or telling; leave out extreme rows when asked."""
    training = codes == TRAIN
    table_targets.standardize(targets, rows.targets.filter(pl.Series(training)))  # or say why not
    inputs = rows.inputs[[n for n in rows.inputs.columns if n not in rows.targets.columns]]
    whole = pl.concat([inputs, rows.targets], how="horizontal")
    issues += quality.missing_values(inputs, rows.names)
    issues += quality.duplicate_rows(whole, codes, rows.names)
    judged = whole if targets.kind == "number" else inputs
    found, extreme = quality.extreme_rows(judged, training, rows.names, settings.leave_out_extreme)
    issues += found
    if len(rows.targets.columns) == 1:
        mine = pl.Series(training)
        target = rows.targets.to_series().filter(mine)
        target = target.cast(pl.Float64) if targets.kind == "number" else target
        issues += quality.leaks(inputs.filter(mine), target)
    if not settings.leave_out_extreme:
        return rows, codes
    kept = np.ones(len(rows), bool)
    kept[extreme] = codes[extreme] != TRAIN
    return _leave_out(rows, codes, kept)


def _fitted(
    table: TableSet,
    rows: Rows,
    codes: Codes,
    targets: Targets,
    settings: DataSettings,
    series: SeriesRows | None,
    split_by: tuple[str | None, str | None],
    issues: list[Issue],
) -> Prepared:
    parts = {name: np.flatnonzero(codes == code) for code, name in enumerate(SPLITS)}
    training = rows.take(parts["train"])
    if not len(training):
        raise DataError("no rows left to train on")
    reserved = dict.fromkeys(table.targets, "target")
    if split_by[1] is not None:
        reserved[split_by[1]] = "names the group"
    parts_of_dates = None if series is None else series.series.date_parts(series.times)
    preprocessing, columns = fit(training.inputs, reserved, rows.types, parts_of_dates)
    types = column_types(rows.targets)
    preprocessing = replace(
        preprocessing, targets=types, series=None if series is None else series.series,
        written=_written(table, preprocessing, series),
    )  # fmt: skip
    targets = table_targets.standardize(targets, training.targets)
    splits = {
        name: _split(rows.take(at), preprocessing, targets) for name, at in parts.items() if len(at)
    }
    if targets.kind == "single-label":
        counts = splits["train"].targets.bincount(minlength=len(targets.names)).tolist()
        issues += quality.imbalance(counts, targets.names)
    extras: dict[str, Any] = {"columns": columns}
    notes: list[str] = []
    if series is not None:
        extras |= series_extras(series, rows.names, parts, notes)
    found = table_findings.sentences(
        table.found, columns, preprocessing, targets, splits, settings, split_by
    )
    return Prepared(
        splits, preprocessing, targets, "rows", fingerprint(rows, codes),
        (*found, *notes), tuple(issues), extras,
    )  # fmt: skip


def _written(
    table: TableSet, preprocessing: TablePreprocessing, series: SeriesRows | None
) -> dict[str, str]:
    used = {*preprocessing.columns, *table.targets}
    if series is not None:
        used |= {series.series.time, *series.series.others}
    return {name: form for name, form in table.written.items() if name in used}


def _split(rows: Rows, preprocessing: TablePreprocessing, targets: Targets) -> Split:
    codes = table_targets.encode(rows.targets, targets, lambda at: rows.names[at])
    return Split(preprocessing.apply(rows.inputs), codes, rows.names)


def fingerprint(rows: Rows, codes: Codes) -> str:
    """sha256 over names, types, cells and split."""
    digest = hashlib.sha256(codes.tobytes())
    for column in (*rows.inputs.iter_columns(), *rows.targets.iter_columns()):
        digest.update(f"{column.name}\0{column.dtype}\0{len(column)}".encode())
        digest.update(column.is_null().to_numpy().tobytes())
        if column.dtype == pl.String:
            digest.update("\0".join(column.fill_null("").to_list()).encode())
        else:
            digest.update(column.cast(pl.Float64).fill_null(0.0).to_numpy().tobytes())
    return digest.hexdigest()
