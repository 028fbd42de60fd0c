"""This file is the verb `predict`: what a trained model says of new files, folders and tables."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
from torch import Tensor

from descend.data.examples import Issue
from descend.data.table_preprocessing import TablePreprocessing
from descend.errors import DataError, RunError, SettingError
from descend.run import RunFolder, write_bytes
from descend.show import Show, Silent
from descend.workflow.model_folder import Model
from descend.workflow.predicting import Thresholds, answer_frame, open_model
from descend.workflow.predicting_inputs import STDIN, Piece, pieces

FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
           ".parquet": "parquet", ".pq": "parquet"}  # fmt: skip
NAMED = 10  # unreadable files named one by one; the rest is counted
COLUMNS_NAMED = 5


@dataclass(frozen=True)
class Predicted:
    """Predictions in the order of the inputs, and what could not be predicted."""

    frame: pl.DataFrame
    unreadable: tuple[Issue, ...]


def predict(
    run: str | Path | RunFolder,
    inputs: str | Path | Sequence[str | Path],
    *,
    output: str | Path | None = None,
    format: str | None = None,
    thresholds: Thresholds = None,
    device: str | None = None,
    show: Show | None = None,
) -> pl.DataFrame:
    """A row per example: `name`, `predicted`, and a probability per class.

    `inputs` are files, folders, archives, tables, or "-" for standard input. `output` is written
    whole or not at all, as CSV, JSON lines or Parquet by `format` or its suffix. `thresholds` are
    "auto" (chosen on validation), "spam=0.3,ham=0.7" or a mapping. Raises DataError when nothing
    could be read.
    """
    return predict_all(
        run, inputs, output=output, format=format, thresholds=thresholds, device=device, show=show
    ).frame


def predict_all(
    run: str | Path | RunFolder,
    inputs: str | Path | Sequence[str | Path],
    *,
    output: str | Path | None = None,
    format: str | None = None,
    thresholds: Thresholds = None,
    device: str | None = None,
    show: Show | None = None,
    read_stdin: Callable[[], bytes] = lambda: sys.stdin.buffer.read(),
) -> Predicted:
    """The same, with what could not be read beside the predictions."""
    show = show or Silent()
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if not paths:
        raise DataError("nothing to predict: name files, folders, a table, or - for stdin")
    kind = _format(output, format)
    _check_output(output, paths)
    opened = open_model(run, device, show)
    limits = opened.thresholds(thresholds)
    found = _answers(opened.model, pieces(opened.model.preprocessing, paths, read_stdin), limits)
    if not found.count:
        raise DataError(_why_nothing(found.unreadable, paths))
    _show(found, opened.model, show)
    if output is not None:
        write_bytes(Path(output), encoded(found.frame, kind))
        show.say(f"predictions of {found.count:,} {opened.model.unit}: {output}")
    return Predicted(found.frame, found.unreadable)


def encoded(frame: pl.DataFrame, format: str) -> bytes:
    """The table as "csv", "jsonl" or "parquet"."""
    stream = BytesIO()
    if format == "parquet":
        frame.write_parquet(stream)
    elif format == "jsonl":
        frame.write_ndjson(stream)
    else:
        frame.write_csv(stream)
    return stream.getvalue()


@dataclass(frozen=True)
class _Found:
    frame: pl.DataFrame
    count: int  # of the rows with a prediction
    unreadable: tuple[Issue, ...]
    remarks: tuple[Issue, ...]
    unseen: Counter[str]  # cells per category column that training hardly or never saw


def _answers(model: Model, parts: Iterable[Piece], limits: np.ndarray | None) -> _Found:
    frames = [_frame(model, (), (), limits)]
    issues: list[Issue] = []
    unseen: Counter[str] = Counter()
    count = 0
    for piece in parts:
        issues += piece.issues
        if not len(piece.names):
            continue
        unseen.update(_unseen(model, piece))
        said = _frame(model, piece.inputs, piece.names, limits)
        frames.append(said if model.unit == "images" else _with_every_row(said, piece.issues))
        count += len(said)
    return _Found(
        pl.concat(frames),
        count,
        tuple(issue for issue in issues if issue.dropped),
        tuple(i for i in issues if not i.dropped and i.kind != "extra-column"),
        unseen,
    )


def _frame(
    model: Model, inputs: tuple[Tensor, ...], names: Sequence[str], limits: np.ndarray | None
) -> pl.DataFrame:
    if not len(names):
        empty = np.zeros((0, len(model.targets.names)), np.float32)
        return answer_frame(model.targets, empty, names, limits)
    return answer_frame(model.targets, model.scorer.answers(inputs), names, limits)


def _with_every_row(said: pl.DataFrame, issues: Sequence[Issue]) -> pl.DataFrame:
    """Rows of the file that could not be read in their places, without a prediction.

    Whoever puts the predictions beside the table would otherwise be off by one from there on.
    """
    numbered = [*said["name"], *(i.where for i in issues if i.kind == "ragged-row")]
    found = pl.Series(numbered).str.extract(r" row (\d+)$").cast(pl.Int64)
    last = found.max()
    if not isinstance(last, int) or last <= len(said):
        return said
    file = said["name"][0].rpartition(" row ")[0]
    every = pl.DataFrame({"name": [f"{file} row {row}" for row in range(1, last + 1)]})
    return every.join(said, on="name", how="left", maintain_order="left")


def _unseen(model: Model, piece: Piece) -> dict[str, int]:
    if not isinstance(model.preprocessing, TablePreprocessing) or not len(piece.names):
        return {}
    zeros = (piece.inputs[1] == 0).sum(0).tolist()
    names = model.preprocessing.form.category_names
    return {name: count for name, count in zip(names, zeros, strict=True) if count}


def _show(found: _Found, model: Model, show: Show) -> None:
    for issue in (*found.unreadable[:NAMED], *found.remarks[:NAMED]):
        show.say(f"  {issue.where}: {issue.text}")
    if found.unreadable:
        show.say(
            f"left out: {len(found.unreadable):,}; predicted: {len(found.frame):,} {model.unit}"
        )
    if found.unseen:
        said = [f"{name} ({count:,})" for name, count in found.unseen.most_common(COLUMNS_NAMED)]
        more = ", …" if len(found.unseen) > COLUMNS_NAMED else ""
        show.say(f"values rare or never seen in training, treated alike: {', '.join(said)}{more}")


def _why_nothing(unreadable: Sequence[Issue], paths: Sequence[str | Path]) -> str:
    if unreadable:
        first, more = unreadable[0], len(unreadable) - 1
        text = first.text.removesuffix("; left out")
        others = f", and {more:,} more like it" if more else ""
        return f"nothing could be predicted: {first.where}: {text}{others}"
    return f"{paths[0]}: nothing to predict in it"


def _format(output: str | Path | None, format: str | None) -> str:
    known = sorted(set(FORMATS.values()))
    if format is not None:
        if format not in known:
            raise SettingError(f"setting 'format': {format!r}; expected {' or '.join(known)}")
        return format
    if output is None:
        return "csv"
    suffix = Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise SettingError(
            f"setting 'output': the ending of {output} says no format; "
            "expected .csv, .jsonl or .parquet, or give --format"
        )
    return FORMATS[suffix]


def _check_output(output: str | Path | None, paths: Sequence[str | Path]) -> None:
    """Before any work: is there a place to write, and is it none of the inputs?"""
    if output is None:
        return
    place = Path(output)
    if place.is_dir() or not place.absolute().parent.is_dir():
        what = "is a folder" if place.is_dir() else f"no folder {place.absolute().parent}"
        raise RunError(f"cannot write {output}: {what}")
    for path in paths:
        if str(path) != STDIN and Path(path).resolve() == place.resolve():
            raise SettingError(f"setting 'output': {output} is an input and would be overwritten")
