"""This file ends a training: the kept model is evaluated, compared, explained and reported."""

from dataclasses import asdict
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from descend.data.examples import Prepared, Split
from descend.errors import RunError
from descend.evidence import Evaluation, Note, Table
from descend.metrics import _score, _thresholds
from descend.metrics._predictions import Predictions
from descend.reports.page import write_report
from descend.run import RunFolder, write_bytes, write_json
from descend.show import Show
from descend.tasks import _baselines
from descend.tasks._samples import fields_of, worst_samples
from descend.tasks._scoring import Scored, Scorer
from descend.tasks._supervised import Supervised
from descend.tasks._task import Task
from descend.training.session import Session
from descend.workflow.forecasting import forecast_records
from descend.workflow.model_folder import read_weights, set_thresholds
from descend.workflow.preparation import Preparation
from descend.workflow.stopwatch import Stopwatch

NO_TEST = (
    "no test split was given, so the scores are of validation, which also chose the kept model: "
    "expect a little less on new data"
)
TRAINING_EXAMPLES = 10_000  # enough for the training score to four digits of error 0.5 %


def finish(
    folder: RunFolder, task: Task, ready: Preparation, session: Session, show: Show,
    timer: Stopwatch,
) -> None:  # fmt: skip
    """Everything after the last step; writes evidence, predictions, result and report."""
    assert isinstance(task, Supervised), "tasks without examples finish on their own"
    show.say(f"training ended: {session.standing.finished}")
    weights, step = _kept_weights(folder, session)
    task.network.load_state_dict({k.removeprefix("network."): v for k, v in weights.items()})
    prepared = ready.design.prepared
    splits = _scored_splits(prepared)
    scored = {name: task.scorer.score(split) for name, split in splits.items()}
    thresholds = _chosen_thresholds(task.scorer, scored, splits, folder)
    predicted = {
        n: task.scorer.predictions(scored[n].outputs, splits[n], thresholds) for n in splits
    }
    metrics = _write_evaluations(session, predicted, step)
    _write_samples(session, task.scorer, prepared, splits, scored, predicted, step)
    timer.lap("evaluation")
    _write_baselines(session, ready, predicted, metrics, show, step)
    _write_forecast(session, prepared, predicted, show, step)
    if "test" not in predicted:
        show.say(NO_TEST)
        session.recorder.write(Note(step, NO_TEST))
    timer.lap("baseline")
    write_predictions(folder, predicted, splits)
    timer.seconds["total"] = timer.total() + session.standing.seconds - session.seconds_here
    result = _result(folder, ready, session, metrics, timer.seconds)
    write_json(folder.result_file, result)
    session.recorder.file.flush()
    write_report(folder)
    _show(metrics, task.headline, folder, show)


def _kept_weights(folder: RunFolder, session: Session) -> tuple[dict[str, Tensor], int]:
    """RunError when training diverged before anything worth keeping was there."""
    standing = session.standing
    why = standing.finished.removesuffix("; training stops")
    if standing.best_step:
        weights, step = read_weights(folder)
        if all(bool(t.isfinite().all()) for t in weights.values()):
            return weights, step
        if "the loss became" not in why:
            why = f"the best weights, of step {step}, hold NaN or infinity"
    raise RunError(
        f"{why}, so there is no model worth keeping; train anew with a lower --learning-rate, "
        "or look for extreme values in the data"
    )


def _scored_splits(prepared: Prepared) -> dict[str, Split]:
    splits = dict(prepared.splits)
    train = splits["train"]
    if len(train) > TRAINING_EXAMPLES:
        every = -(-len(train) // TRAINING_EXAMPLES)
        splits["train"] = train.select(torch.arange(0, len(train), every))
    return splits


def _chosen_thresholds(
    scorer: Scorer, scored: dict[str, Scored], splits: dict[str, Split], folder: RunFolder
) -> np.ndarray | None:
    """Per label, chosen on validation. Of single-label classes the likeliest is taken instead."""
    if scorer.targets.kind != "multi-label":
        return None
    chosen = _thresholds.choose(
        scorer.predictions(scored["validation"].outputs, splits["validation"])
    )
    set_thresholds(folder, chosen.tolist())
    return chosen


def _write_evaluations(
    session: Session, predicted: dict[str, Predictions], step: int
) -> dict[str, dict[str, float]]:
    metrics: dict[str, dict[str, float]] = {}
    for name, predictions in predicted.items():
        metrics[name], details = _score.score(predictions, name)
        session.recorder.write(Evaluation(step, name, metrics[name], details))
    return metrics


def _write_samples(
    session: Session, scorer: Scorer, prepared: Prepared, splits: dict[str, Split],
    scored: dict[str, Scored], predicted: dict[str, Predictions], step: int,
) -> None:  # fmt: skip
    for name in ("test", "validation"):
        if name in splits:
            split, losses = splits[name], scored[name].losses
            session.recorder.write(
                worst_samples(
                    split,
                    predicted[name],
                    losses,
                    name=name,
                    step=step,
                    fields=fields_of(split, prepared.preprocessing),
                )
            )
            worst = int(np.nanargmax(losses)) if np.isfinite(losses).any() else 0
            rows = [list(row) for row in scorer.explain(split, worst)]
            caption = f"{split.names[worst]}, of the {name} split: its loss worked out"
            session.recorder.write(Table(step, "loss", ["step", "numbers"], rows, caption))
            return


def _write_baselines(
    session: Session, ready: Preparation, predicted: dict[str, Predictions],
    metrics: dict[str, dict[str, float]], show: Show, step: int,
) -> None:  # fmt: skip
    if not ready.design.training.baseline:
        return
    found = _baselines.baselines(ready.design.prepared, ready.design.training.seed)
    rows = _baselines.rows(found, {n: m for n, m in metrics.items() if n != "train"})
    columns = ["method", "split", "metric", "value"]
    split = "test" if "test" in predicted else "validation"
    verdict = _baselines.verdict(predicted[split], found, split)
    session.recorder.write(Table(step, "baselines", columns, rows, verdict))
    if verdict:
        session.recorder.write(Note(step, verdict))
        show.say(verdict)


def _write_forecast(
    session: Session, prepared: Prepared, predicted: dict[str, Predictions], show: Show, step: int
) -> None:
    split = "test" if "test" in predicted else "validation"
    for record in forecast_records(prepared, predicted, split, step):
        session.recorder.write(record)
        if isinstance(record, Table):
            show.table(record.name, record.columns, record.rows)
        elif isinstance(record, Note):
            show.say(record.text)


def write_predictions(
    folder: RunFolder, predicted: dict[str, Predictions], splits: dict[str, Split]
) -> None:
    """predictions.parquet: split, name, target, predicted, and a probability per class."""
    frames = [
        prediction_frame(predicted[name], splits[name].names).insert_column(
            0, pl.Series("split", [name] * len(splits[name]))
        )
        for name in ("validation", "test")
        if name in predicted
    ]
    stream = BytesIO()
    pl.concat(frames).write_parquet(stream)
    write_bytes(folder.predictions_file, stream.getvalue())


def prediction_frame(p: Predictions, names: Any) -> pl.DataFrame:
    """One row per example: what it is, what was true, what was said."""
    columns: dict[str, Any] = {"name": list(names)}
    if p.kind == "number":
        for i, name in enumerate(p.names):
            suffix = f" {name}" if len(p.names) > 1 else ""  # as `predict` names its columns
            columns[f"target{suffix}"] = p.targets[:, i]
            columns[f"predicted{suffix}"] = p.outputs[:, i]
        return pl.DataFrame(columns)
    if p.kind == "single-label":
        columns["target"] = [p.names[i] for i in p.targets]
        columns["predicted"] = [p.names[i] for i in p.decisions]
    for i, name in enumerate(p.names):
        if p.kind == "multi-label":
            columns[f"target {name}"] = p.truths[:, i]
            columns[f"predicted {name}"] = p.positives[:, i]
        columns[f"probability {name}"] = p.outputs[:, i]
    return pl.DataFrame(columns)


def _result(
    folder: RunFolder, ready: Preparation, session: Session,
    metrics: dict[str, dict[str, float]], seconds: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    training, unit = ready.design.training, ready.design.prepared.unit
    return {
        "run": str(folder.path),
        "task": training.task,
        "model": training.model,
        "parameters": sum(
            p.numel() for module in session.task.kept().values() for p in module.parameters()
        ),
        "metrics": metrics,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        f"{unit}_per_second": round(
            session.standing.items / max(session.standing.seconds, 1e-9), 1
        ),
        "plan": asdict(ready.plan),
        "steps": session.standing.step,
        "finished": session.standing.finished,
        "findings": [],
    }


def _show(
    metrics: dict[str, dict[str, float]], headline: str, folder: RunFolder, show: Show
) -> None:
    names = [headline, *(n for n in ("loss", "f1", "auc", "mae", "r2") if n != headline)]
    rows = [
        [split, *(_baselines.written(found[n]) if n in found else "" for n in names)]
        for split, found in metrics.items()
    ]
    kept = [i for i in range(len(names)) if any(row[i + 1] for row in rows)]
    columns = ["split", *(names[i] for i in kept)]
    show.table("scores", columns, [[row[0], *(row[i + 1] for i in kept)] for row in rows])
    show.say(f"report: {folder.report_file}")
