"""This file shows how good the model is: its mistakes, classes, confidence, residuals."""

from collections.abc import Sequence
from typing import Any

from descend.evidence import Evaluation, Samples, Table
from descend.reports import charts
from descend.reports._blocks import Block, Cell, Section, chart, table
from descend.reports._figures import figure, label, number
from descend.reports._run import RunData

CURVES_SHOWN = 6  # as many as the charts have colors
COLUMNS_SHOWN = 4  # predicted columns with residuals of their own
BARS_SHOWN = 20
ROWS_SHOWN = 12  # wrong predictions of a table
FIELDS_SHOWN = 12  # columns of a table beside a wrong prediction
BESIDE = 10  # classes of a confusion matrix that fits into half the page


def figures(run: RunData) -> Section:
    """Every metric of every split, side by side."""
    splits = run.final or ({run.judged.split: run.judged} if run.judged else {})
    names = list(dict.fromkeys(name for e in splits.values() for name in e.metrics))
    rows = [
        [label(name), *(_with_interval(e, name, run.unit) for e in splits.values())]
        for name in names
    ]
    blocks = (
        [table("", ["", *splits], rows, "Beside each figure its 95 % bootstrap interval.")]
        if rows
        else []
    )
    return Section("figures", "All figures", blocks=blocks)


def mistakes(run: RunData) -> Section:
    """Which class is taken for which, and the examples that went most wrong."""
    blocks: list[Block] = []
    if run.judged is not None:
        blocks += _confusions(run.judged)
    for one in run.samples:
        blocks.append(_samples(one))
    return Section("mistakes", "Where it goes wrong", blocks=blocks)


def _samples(one: Samples) -> Block:
    """Pictures as cards, rows of a table as rows."""
    if any("png" in row for row in one.rows):
        return Block("samples", one.title, [_sample(row) for row in one.rows], size="wide")
    fields = list(dict.fromkeys(key for row in one.rows for key in row.get("fields") or {}))
    keys = [
        key
        for key in ("name", "target", "predicted", "loss")
        if any(key in row for row in one.rows)
    ]
    rows = [
        [row.get(key) for key in keys]
        + [(row.get("fields") or {}).get(f, "") for f in fields[:FIELDS_SHOWN]]
        for row in one.rows[:ROWS_SHOWN]
    ]
    named = {"name": "", "target": "true"}
    return table(one.title, [*(named.get(key, key) for key in keys), *fields[:FIELDS_SHOWN]], rows)


def _sample(row: dict[str, Any]) -> dict[str, Any]:
    """A sample with everything the template asks for; None where it is not known."""
    known = ("name", "target", "predicted", "probability", "probability_of_target", "png", "fields")
    loss = row.get("loss")
    return {key: row.get(key) for key in known} | {"loss": None if loss is None else number(loss)}


def _confusions(judged: Evaluation) -> list[Block]:
    blocks = []
    found = judged.details.get("confusion")
    beside: charts.Size = "half" if found and len(found["names"]) <= BESIDE else "wide"
    if found:
        caption = f"Rows: the true class. Columns: what the model said, {judged.split} split."
        blocks.append(Block("matrix", "Confusion matrix", _matrix(**found), caption, beside))
    pairs = judged.details.get("confused_pairs")
    if pairs:
        rows = [
            [
                charts.short(p["target"], 40),
                charts.short(p["predicted"], 40),
                p["count"],
                _share(p["share"]),
            ]
            for p in pairs[:10]
        ]
        columns = ["true", "taken for", "times", "share of the true class"]
        blocks.append(table("Most confused", columns, rows, size=beside))
    return blocks


def _matrix(names: list[str], counts: list[list[int]]) -> dict[str, Any]:
    """Cells with the share of their row, which gives the color."""
    rows = []
    for i, row in enumerate(counts):
        total = max(1, sum(row))
        cells = [
            {
                "count": value,
                "share": value / total,
                "right": i == j,
                "hint": f"{names[i]} taken for {names[j]}: {value} of {sum(row)}",
            }
            for j, value in enumerate(row)
        ]
        rows.append({"name": names[i], "cells": cells})
    return {"names": names, "rows": rows, "crowded": len(names) > 16}


def classes(run: RunData) -> Section:
    """Each class on its own."""
    found = run.judged.details.get("per_class", []) if run.judged else []
    shares = ["precision", "recall", "f1", "auc", "average_precision"]
    rows = [
        [charts.short(row["name"], 40), *(_share(row.get(s)) for s in shares), row["support"]]
        for row in found
    ]
    columns = ["class", *map(label, shares), "examples"]
    blocks = [table("", columns, rows)] if rows else []
    lead = (
        "Precision: of what it called this class, how much was. "
        "Recall: how much of the class it found."
    )
    return Section("classes", "Class by class", lead, blocks)


def confidence(run: RunData) -> Section:
    """Whether stated probabilities can be believed, and what moving a threshold would do."""
    details = run.judged.details if run.judged else {}
    blocks: list[Block] = []
    bins = details.get("calibration")
    if bins:
        drawn = charts.calibration(
            *([b[k] for b in bins] for k in ("confidence", "share_right", "count"))
        )
        caption = "On the dashed line, 80 % sure is right 80 % of the time; below it, too sure."
        blocks.append(chart("Calibration", drawn, caption, size="third"))
    for key, title, x, y, caption in (
        ("pr", "Precision and recall", "recall", "precision",
         "What finding more of a class costs in false alarms."),
        ("roc", "ROC", "false positive rate", "true positive rate",
         "Up and left is better; the dashed line is guessing."),
    ):  # fmt: skip
        curves = [charts.Series(c["name"], c["x"], c["y"]) for c in details.get(key, [])]
        if curves:
            drawn = charts.trade_off(curves[:CURVES_SHOWN], x, y, diagonal=key == "roc")
            blocks.append(chart(title, drawn, caption + _left_out(len(curves)), size="third"))
    return Section("confidence", "How sure it is", blocks=blocks + _thresholds(run))


def _left_out(curves: int) -> str:
    return f" The {CURVES_SHOWN} most frequent classes." if curves > CURVES_SHOWN else ""


def _thresholds(run: RunData) -> list[Block]:
    chosen = (
        run.final["validation"].details.get("thresholds") if "validation" in run.final else None
    )
    if not chosen:
        return []
    rows = [
        [charts.short(t["name"], 40), t["threshold"], _share(t["f1_without"]), _share(t["f1_with"])]
        for t in chosen
    ]
    columns = ["class", "probability from which", "F1 as is", "F1 with it"]
    judged = run.judged.details.get("per_class", []) if run.judged else []
    used = any(row.get("threshold") is not None for row in judged)
    caption = (
        "For each class the probability from which deciding for it gives the highest F1, chosen on "
        "the validation split. "
        + ("They are in use." if used else "They are not in use: the likeliest class is taken.")
    )
    return [table("Decision thresholds", columns, rows, caption)]


def residuals(run: RunData) -> Section:
    """Errors of predicted numbers: their spread, and where they lie."""
    found = run.judged.details.get("residuals", []) if run.judged else []
    unit = f", {run.unit}" if run.unit else ""
    blocks: list[Block] = []
    for one in found[:COLUMNS_SHOWN]:
        name = one["name"] if len(found) > 1 else ""
        points = charts.against_truth(one["targets"], one["predicted"], unit)
        blocks.append(
            chart(
                f"Predicted against true {name}".strip(),
                points,
                "On the dashed line a prediction is right.",
            )
        )
        drawn = charts.histogram(one["counts"], one["edges"], f"predicted − true{unit}")
        caption = (
            f"Mean {number(one['mean'])}, deviation {number(one['deviation'])}; "
            "the outermost bars hold what lies beyond."
        )
        blocks.append(chart(f"Errors {name}".strip(), drawn, caption))
    return Section("residuals", "Errors in numbers", blocks=blocks)


def one_loss(run: RunData) -> Section:
    """The loss of single samples worked out term by term."""
    found = run.table("loss")
    if found is None:
        return Section("one-loss", "One loss, worked out")
    blocks = [Block("steps", found.caption, found.rows, size="wide")]
    lead = "The same arithmetic, averaged over a batch, is what training made smaller."
    return Section("one-loss", "One loss, worked out", lead, blocks)


def robustness(run: RunData) -> Section:
    """The score under worse inputs: a small chart for each change, bars for single columns."""
    found = run.table("robustness")
    if found is None:
        return Section("robustness", "When inputs get worse")
    metric = run.headline if run.headline in found.columns[3:] else found.columns[3]
    place = found.columns.index(metric)
    grouped: dict[str, list[list[Any]]] = {}
    for row in found.rows:
        if row[place] is not None:
            grouped.setdefault(str(row[0]), []).append(row)
    scale = 100 if figure(0.5, metric).endswith("%") else 1
    curves = {name: rows for name, rows in grouped.items() if len(rows) > 1}
    values = [scale * row[place] for rows in curves.values() for row in rows]
    margin = 0.06 * (max(values) - min(values) or 1) if values else 0
    size: charts.Size = "quarter" if len(curves) > 3 else "half"
    blocks = []
    for name, rows in curves.items():
        series = charts.Series(name, [r[2] for r in rows], [scale * r[place] for r in rows])
        y_label = label(metric) + (", %" if scale == 100 else "")
        same = (min(values) - margin, max(values) + margin)  # so that the charts compare
        drawn = charts.lines(
            [series], str(rows[0][1]), y_label, size=size, whole_x=False, y_range=same
        )
        blocks.append(chart(name.capitalize(), drawn, size=size))
    single = [(name, scale * rows[0][place]) for name, rows in grouped.items() if len(rows) == 1]
    return Section(
        "robustness",
        "When inputs get worse",
        found.caption,
        blocks + _single(single, found, place, scale),
    )


def _single(rows: list[tuple[str, float]], found: Table, place: int, scale: float) -> list[Block]:
    """Bars of the changes that matter most, with the score of the data as they are."""
    if not rows:
        return []
    clean = next((scale * r[place] for r in found.rows if r[2] == 0), None)
    if clean is not None:
        rows = sorted(rows, key=lambda row: -abs(row[1] - clean))
    x_label = label(found.columns[place]) + (", %" if scale == 100 else "")
    drawn = charts.bars(rows[:BARS_SHOWN], x_label, clean)
    caption = "The dashed line is the score with all columns."
    return [chart("Without one column", drawn, caption)]


def _with_interval(e: Evaluation, metric: str, unit: str) -> Cell:
    if metric not in e.metrics:
        return Cell("–")
    text = figure(e.metrics[metric], metric, unit if metric in ("mae", "rmse") else "")
    ends: Sequence[float] | None = e.details.get("intervals", {}).get(metric)
    return Cell(text, note=between(ends, metric) if ends else "")


def between(ends: Sequence[float], metric: str) -> str:
    """ "96.1 to 98.4 %": the unit once."""
    low, high = (figure(end, metric) for end in ends)
    return f"{low.removesuffix(' %')} to {high}"


def _share(value: float | None) -> Cell:
    """A share as percent with a bar behind it."""
    if value is None:
        return Cell("–", number=True)
    return Cell(f"{100 * value:.1f} %", number=True, bar=value)
