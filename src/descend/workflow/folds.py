"""This file trains once per fold and brings the folds together."""

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from descend import run
from descend.evidence import EvidenceFile, Table
from descend.reports.page import write_report
from descend.run import RunFolder, write_bytes, write_json
from descend.show import Show
from descend.workflow import recipe
from descend.workflow.trained import Run

TrainFold = Callable[[str, recipe.Choices, Mapping[str, Any], Show, int], Run]


def cross_validate(source: str, choices: recipe.Choices, show: Show, train_fold: TrainFold) -> Run:
    """k trainings, each validated on the examples the others trained on.

    The run folder holds one run folder per fold, mean and deviation of every validation metric,
    and the out-of-fold predictions.
    """
    training = choices.training
    stem = training.name or f"{Path(source).name.split('.')[0]}-{choices.data.folds}-folds"
    results: list[Run] = []
    folder: RunFolder | None = None
    for fold in range(choices.data.folds):
        show.say(f"fold {fold + 1} of {choices.data.folds}")
        root = training.runs if folder is None else str(folder.path)
        inside = training.model_copy(update={"runs": root, "name": f"fold-{fold + 1}"})
        own = recipe.Choices(choices.data, inside, choices.entries, choices.given)
        if folder is None:
            folder = run.create(Path(training.runs).expanduser(), stem)
            inside = inside.model_copy(update={"runs": str(folder.path)})
            own = recipe.Choices(choices.data, inside, choices.entries, choices.given)
        results.append(train_fold(source, own, {}, show, fold))
    assert folder is not None, "there are at least two folds"
    _bring_together(folder, results, show)
    return Run(folder)


def _bring_together(folder: RunFolder, results: list[Run], show: Show) -> None:
    first = results[0].result
    rows, metrics = _summary(results)
    write_bytes(folder.recipe_file, results[0].folder.recipe_file.read_bytes())
    _write_predictions(folder, results)
    seconds = {k: sum(r.result["seconds"].get(k, 0.0) for r in results) for k in first["seconds"]}
    result = {**first, "run": str(folder.path), "metrics": metrics, "seconds": seconds}
    result["folds"] = [{"run": r.path.name, "metrics": r.metrics} for r in results]
    write_json(folder.result_file, result)
    evidence = EvidenceFile(folder.evidence_file)
    columns = ["metric", "mean", "deviation", *(r.path.name for r in results)]
    evidence.append(Table(0, "folds", columns, rows, "validation score of each fold"))
    evidence.flush()
    evidence.close()
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
