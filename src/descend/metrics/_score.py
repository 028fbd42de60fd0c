"""This file scores predictions: all metrics of their kind, and the details that a report shows."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from descend.catalog import Catalog
from descend.metrics import _thresholds, loss
from descend.metrics._calibration import bins
from descend.metrics._confusion import matrix, most_confused
from descend.metrics._curves import trade_offs
from descend.metrics._interval import intervals
from descend.metrics._per_class import per_class
from descend.metrics._predictions import Kind, Predictions
from descend.metrics._residuals import residuals

METRICS = Catalog("descend.metrics", "metric")
LARGEST_MATRIX = 60  # classes; a larger confusion matrix cannot be read and fills the evidence
PAIRS = 20  # most-confused pairs kept

_HEADLINES: dict[Kind, str] = {"single-label": "accuracy", "multi-label": "f1", "number": "rmse"}


def headline(kind: Kind) -> tuple[str, bool]:
    """The metric that chooses the kept model, and whether higher is better."""
    name = _HEADLINES[kind]
    return name, higher_is_better(name)


def higher_is_better(metric: str) -> bool:
    return bool(METRICS.load(metric).HIGHER_IS_BETTER)


def metrics_of(kind: Kind) -> tuple[str, ...]:
    """The names of the metrics that read this kind of prediction."""
    return tuple(name for name in METRICS.names if kind in METRICS.load(name).KINDS)


def quick(p: Predictions) -> dict[str, float]:
    """The few figures that training watches: loss and headline; cheap enough for every epoch.

    They are nan where the model said something that is no number (it has diverged).
    """
    name = _HEADLINES[p.kind]
    if not np.isfinite(p.outputs).all():
        return {"loss": math.nan, name: math.nan} if p.kind != "number" else {name: math.nan}
    found = {} if p.kind == "number" else {"loss": loss.compute(p)}
    return found | {name: float(METRICS.load(name).compute(p))}


def score(p: Predictions, split: str, seed: int = 0) -> tuple[dict[str, float], dict[str, Any]]:
    """(metrics, details); a metric that is undefined on these examples is left out.

    Details are JSON values: count, headline (a metric's name), intervals {metric: [low, high]};
    of classes per_class, confusion {names, counts}, confused_pairs, calibration, roc, pr, and on
    validation thresholds; of numbers residuals. The training split has the first two: it is
    scored to compare figures only. Of a diverged model only how many of its outputs are no numbers
    is told.
    """
    assert len(p), f"no examples in the {split} split"
    broken = int((~np.isfinite(p.outputs)).any(axis=1).sum())
    if broken:
        return {}, {"count": len(p), "not_finite": broken}
    found = {name: float(METRICS.load(name).compute(p)) for name in metrics_of(p.kind)}
    metrics = {name: value for name, value in found.items() if math.isfinite(value)}
    details: dict[str, Any] = {"count": len(p), "headline": _HEADLINES[p.kind]}
    if split == "train":
        return metrics, details
    details["intervals"] = intervals(p, seed)
    details |= {"residuals": residuals(p, seed)} if p.kind == "number" else _of_classes(p, split)
    return metrics, details


def _of_classes(p: Predictions, split: str) -> dict[str, Any]:
    found: dict[str, Any] = {"per_class": per_class(p), **trade_offs(p)}
    found["calibration"] = [asdict(b) for b in bins(p)]
    if p.kind == "single-label":
        found["confused_pairs"] = most_confused(p, PAIRS)
        if len(p.names) <= LARGEST_MATRIX:
            found["confusion"] = {"names": list(p.names), "counts": matrix(p).tolist()}
    if split == "validation":
        found["thresholds"] = _thresholds.compared(p)
    return found
