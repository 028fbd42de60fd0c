"""This file draws the trade-offs of one class against the rest, thinned to what an eye can see."""

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from descend.metrics._predictions import Predictions
from descend.metrics._rounding import rounded

POINTS = 60  # per curve; more is invisible at the width of a page
CLASSES = 12  # the most frequent; more lines cannot be told apart


def trade_offs(p: Predictions) -> dict[str, list[dict[str, Any]]]:
    """{"roc": [{name, x: false positive rate, y: true positive rate}], "pr": [{name, x: recall,
    y: precision}]} of classes that sometimes occur and sometimes do not."""
    support = p.truths.sum(axis=0)
    shown = [int(c) for c in np.argsort(-support, kind="stable") if 0 < support[c] < len(p)]
    if p.kind == "single-label" and len(p.names) == 2:
        shown = [c for c in shown if c == 1]  # the other class is its mirror image
    roc, pr = [], []
    for code in shown[:CLASSES]:
        truth, scores = p.truths[:, code], p.outputs[:, code]
        wrong, right, _ = roc_curve(truth, scores)
        roc.append(_thinned(p.names[code], wrong, right, wrong + right))
        precision, recall, _ = precision_recall_curve(truth, scores)
        pr.append(_thinned(p.names[code], recall[::-1], precision[::-1], recall[::-1]))
    return {"roc": roc, "pr": pr}


def _thinned(name: str, x: np.ndarray, y: np.ndarray, along: np.ndarray) -> dict[str, Any]:
    places = np.searchsorted(along, np.linspace(along[0], along[-1], POINTS))
    kept = np.unique(np.concatenate([[0], places, [len(x) - 1]]))
    return {"name": name, "x": rounded(x[kept]), "y": rounded(y[kept])}
