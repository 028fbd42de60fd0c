"""This file describes the errors of predicted numbers, column by column."""

from typing import Any

import numpy as np

from descend.metrics._predictions import Predictions
from descend.metrics._rounding import rounded

BINS = 40
POINTS = 500  # in the picture of predicted against true values
TAIL = 0.5  # percent on either side gathered in the outermost bins, so that one outlier hides none


def residuals(p: Predictions, seed: int) -> list[dict[str, Any]]:
    """One row per column: bias, spread, a histogram of predicted − true, and a few points."""
    picked = np.arange(len(p))
    if len(p) > POINTS:
        generator = np.random.default_rng(seed)
        picked = np.sort(generator.choice(len(p), POINTS, replace=False))
    return [
        _one(name, p.targets[:, i].astype(np.float64), p.outputs[:, i].astype(np.float64), picked)
        for i, name in enumerate(p.names)
    ]


def _one(name: str, targets: np.ndarray, outputs: np.ndarray, picked: np.ndarray) -> dict[str, Any]:
    errors = outputs - targets
    low, high = np.percentile(errors, [TAIL, 100 - TAIL])
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.clip(errors, low, high), bins=BINS, range=(low, high))
    return {
        "name": name,
        "mean": float(errors.mean()),
        "deviation": float(errors.std()),
        "counts": counts.tolist(),
        "edges": rounded(edges),
        "targets": rounded(targets[picked]),
        "predicted": rounded(outputs[picked]),
    }
