"""This file trains once per fold and brings the folds together."""

import shutil
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from descend import run
from descend.errors import Stopped
from descend.evidence import Table, encode
from descend.reports.page import write_report
from descend.run import RunFolder, write_bytes, write_json, write_text
from descend.show import Show
from descend.workflow import recipe
from descend.workflow.trained import Run

TrainFold = Callable[[str, recipe.Choices, Mapping[str, Any], Show, int], Run]
ResumeFold = Callable[[Path], Run]


def cross_validate(source: str, choices: recipe.Choices, show: Show, train_fold: TrainFold) -> Run:
    """k trainings, each validated on the examples the others trained on.

    The run folder holds one run folder per fold, mean and deviation of every validation metric,
    and the out-of-fold predictions.
    """
    training = choices.training
    stem = training.name or f"{Path(source).name.split('.')[0]}-{choices.data.folds}-folds"

    def fill(folder: RunFolder) -> None:
        folder.write_recipe(_asked_for(source, choices))

    folder = run.create(
        Path(training.runs).expanduser(), stem, fill, exact=training.name is not None
    )
    try:
        return complete(folder, source, choices, show, train_fold, Run)
    finally:
        if not _begun(folder, 0):  # the data or a setting was wrong
            shutil.rmtree(folder.path)


def is_cross_validation(folder: RunFolder, recorded: Mapping[str, Any]) -> bool:
    """Whether this run holds one run per fold; `recorded` are the sections of its recipe."""
    return "horizon" not in recorded or bool(_begun(folder, 0))


def complete(
    folder: RunFolder, source: str, choices: recipe.Choices, show: Show,
    train_fold: TrainFold, resume_fold: ResumeFold,
) -> Run:  # fmt: skip
    """Train the folds that have not begun, resume those that have, and bring all together."""
    results: list[Run] = []
    with run.alone_in(folder):
        for fold in range(choices.data.folds):
            show.say(f"fold {fold + 1} of {choices.data.folds}")
            inside = {"runs": str(folder.path), "name": f"fold-{fold + 1}"}
            training = choices.training.model_copy(update=inside)
            own = recipe.Choices(choices.data, training, choices.entries, choices.given)
            begun = _begun(folder, fold)
            try:
                result = resume_fold(begun) if begun else train_fold(source, own, {}, show, fold)
            except Stopped as stopped:
                number = stopped.exit_code - 128
                text = (
                    f"stopped in fold {fold + 1}, saved; go on with: descend resume {folder.path}"
                )
                raise Stopped(text, number) from None
            if not result.finished:
                show.say(f"go on with: descend resume {folder.path}")
                return Run(folder)
            results.append(result)
        _bring_together(folder, results, show)
    return Run(folder)


def _begun(folder: RunFolder, fold: int) -> Path | None:
    """The run folder of this fold, counted from 0, if there is one."""
    path = folder.path / f"fold-{fold + 1}"
    return path if (path / "recipe.toml").is_file() else None


def _asked_for(source: str, choices: recipe.Choices) -> dict[str, Any]:
    """A recipe of what was said; every fold writes one of what was derived."""
    plain = (bool, int, float, str, list, tuple)
    return {
        "source": {"data": source},
        "data": choices.data.model_dump(mode="json"),
        "training": choices.training.model_dump(mode="json"),
        "entries": {k: v if isinstance(v, plain) else str(v) for k, v in choices.entries.items()},
    }


def _bring_together(folder: RunFolder, results: list[Run], show: Show) -> None:
    first = results[0].result
    rows, metrics = _summary(results)
    _write_predictions(folder, results)
    columns = ["metric", "mean", "deviation", *(r.path.name for r in results)]
    table = Table(0, "folds", columns, rows, "validation score of each fold")
    write_text(folder.evidence_file, encode(table) + "\n")
    write_bytes(folder.recipe_file, results[0].folder.recipe_file.read_bytes())
    seconds = {k: sum(r.result["seconds"].get(k, 0.0) for r in results) for k in first["seconds"]}
    result = {**first, "run": str(folder.path), "metrics": metrics, "seconds": seconds}
    result["folds"] = [{"run": r.path.name, "metrics": r.metrics} for r in results]
    write_json(folder.result_file, result)
    write_report(folder)
    show.table(f"{len(results)} folds, validation", columns, rows)
    show.say(f"report: {folder.report_file}")


def _summary(results: list[Run]) -> tuple[list[list[Any]], dict[str, dict[str, float]]]:
    rows: list[list[Any]] = []
    means: dict[str, float] = {}
    for name in results[0].metrics["validation"]:
        values = [r.metrics["validation"].get(name, np.nan) for r in results]
        means[name] = float(np.mean(values))
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        means[f"{name}_deviation"] = deviation
        rows.append([name, means[name], deviation, *values])
    return rows, {"validation": means}


def _write_predictions(folder: RunFolder, results: list[Run]) -> None:
    """Each example once, predicted by the fold that did not train on it."""
    frames = [
        pl.read_parquet(r.folder.predictions_file)
        .filter(pl.col("split") == "validation")
        .with_columns(pl.lit(i + 1).alias("fold"))
        for i, r in enumerate(results)
    ]
    stream = BytesIO()
    pl.concat(frames).write_parquet(stream)
    write_bytes(folder.predictions_file, stream.getvalue())
