"""This file looks a table over: what is missing, repeated, extreme, one-sided, or gives the answer
away. It names rows and columns and changes nothing.
"""

import shlex
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.examples import SPLITS, Issue

NAMED = 3  # rows named one by one; the rest is counted
LISTED = 10  # issues of one kind listed one by one
EXTREME = 10.0  # robust deviations from the median; a normal value is beyond 6 once in 10^9
TAIL_SHARE = 0.005  # of rows that are a column's tail (at least 3 rows) …
BEYOND_TAIL = 3.0  # … and so many times farther than where it begins is no longer part of it
IMBALANCE = 20  # times more examples in the largest class than in the smallest
LEAST_ROWS = 30  # rows from which a perfect match is no accident, and a tail is one
PAIRS = 40  # number columns up to which sums of two are tried against the target


def missing_values(frame: pl.DataFrame, names: Sequence[str]) -> list[Issue]:
    issues = []
    for column in frame.iter_columns():
        at = np.flatnonzero(column.is_null().to_numpy())
        if len(at):
            share = len(at) / len(frame)
            said = f"{len(at):,} of {len(frame):,} values are missing ({share:.1%}): " + first(
                at, names
            )
            issues.append(Issue("missing-values", f"column {column.name}", said, False))
    return issues


def duplicate_rows(
    frame: pl.DataFrame, codes: NDArray[np.int8], names: Sequence[str]
) -> list[Issue]:
    """Rows equal in every column, and those that stand in two parts of the split."""
    hashes = frame.hash_rows(seed=0).to_numpy()
    _, group, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    repeated = counts[group] > 1
    extra = int((counts - 1).sum())
    if not extra:
        return []
    order = np.flatnonzero(repeated)
    pair = np.flatnonzero(group == group[order[0]])[:2]
    said = f"{extra:,} rows repeat another one, e.g. {names[pair[0]]} and {names[pair[1]]}"
    issues = [Issue("duplicate-rows", "table", said, False)]
    low, high = np.full(len(counts), 99), np.full(len(counts), -99)
    np.minimum.at(low, group, codes)
    np.maximum.at(high, group, codes)
    across = np.flatnonzero((low[group] >= 0) & (low[group] != high[group]))
    if len(across):
        one = across[0]
        other = np.flatnonzero((group == group[one]) & (codes != codes[one]))[0]
        said = (
            f"{len(across):,} rows have a twin in another part of the split, e.g. {names[one]} "
            f"({SPLITS[codes[one]]}) and {names[other]} ({SPLITS[codes[other]]})"
        )
        issues.append(Issue("duplicates-across-splits", "table", said, False))
    return issues


def extreme_rows(
    frame: pl.DataFrame, training: NDArray[np.bool_], names: Sequence[str], dropped: bool
) -> tuple[list[Issue], NDArray[np.int64]]:
    """Rows with a number far from all others, judged by the training rows; and which they are."""
    found: dict[int, list[tuple[float, str]]] = {}
    for column in frame.iter_columns():
        if column.dtype.is_numeric():
            values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for at, distance in zip(*_extreme(values, training), strict=True):
                said = f"{column.name} is {values[at]:g}, {distance:.0f} robust deviations away"
                found.setdefault(int(at), []).append((float(distance), said))
    order = sorted(found, key=lambda at: -max(found[at])[0])
    issues = [
        Issue(
            "extreme-row", names[at], "; ".join(said for _, said in sorted(found[at])[::-1][:3]),
            dropped and bool(training[at]),
        )
        for at in order[:LISTED]
    ]  # fmt: skip
    if len(order) > LISTED:
        said = f"{len(order) - LISTED} more rows have values far from all others"
        issues.append(Issue("extreme-row", "table", said, dropped))
    return issues, np.array(sorted(found), np.int64)


def _extreme(
    values: NDArray[np.float64], training: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where values are far from the median, for this column's tail too, and how far."""
    known = values[training & np.isfinite(values)]
    nothing = np.zeros(0, np.int64), np.zeros(0)
    if len(known) < LEAST_ROWS or len(np.unique(known[:1000])) < 3:
        return nothing
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    scale = (high - low) / 1.349  # a normal's deviation from its quartiles
    if scale == 0:
        return nothing
    tail = np.sort(np.abs(known - median))[-1 - max(3, int(TAIL_SHARE * len(known)))]
    distance = np.nan_to_num(np.abs(values - median))
    at = np.flatnonzero(distance > max(EXTREME * scale, BEYOND_TAIL * tail))
    return at, distance[at] / scale


def leaks(inputs: pl.DataFrame, target: pl.Series) -> list[Issue]:
    """Columns that are the target, or tell it alone without a mistake; from training rows."""
    if len(target) < LEAST_ROWS:
        return []
    is_number = target.dtype.is_float()
    issues = []
    for column in inputs.iter_columns():
        said = _equals(column, target) if is_number else _tells(column, target)
        if said:
            issues.append(Issue("target-leak", f"column {column.name}", said, False))
    if is_number and not issues:
        issues += _sums(inputs, target)
    return issues


def _equals(column: pl.Series, target: pl.Series) -> str:
    if not column.dtype.is_numeric() or column.n_unique() < 3:
        return ""
    both = pl.DataFrame([column.cast(pl.Float64).alias("x"), target.alias("y")]).drop_nulls()
    if len(both) < LEAST_ROWS or both["x"].n_unique() < 3 or both["y"].n_unique() < 3:
        return ""
    x, y = both["x"].to_numpy(), both["y"].to_numpy()
    correlation = float(np.corrcoef(x, y)[0, 1])
    if abs(correlation) > 1 - 1e-9:
        hint = ignoring(column.name)
        return f"is {target.name} itself, or a multiple of it; if it is the answer: {hint}"
    return ""


def _tells(column: pl.Series, target: pl.Series) -> str:
    both = pl.DataFrame([column.alias("x"), target.alias("y")])
    said = (
        f"tells {target.name} alone without a mistake; if it is the answer: {ignoring(column.name)}"
    )
    values = column.n_unique()
    if column.dtype.is_numeric() and values > 20:
        ordered = both.drop_nulls().sort("x")
        changes = int((ordered["y"] != ordered["y"].shift()).sum())
        whole = len(ordered) == len(both)
        return said if whole and changes == ordered["y"].n_unique() - 1 else ""
    if values > len(target) / 10:
        return ""
    return said if both.unique().height == values and values > 1 else ""


def ignoring(*names: str) -> str:
    """The flag that leaves the columns out, as it is typed."""
    quoted = ['"' + n.replace('"', '""') + '"' if set(n) & set(',"\n') else n for n in names]
    return f"--ignore {shlex.quote(','.join(quoted))}"


def _sums(inputs: pl.DataFrame, target: pl.Series) -> list[Issue]:
    """Two columns whose sum is the target, as the casual and registered users of all users."""
    numbers = [c for c in inputs.iter_columns() if c.dtype.is_numeric() and not c.null_count()]
    if len(numbers) > PAIRS or target.null_count():
        return []
    y = target.to_numpy()
    values = [column.cast(pl.Float64).to_numpy() for column in numbers]
    for i, one in enumerate(values):
        for j in range(i + 1, len(values)):
            if np.allclose(one[:100] + values[j][:100], y[:100]) and np.allclose(
                one + values[j], y
            ):
                names = f"columns {numbers[i].name} and {numbers[j].name}"
                hint = ignoring(numbers[i].name, numbers[j].name)
                said = f"add up to {target.name}; if they are not known in advance: {hint}"
                return [Issue("target-leak", names, said, False)]
    return []


def imbalance(counts: Sequence[int], classes: Sequence[str]) -> list[Issue]:
    low, high = int(np.argmin(counts)), int(np.argmax(counts))
    if counts[low] * IMBALANCE > counts[high]:
        return []
    said = (
        f"class {classes[high]!r} has {counts[high]:,} rows, class {classes[low]!r} only "
        f"{counts[low]:,}; watch the per-class scores"
    )
    return [Issue("class-imbalance", "target", said, False)]


def first(at: NDArray[np.int64], names: Sequence[str]) -> str:
    more = f" and {len(at) - NAMED:,} more" if len(at) > NAMED else ""
    return ", ".join(names[int(row)] for row in at[:NAMED]) + more
