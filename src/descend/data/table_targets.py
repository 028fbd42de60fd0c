"""This file derives what is to be predicted from the target columns, and says why.

Few distinct values are classes, many are numbers; several columns of 0 and 1 are labels.
"""

import re
from collections.abc import Callable

import numpy as np
import polars as pl
import torch
from torch import Tensor

from descend.data.examples import Targets
from descend.errors import DataError, SettingError, did_you_mean

CLASSES = 20  # distinct whole numbers up to this many are classes …
ROWS_PER_CLASS = 5  # … when each comes so often on average
TEXT_SHARE = 0.5  # of rows; more distinct texts than this are no classes
SMALLEST = 1e-150  # squares of smaller deviations are 0 in double precision
LISTED = 12  # classes named in a sentence
TRUE = ("1", "true", "yes", "y", "t")
FALSE = ("0", "false", "no", "n", "f")
LIST_MARK = re.compile(r"\s*[;|]\s*")


def derive(
    frame: pl.DataFrame, names: tuple[str, ...], task: str | None = None, in_time: bool = False
) -> Targets:
    """The kind of target and its names; numbers get offset and scale with `standardize` later.

    `frame` holds rows with no target missing; `task` "classify" or "regress" overrules. In time
    (`in_time`) whole numbers are amounts to forecast, unless there are only two.
    """
    columns = [frame[name] for name in names]
    if task == "regress":
        return _numbers(columns, "asked for with --task regress")
    if len(columns) > 1:
        return _several(columns, task)
    [column] = columns
    why = _why_classes(column)
    if in_time and task is None and column.dtype.is_numeric() and column.n_unique() > 2:
        why = ""
    if task == "classify" and not why:
        if column.n_unique() > max(CLASSES, len(column) // ROWS_PER_CLASS):
            raise DataError(
                f"target {column.name} has {column.n_unique()} distinct numbers in {len(column)} "
                "rows, too many for --task classify; leave --task out to predict the number"
            )
        why = f"{column.n_unique()} distinct values, as asked for with --task classify"
    if not why:
        text = f"{column.name} holds numbers ({column.n_unique()} distinct values)"
        return _numbers(columns, text)
    if column.dtype == pl.String and _is_lists(column):
        labels = sorted({label for cell in column for label in _labels(cell)})
        return Targets(
            "multi-label", tuple(labels), why=f"cells of {column.name} list labels ({column[0]})"
        )
    return Targets("single-label", class_names(column), why=f"{column.name} has {why}")


def _why_classes(column: pl.Series) -> str:
    distinct, rows = column.n_unique(), len(column)
    if column.dtype == pl.Datetime:
        raise DataError(
            f"target {column.name} holds dates; name a column of numbers or classes with --target"
        )
    if column.dtype == pl.Boolean:
        return "yes/no values"
    if column.dtype == pl.String:
        if distinct > TEXT_SHARE * rows and distinct > CLASSES and not _is_lists(column):
            raise DataError(
                f"target {column.name} has {distinct} distinct texts in {rows} rows, too many for "
                "classes; name another column with --target"
            )
        return f"{distinct} distinct text values"
    whole = column.drop_nulls()
    if not bool((whole == whole.round()).all()):
        return ""
    few = distinct == 2 or (distinct <= CLASSES and rows >= ROWS_PER_CLASS * distinct)
    low, high = int(whole.min()), int(whole.max())  # type: ignore[arg-type]
    hint = "" if distinct == 2 else "; --task regress takes them as numbers"
    return f"{distinct} distinct whole numbers ({low} to {high}){hint}" if few else ""


def _several(columns: list[pl.Series], task: str | None) -> Targets:
    names = tuple(column.name for column in columns)
    if all(_is_yes_no(column) for column in columns):
        return Targets("multi-label", names, why=f"{len(names)} target columns of yes and no")
    if task == "classify":
        other = next(column.name for column in columns if not _is_yes_no(column))
        raise DataError(
            f"target {other} is not all 0 and 1; several targets are classified as yes/no labels"
        )
    return _numbers(columns, f"{len(names)} target columns of numbers")


def _numbers(columns: list[pl.Series], why: str) -> Targets:
    for column in columns:
        if not column.dtype.is_numeric() and column.dtype != pl.Boolean:
            raise DataError(
                f"target {column.name} holds {column[0]!r}, expected numbers; several targets must "
                "be all numbers or all 0 and 1, and a text column is classified alone"
            )
    return Targets("number", tuple(column.name for column in columns), why=why)


def _is_yes_no(column: pl.Series) -> bool:
    if column.dtype == pl.Boolean:
        return True
    if column.dtype.is_numeric():
        return bool(((column == 0) | (column == 1)).all())
    return bool(column.cast(pl.String).str.to_lowercase().is_in([*TRUE, *FALSE]).all())


def _is_lists(column: pl.Series) -> bool:
    """Cells such as "action;comedy": labels that come again in other cells."""
    cells = column.drop_nulls()
    share = cells.str.contains(LIST_MARK.pattern).mean()
    if not isinstance(share, float) or share < 0.2:
        return False
    labels = {label for cell in cells for label in _labels(cell)}
    return 1 < len(labels) < 0.5 * cells.n_unique() + 10 and len(labels) <= 200


def _labels(cell: str) -> list[str]:
    return [label for label in LIST_MARK.split(cell.strip()) if label]


def class_names(column: pl.Series) -> tuple[str, ...]:
    if column.dtype == pl.Boolean:
        return ("false", "true")
    return tuple(_written(value) for value in column.unique().sort().to_list())


def _written(value: object) -> str:
    """The shortest text that gives the value again, so that no two classes share a name."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def encode(frame: pl.DataFrame, targets: Targets, row_name: Callable[[int], str]) -> Tensor:
    """int64 (rows,) class codes, or float32 (rows, outputs); numbers are standardized.

    DataError names the row of a class never seen in training.
    """
    if targets.kind == "number":
        values = np.stack([_floats(frame, name) for name in targets.names], 1)
        offset = np.asarray(targets.offset or (0.0,) * len(targets.names))
        scale = np.asarray(targets.scale or (1.0,) * len(targets.names))
        return torch.from_numpy(((values - offset) / scale).astype(np.float32))
    if targets.kind == "multi-label" and all(name in frame.columns for name in targets.names):
        return torch.from_numpy(np.stack([_yes(frame[name]) for name in targets.names], 1))
    [name] = frame.columns
    if targets.kind == "multi-label":
        return _list_codes(frame[name], targets, row_name)
    return _class_codes(frame[name], targets, row_name)


def _floats(frame: pl.DataFrame, name: str) -> np.ndarray:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _yes(column: pl.Series) -> np.ndarray:
    if column.dtype == pl.String:
        column = column.str.to_lowercase().is_in(list(TRUE))
    return column.cast(pl.Float32).to_numpy()


def _class_codes(column: pl.Series, targets: Targets, row_name: Callable[[int], str]) -> Tensor:
    codes = {name: code for code, name in enumerate(targets.names)}
    if column.dtype.is_float():
        column = pl.Series(column.name, [_written(v) for v in column.to_list()], pl.String)
    found = column.cast(pl.String).replace_strict(codes, default=-1, return_dtype=pl.Int64)
    at = found.arg_min()
    if at is not None and found[at] < 0:
        raise unseen(column.name, str(column[at]), targets.names, row_name(at))
    return torch.from_numpy(np.array(found.to_numpy(), np.int64))


def _list_codes(column: pl.Series, targets: Targets, row_name: Callable[[int], str]) -> Tensor:
    places = {name: at for at, name in enumerate(targets.names)}
    codes = torch.zeros(len(column), len(places))
    for row, cell in enumerate(column):
        for label in _labels(cell):
            if label not in places:
                raise unseen(column.name, label, targets.names, row_name(row))
            codes[row, places[label]] = 1
    return codes


def unseen(column: str, value: str, known: tuple[str, ...], where: str) -> DataError:
    listed = ", ".join(known[:LISTED]) + (", …" if len(known) > LISTED else "")
    near = did_you_mean(value, known)
    hint = f"; {near}" if near.startswith("did you mean") else ""
    return DataError(
        f"{where}: target {column} is {value!r}, which never occurs in training (classes: "
        f"{listed}){hint}"
    )


def check_task(task: str | None) -> None:
    if task not in (None, "classify", "regress"):
        raise SettingError(f"task {task!r} is not for tables; {did_you_mean(task or '', TASKS)}")


TASKS = ("classify", "regress")


def standardize(targets: Targets, training: pl.DataFrame) -> Targets:
    """Give number targets the mean and deviation of the training rows."""
    if targets.kind != "number" or not len(training):
        return targets
    values = np.stack([_floats(training, name) for name in targets.names], 1)
    offset, scale = values.mean(0), values.std(0)
    for name, column, deviation in zip(targets.names, values.T, scale, strict=True):
        if (column == column[0]).all():
            raise DataError(f"target {name} is constant in the training rows; nothing to learn")
        if deviation < SMALLEST:
            raise DataError(
                f"target {name} differs only by {np.ptp(column):.3g} in the training rows, too "
                "little to count with; write it in a smaller unit"
            )
    return Targets(
        targets.kind, targets.names, tuple(map(float, offset)), tuple(map(float, scale)),
        targets.unit, targets.why,
    )  # fmt: skip
