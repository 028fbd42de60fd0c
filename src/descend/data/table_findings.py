"""This file says in sentences what a prepared table is, before training starts."""

from collections.abc import Mapping, Sequence

from descend.data.data_settings import DataSettings
from descend.data.examples import Split, Targets
from descend.data.table_columns import Column
from descend.data.table_preprocessing import TablePreprocessing
from descend.data.time_series import is_carried

LISTED = 8  # columns or classes listed by name; the rest is counted


def sentences(
    read: Sequence[str],
    columns: Sequence[Column],
    preprocessing: TablePreprocessing,
    targets: Targets,
    splits: Mapping[str, Split],
    settings: DataSettings,
    split_by: tuple[str | None, str | None],
) -> tuple[str, ...]:
    return (
        *read,
        *_targets(targets, splits["train"]),
        _inputs(preprocessing),
        *_left_out([c for c in columns if not is_carried(c.name, preprocessing.series)]),
        _split(splits, targets, settings, split_by),
    )


def _targets(targets: Targets, training: Split) -> list[str]:
    if targets.kind == "number":
        said = [
            f"{name} (mean {offset:.4g}, deviation {scale:.4g})"
            for name, offset, scale in zip(
                targets.names, targets.offset, targets.scale, strict=True
            )
        ]
        return [f"target: {_some(said)}; {targets.why}"]
    if targets.kind == "multi-label":
        counts = training.targets.sum(0).tolist()
    else:
        counts = training.targets.bincount(minlength=len(targets.names)).tolist()
    said = [
        f"{name} {count / max(1, len(training)):.1%}"
        for name, count in zip(targets.names, counts, strict=True)
    ]
    noun = "classes" if targets.kind == "single-label" else "labels"
    return [f"target: {targets.why}", f"{len(said)} {noun} in training: {_some(said)}"]


def _inputs(preprocessing: TablePreprocessing) -> str:
    form = preprocessing.form
    sizes = [
        f"{name} ({size - 1})"
        for name, size in zip(form.category_names, form.cardinalities, strict=True)
    ]
    categories = f": {_some(sizes)}" if sizes else ""
    clipped = [column.name for column in preprocessing.numbers if column.clipped]
    tails = f"; heavy tails, so clipped softly: {_some(clipped)}" if clipped else ""
    return (
        f"inputs: {len(form.number_names)} numbers, {len(form.category_names)} categories"
        f"{categories}{tails}"
    )


def _left_out(columns: Sequence[Column]) -> list[str]:
    said = [f"{c.name} ({c.why})" for c in columns if c.role == "left out" and c.why != "target"]
    parts = [f"{c.name} ({c.why})" for c in columns if c.role != "left out" and c.why]
    pairs = (("left out", said), ("in part", parts))
    return [f"{what}: {_some(found)}" for what, found in pairs if found]


def _split(
    splits: Mapping[str, Split],
    targets: Targets,
    settings: DataSettings,
    split_by: tuple[str | None, str | None],
) -> str:
    time, group = split_by
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in splits.items())
    if time is not None:
        how = f"in the order of {time}"
    elif group is not None:
        how = f"by whole groups of {group}"
    else:
        how = "stratified by class" if targets.kind == "single-label" else "drawn at random"
    given = [
        n for n, file in (("validation", settings.validation), ("test", settings.test)) if file
    ]
    said = f", {' and '.join(given)} as given" if given else ""
    return f"split: {sizes} rows, {how}{said}"


def _some(said: Sequence[str]) -> str:
    more = f" and {len(said) - LISTED} more" if len(said) > LISTED else ""
    return ", ".join(said[:LISTED]) + more
