"""This file chooses, per class, the probability from which on the class is decided.

Chosen on validation, where F1 is highest. A threshold is put in the middle between the last
example it takes in and the first it leaves out.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from descend.metrics import f1
from descend.metrics._predictions import Predictions

DEFAULT = 0.5
EDGE = 1e-3  # thresholds stay this far inside (0, 1), so that ratios to them are finite


def choose(p: Predictions) -> np.ndarray:
    """(classes,) thresholds in (0, 1). Several classes keep equal ones (the most probable class
    is decided) unless the chosen ones raise the mean F1 on these very examples."""
    if p.kind == "multi-label":
        codes = range(len(p.names))
        return np.array([_highest(p.truths[:, c], p.outputs[:, c], False) for c in codes])
    if len(p.names) == 2:
        limit = _highest(p.truths[:, 1], p.outputs[:, 1], True)
        return np.array([1 - limit, limit])
    equal = np.full(len(p.names), 1 / len(p.names))
    codes = range(len(p.names))
    chosen = np.array([_highest(p.truths[:, c], p.outputs[:, c], False) for c in codes])
    better = f1.compute(replace(p, thresholds=chosen)) > f1.compute(replace(p, thresholds=equal))
    return chosen if better else equal


def compared(p: Predictions) -> list[dict[str, Any]]:
    """One row per class: its threshold, and F1 without and with the chosen thresholds."""
    chosen = choose(p)
    before, after = _f1s(replace(p, thresholds=None)), _f1s(replace(p, thresholds=chosen))
    return [
        {
            "name": name,
            "threshold": float(chosen[i]),
            "f1_without": float(before[i]),
            "f1_with": float(after[i]),
        }
        for i, name in enumerate(p.names)
    ]


def _f1s(p: Predictions) -> np.ndarray:
    hits = (p.truths & p.positives).sum(axis=0)
    whole = p.truths.sum(axis=0) + p.positives.sum(axis=0)
    return np.asarray(2 * hits / np.maximum(whole, 1))


def _highest(truth: np.ndarray, scores: np.ndarray, both_sides: bool) -> float:
    """The threshold of the highest F1 of one class, or of the mean F1 of it and its opposite."""
    if not truth.any() or truth.all():
        return DEFAULT
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    hits = np.cumsum(truth[order])
    called = np.arange(1, len(ranked) + 1)
    value = 2 * hits / (called + hits[-1])
    if both_sides:
        missed = hits[-1] - hits
        rejected = len(ranked) - called
        opposite = 2 * (rejected - missed) / (rejected + len(ranked) - hits[-1])
        value = (value + opposite) / 2
    ends_tie = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.argmax(np.where(ends_tie, value, -1)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[best] + below) / 2, EDGE, 1 - EDGE))
