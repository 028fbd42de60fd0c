"""This file scores each class on its own, against the rest."""

import math
from typing import Any

import numpy as np

from descend.metrics._predictions import Predictions


def per_class(p: Predictions) -> list[dict[str, Any]]:
    """One row per class; a share that has no denominator is None."""
    support, called = p.truths.sum(axis=0), p.positives.sum(axis=0)
    hits = (p.truths & p.positives).sum(axis=0)
    limits = p.thresholds
    return [
        {
            "name": name,
            "precision": _share(hits[i], called[i]),
            "recall": _share(hits[i], support[i]),
            "f1": _share(2 * hits[i], support[i] + called[i]),
            "auc": _known(p.areas[i]),
            "average_precision": _known(p.average_precisions[i]),
            "support": int(support[i]),
            "threshold": None if limits is None else float(limits[i]),
        }
        for i, name in enumerate(p.names)
    ]


def _share(part: np.integer[Any], whole: np.integer[Any]) -> float | None:
    return float(part / whole) if whole else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
