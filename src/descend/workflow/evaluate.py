"""This file is the verb `evaluate`: the scores of a trained model, on its own data or on others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from descend.data import reading
from descend.data.data_settings import DataSettings
from descend.data.examples import SPLITS, ImageSet, Issue, Split
from descend.data.image_preprocessing import ImagePreprocessing
from descend.data.table_preparing import read_split
from descend.data.table_preprocessing import TablePreprocessing
from descend.errors import DataError, SettingError
from descend.evidence import EvidenceFile, Table
from descend.metrics import _score
from descend.metrics._predictions import Predictions
from descend.reports.page import write_report
from descend.run import RunFolder
from descend.show import Show, Silent
from descend.tasks._baselines import written
from descend.tasks._robustness import curves
from descend.workflow.model_folder import Model
from descend.workflow.own_data import own_data
from descend.workflow.predicting import Opened, Thresholds, open_model
from descend.workflow.predicting_inputs import tables_under

NEW = "test"  # what other data are to a trained model: examples it has never seen
ISSUES_SHOWN = 12
PAIRS_SHOWN = 5
SEED = 0  # of the robustness changes and the bootstrap: the same question gets the same answer


@dataclass(frozen=True)
class _Data:
    """What is scored, and what it is called."""

    name: str
    splits: dict[str, Split]


def evaluate(
    run: str | Path | RunFolder,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    robust: bool = False,
    thresholds: Thresholds = None,
    device: str | None = None,
    show: Show | None = None,
) -> dict[str, Any]:
    """Score the kept model: {"run", "data", "metrics": {split: {…}}, "intervals", "count", …}.

    Without `data` the run's own are read again, and validation and test are scored (or `split`).
    Other data are brought into the form of the training data with what was fitted there; all of
    them are scored, as "test", or those given as `split` ("train", "validation", "test") in them.
    `robust` adds the score under worse inputs. RunError when the run's own data have changed.
    """
    show = show or Silent()
    _check_split(split)
    opened = open_model(run, device, show)
    limits = opened.thresholds(thresholds)
    scored = _own(opened.folder, split) if data is None else _other(opened, data, split, show)
    found = {
        name: _judged(opened.model, examples, name, limits)
        for name, examples in scored.splits.items()
    }
    counts = (f"{len(s):,} {opened.model.unit} of {name}" for name, s in scored.splits.items())
    show.say(f"scored: {', '.join(counts)}")
    _show(found, opened.model, show)
    result: dict[str, Any] = {
        "run": str(opened.folder.path),
        "data": scored.name,
        "task": opened.model.task,
        "metrics": {name: metrics for name, (metrics, _) in found.items()},
        "intervals": {name: d.get("intervals", {}) for name, (_, d) in found.items()},
        "count": {name: len(examples) for name, examples in scored.splits.items()},
    }
    if limits is not None:
        pairs = zip(opened.model.targets.names, limits.tolist(), strict=True)
        result["thresholds"] = dict(pairs)
    if robust:
        result["robustness"] = _robustness(opened, scored, limits, data is None, show)
    return result


def _check_split(split: str | None) -> None:
    if split is not None and split not in SPLITS:
        raise SettingError(f"setting 'split': {split!r}; expected {', '.join(SPLITS)}")


def _own(folder: RunFolder, split: str | None) -> _Data:
    own = own_data(folder)
    wanted = ("validation", "test") if split is None else (split,)
    splits = {name: own.prepared.splits[name] for name in wanted if name in own.prepared.splits}
    if not splits:
        there = ", ".join(own.prepared.splits)
        raise SettingError(f"setting 'split': this run has no {split} split; it has {there}")
    return _Data(own.source, splits)


def _other(opened: Opened, data: str | Path, split: str | None, show: Show) -> _Data:
    source = opened.folder.recipe().get("source", {}).get("data")
    if source is not None and Path(str(source)) == Path(data).expanduser().resolve():
        show.say(
            "these are the data that the run was trained on, training examples among them; "
            "without DATA only the held-out ones are scored"
        )
    preprocessing, path = opened.model.preprocessing, Path(data).expanduser()
    if isinstance(preprocessing, ImagePreprocessing):
        examples = _images(preprocessing, opened.model, path, split, show)
    else:
        if split is not None:
            raise SettingError("setting 'split': another table has no splits; leave it out")
        examples = _table(preprocessing, opened.model, path, show)
    return _Data(str(data), {split or NEW: examples})


def _images(
    preprocessing: ImagePreprocessing, model: Model, path: Path, split: str | None, show: Show
) -> Split:
    form = preprocessing.form
    # decoded at the form's size where a setting can say so, as the training images were
    side = form.height if form.height == form.width else None
    settings = DataSettings(image_size=side, max_pixels=preprocessing.max_pixels)
    settings = settings.with_levels(preprocessing.levels)
    if reading.choose_reader(path)[0] == "table":  # it would ask for a target first
        raise DataError(f"{path} is a table; this run was trained on images")
    _, images = reading.read(str(path), settings, SEED)
    if not isinstance(images, ImageSet):
        raise DataError(f"{path} holds a table; this run was trained on images")
    for sentence in images.found:
        show.say(sentence)
    _show_issues(images.issues, show)
    whole = preprocessing.to_split(images, model.targets, str(path))
    if split is None:
        return whole
    chosen = (images.given == SPLITS.index(split)).nonzero().flatten()
    if not len(chosen):
        raise SettingError(f"setting 'split': {path} has no {split} images; leave it out")
    return whole.select(chosen)


def _table(preprocessing: TablePreprocessing, model: Model, path: Path, show: Show) -> Split:
    parts = []
    for file in tables_under(path, preprocessing):
        part, issues = read_split(file, preprocessing, model.targets)
        _show_issues(tuple(i for i in issues if i.kind != "extra-column"), show)
        parts.append(part)
    if len(parts) > 1:
        raise DataError(f"{path} holds {len(parts)} tables; name one of them")
    return parts[0]


def _show_issues(issues: tuple[Issue, ...], show: Show) -> None:
    for issue in issues[:ISSUES_SHOWN]:
        left_out = " (left out)" if issue.dropped and "left out" not in issue.text else ""
        show.say(f"  {issue.where}: {issue.text}{left_out}")
    if len(issues) > ISSUES_SHOWN:
        show.say(f"  … and {len(issues) - ISSUES_SHOWN} more")


def _judged(
    model: Model, split: Split, name: str, limits: np.ndarray | None
) -> tuple[dict[str, float], dict[str, Any]]:
    metrics, details = _score.score(_predictions(model, split, limits), name, SEED)
    broken = details.get("not_finite")
    if broken:
        raise DataError(
            f"{name}: the model's answers to {broken} of {len(split)} examples are no numbers; "
            "it has diverged, train it anew with a smaller --learning-rate"
        )
    return metrics, details


def _predictions(model: Model, split: Split, limits: np.ndarray | None) -> Predictions:
    return model.scorer.predictions(model.scorer.score(split).outputs, split, limits)


def _show(
    found: Mapping[str, tuple[dict[str, float], dict[str, Any]]], model: Model, show: Show
) -> None:
    names = list(dict.fromkeys(name for metrics, _ in found.values() for name in metrics))
    rows = [
        [name, *(_with_interval(name, metrics, details) for metrics, details in found.values())]
        for name in names
    ]
    show.table("scores [95 % interval]", ["metric", *found], rows)
    *_, (_, details) = found.values()
    pairs = details.get("confused_pairs", [])[:PAIRS_SHOWN]
    if pairs:
        rows = [[p["target"], p["predicted"], p["count"], written(p["share"])] for p in pairs]
        show.table("most confused", ["true", "taken for", "times", "share of the true"], rows)


def _with_interval(name: str, metrics: dict[str, float], details: dict[str, Any]) -> str:
    if name not in metrics:
        return ""
    ends = details.get("intervals", {}).get(name)
    margin = f" [{written(ends[0])}, {written(ends[1])}]" if ends else ""
    return written(metrics[name]) + margin


def _robustness(
    opened: Opened, scored: _Data, limits: np.ndarray | None, is_own: bool, show: Show
) -> list[dict[str, Any]]:
    """The score under worse inputs; of the run's own data it goes into the run's report."""
    model, name = opened.model, NEW if NEW in scored.splits else list(scored.splits)[-1]
    kind = model.targets.kind
    headline, _ = _score.headline(kind)

    def score(split: Split) -> dict[str, float]:
        return _score.quick(_predictions(model, split, limits))

    metrics = (headline,) if kind == "number" else (headline, "loss")
    table = curves(score, scored.splits[name], model.preprocessing, metrics, SEED, model.step)
    show.table(f"{table.caption} ({name})", *_wide(table, headline))
    if is_own:
        _keep(opened.folder, table, show)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _wide(table: Table, headline: str) -> tuple[list[str], list[list[object]]]:
    """One line per change: the score at each strength, the weakest first."""
    at = table.columns.index(headline)
    lines: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        said = f"{row[2]:g}: {written(row[at])}"
        lines.setdefault((row[0], row[1]), []).append(said)
    most = max(map(len, lines.values()))
    columns = ["change", "strength in", *([f"{headline} at"] + [""] * (most - 1))]
    return columns, [[*key, *cells, *[""] * (most - len(cells))] for key, cells in lines.items()]


def _keep(folder: RunFolder, table: Table, show: Show) -> None:
    if not folder.result_file.is_file():
        show.say("the run is not finished, so these curves are not put into its report")
        return
    file = EvidenceFile(folder.evidence_file)
    file.append(table)
    file.flush()
    file.close()
    write_report(folder)
    show.say(f"report: {folder.report_file}")
