"""This file shows how the model came about: curves, data, settings, time, notes."""

from itertools import pairwise
from typing import Any

import numpy as np

from descend.catalog import Catalog
from descend.data.data_settings import DataSettings
from descend.errors import SettingError
from descend.evidence import Evaluation, Table, Timing, Update
from descend.reports import charts
from descend.reports._blocks import Block, Cell, Section, chart, table
from descend.reports._figures import SHARES, duration, figure, label, number
from descend.reports._run import RunData
from descend.settings import FieldDescription, describe
from descend.training.training_settings import TrainingSettings

COLORS = {"train": 0, "validation": 1, "test": 2}  # the same in every chart
POINTS = 240  # of a curve; a screen shows no more
CURVES_OF_METRICS = 3
# Tables that are shown in a section of their own and not under "More".
DATA_TABLES = ("data", "split", "classes", "columns", "missing", "issues")
PLACED = ("baselines", "robustness", "loss", "derived", "plan", *DATA_TABLES)
CATALOGS = {
    "task": "descend.tasks",
    "model": "descend.models",
    "optim": "descend.optim",
    "schedule": "descend.schedules",
    "loss": "descend.losses",
    "augment": "descend.data.augment",
}
# Sections of a recipe that record what was found out and have a table of their own.
RECORDED = ("versions", "plan", "horizon", "because")


def learning(run: RunData) -> Section:
    """Loss and scores of training and validation, learning rate, gradient norm, throughput."""
    per_epoch = run.steps_per_epoch
    axis, scale = ("epoch", 1 / per_epoch) if per_epoch else ("update", 1.0)
    blocks = _loss_charts(run, axis, scale) + _metric_charts(run, axis, scale)
    for player, updates in _players(run.updates).items():
        name = f" of {player}" if len(_players(run.updates)) > 1 else ""
        steps = [u.step * scale for u in updates]
        rates = [u.learning_rate for u in updates]
        if len(updates) > 1:
            drawn = charts.lines([_thin("", steps, rates)], axis, "", size="third")
            blocks.append(chart(f"Learning rate{name}", drawn, size="third"))
        norms = [
            (s, u.gradient_norm) for s, u in zip(steps, updates, strict=True) if u.gradient_norm
        ]
        if len(norms) > 1:
            series = _thin("", *map(list, zip(*norms, strict=True)))
            drawn = charts.lines([series], axis, "L2, before clipping", size="third", log=True)
            blocks.append(chart(f"Gradient norm{name}", drawn, size="third"))
    if len(run.timings) > 1:
        blocks.append(_throughput(run.timings, axis, scale))
    return Section("learning", "How it learned", blocks=blocks)


def _loss_charts(run: RunData, axis: str, scale: float) -> list[Block]:
    blocks = []
    players = _players(run.updates)
    for player, updates in players.items():
        series = [
            _thin(
                "training", [u.step * scale for u in updates], [u.loss for u in updates], faint=True
            )
        ]
        if len(players) == 1:
            series += _evaluated(run.evaluations, "loss", scale, run)
        values = [y for s in series for y in s.y if np.isfinite(y)]
        log = bool(values) and min(values) > 0 and max(values) / min(values) > 30
        name = f" of {player}" if len(players) > 1 else ""
        if values:
            drawn = charts.lines(series, axis, "loss", log=log)
            caption = _log_caption(log) + (
                "The dot is the model that was kept." if any(s.marked for s in series) else ""
            )
            blocks.append(chart(f"Loss{name}", drawn, caption))
    return blocks


def _log_caption(log: bool) -> str:
    return "Each grid line upward is a multiple, not a sum. " if log else ""


def _metric_charts(run: RunData, axis: str, scale: float) -> list[Block]:
    known = [e for e in run.evaluations if not e.details]
    names = list(dict.fromkeys(name for e in known for name in e.metrics if name != "loss"))
    names.sort(key=lambda name: name != run.headline)
    blocks = []
    for name in names[:CURVES_OF_METRICS]:
        series = _evaluated(run.evaluations, name, scale, run)
        if any(len(s.x) > 1 for s in series):
            unit = ", %" if name in SHARES else f", {run.unit}" if run.unit else ""
            blocks.append(chart(label(name).capitalize() if label(name).islower() else label(name),
                                charts.lines(series, axis, label(name) + unit)))  # fmt: skip
    return blocks


def _evaluated(
    evaluations: list[Evaluation], metric: str, scale: float, run: RunData
) -> list[charts.Series]:
    """One line per split with more than one evaluation; the kept model is marked on validation."""
    factor = 100 if metric in SHARES else 1
    found: dict[str, dict[float, float]] = {}
    for e in evaluations:
        if metric in e.metrics and not e.details:
            found.setdefault(e.split, {})[e.step * scale] = factor * e.metrics[metric]
    kept = run.final.get("validation")
    series = []
    for split, points in found.items():
        at = kept.step * scale if kept is not None and split == "validation" else None
        marked = (at, points[at]) if at is not None and at in points else None
        series.append(
            charts.Series(
                split, list(points), list(points.values()), marked=marked, color=COLORS.get(split)
            )
        )
    return series


def _throughput(timings: list[Timing], axis: str, scale: float) -> Block:
    series = charts.Series(
        "", [t.step * scale for t in timings], [t.items_per_second for t in timings]
    )
    unit = timings[0].unit
    seconds, items = sum(t.seconds for t in timings), sum(t.items for t in timings)
    caption = f"{number(round(items / seconds))} {unit} per second on average." if seconds else ""
    whole = (0, 1.15 * max(series.y))
    drawn = charts.lines([series], axis, f"{unit} per second", size="third", y_range=whole)
    return chart("Throughput", drawn, caption, size="third")


def _thin(name: str, x: list[float], y: list[float], *, faint: bool = False) -> charts.Series:
    """Means over equal stretches, so that a peak is not hidden between two points."""
    if len(x) <= POINTS:
        return charts.Series(name, x, y, faint=faint)
    groups = np.array_split(np.arange(len(x)), POINTS)
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    return charts.Series(
        name, [xs[g].mean() for g in groups], [ys[g].mean() for g in groups], faint=faint
    )


def _players(updates: list[Update]) -> dict[str, list[Update]]:
    found: dict[str, list[Update]] = {}
    for update in updates:
        found.setdefault(update.player, []).append(update)
    return found


def data(run: RunData) -> Section:
    """What was found, how it was split, what is wrong with it."""
    blocks: list[Block] = []
    for name in DATA_TABLES:
        found = run.table(name)
        if found is None or not found.rows:
            continue
        if len(found.columns) == 1:
            blocks.append(
                Block(
                    "sentences", "", [str(row[0]) for row in found.rows], found.caption, size="wide"
                )
            )
        else:
            blocks.append(_any_table(found, folded=len(found.rows) > 15))
    return Section("data", "The data", blocks=blocks)


def more(run: RunData) -> Section:
    """Tables that no other section has: folds, the plan's candidates, errors by distance, …"""
    others = [t for t in run.tables if t.name not in PLACED]
    blocks: list[Block] = []
    for found in others:
        blocks += [*_drawn(found), _any_table(found, folded=len(found.rows) > 15)]
    return Section("more", "Closer looks", blocks=blocks)


def _any_table(found: Table, *, folded: bool) -> Block:
    title = found.name[:1].upper() + found.name[1:]
    numbers = all(isinstance(v, int | float | None) for row in found.rows for v in row[1:])
    size: charts.Size = "half" if numbers and len(found.columns) <= 5 else "wide"
    return table(title, found.columns, found.rows, found.caption, folded=folded, size=size)


def _drawn(found: Table) -> list[Block]:
    """A table of numbers along a rising first column is a chart too."""
    rows = [row for row in found.rows if all(isinstance(v, int | float) for v in row)]
    rising = all(a[0] < b[0] for a, b in pairwise(rows))
    if len(rows) < 4 or len(rows) < len(found.rows) or not rising or len(found.columns) < 2:
        return []
    x, *others = map(list, zip(*rows, strict=True))
    series = [charts.Series(n, x, y) for n, y in zip(found.columns[1:6], others, strict=False)]
    y_label = found.columns[1] if len(series) == 1 else ""
    title = found.name[:1].upper() + found.name[1:]
    return [chart(title, charts.lines(series, found.columns[0], y_label, size="wide"), size="wide")]


def settings(run: RunData) -> Section:
    """Every setting of the recipe, with its unit, default and meaning."""
    known = _descriptions(run)
    rows: list[list[object]] = []
    for section, values in run.recipe.items():
        if isinstance(values, dict) and section not in RECORDED:
            rows += [_setting_row(name, value, known.get(name)) for name, value in values.items()]
    columns = ["setting", "value", "default", "what it is"]
    blocks = (
        [
            table(
                "", columns, rows, "As resolved before step 1 and kept in recipe.toml.", folded=True
            )
        ]
        if rows
        else []
    )
    for name, title in (("derived", "Derived from the data"), ("plan", "Plans that were timed")):
        found = run.table(name)
        if found is not None and found.rows:
            blocks.append(table(title, found.columns, found.rows, found.caption))
    for section in ("plan", "horizon", "versions"):
        known_values = run.recipe.get(section, {})
        pairs = [[key.replace("_", " "), Cell(figure(v))] for key, v in known_values.items()]
        if pairs:
            blocks.append(table(section.capitalize(), ["", ""], pairs, size="third"))
    return Section("settings", "Settings", blocks=blocks)


def _setting_row(name: str, value: Any, known: FieldDescription | None) -> list[object]:
    shown = value if not isinstance(value, float) else number(value)
    text = ("yes" if value else "no") if isinstance(value, bool) else Cell(_plain(shown))
    if known is None:
        return [name, text, "", ""]
    unit = f" {known.unit}" if known.unit and isinstance(value, int | float) else ""
    if isinstance(text, Cell):
        text = Cell(text.text + unit)
    return [name, text, known.default, known.help]


def _plain(value: object) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _descriptions(run: RunData) -> dict[str, FieldDescription]:
    """Descriptions of settings by name; of an entry that is gone none."""
    classes: list[Any] = [DataSettings, TrainingSettings]
    for name, package in CATALOGS.items():
        chosen = run.setting(name)
        for entry in chosen if isinstance(chosen, list) else [chosen]:
            try:
                classes.append(Catalog(package, name).load(str(entry)).Settings)
            except (SettingError, AttributeError):
                continue
    return {field.name: field for cls in classes for field in describe(cls)}


def time(run: RunData) -> Section:
    """Where the wall time went."""
    seconds = {k: float(v) for k, v in run.result.get("seconds", {}).items() if k != "total" and v}
    if not seconds and run.timings:
        seconds = {"training": sum(t.seconds for t in run.timings)}
    whole = max(sum(seconds.values()), float(run.result.get("seconds", {}).get("total") or 0))
    parts = [
        {
            "name": name.replace("_", " "),
            "text": duration(value),
            "share": value / whole,
            "color": i % 6 + 1,
        }
        for i, (name, value) in enumerate(seconds.items())
    ]
    blocks = (
        [Block("shares", "", parts, f"{duration(whole)} in all.", size="wide")] if parts else []
    )
    return Section("time", "Time", blocks=blocks)


def notes(run: RunData) -> Section:
    rows = [f"Update {n.step:,}: {n.text}" if n.step else n.text for n in run.notes]
    blocks = [Block("sentences", "", list(dict.fromkeys(rows)), size="wide")] if rows else []
    return Section("notes", "Said during the run", blocks=blocks)
