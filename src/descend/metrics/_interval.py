"""This file puts a 95 % bootstrap interval on each figure, and on the difference of two models."""

from collections.abc import Callable

import numpy as np

from descend.metrics import loss
from descend.metrics._bootstrap import RESAMPLES, interval, resampled_sums
from descend.metrics._confusion import cells
from descend.metrics._predictions import Predictions
from descend.metrics._ranking import RANKED, resampled_areas

Figures = dict[str, np.ndarray]  # metric -> its value in each resample


def intervals(p: Predictions, seed: int) -> dict[str, list[float]]:
    """Metric -> [low, high] for every metric that is a function of sums over examples."""
    figures = _of_sums(p)(resampled_sums(_columns(p), seed))
    if p.kind == "single-label":
        figures |= _of_confusions(p, seed)
    if p.kind != "number" and p.outputs.size <= RANKED:
        figures["auc"] = resampled_areas(p, seed)
    found = {name: interval(values) for name, values in figures.items()}
    known = {name: list(ends) for name, ends in found.items() if ends is not None}
    if p.kind == "single-label":
        known["accuracy"] = _never_certain(known["accuracy"], len(p))
    return known


def _never_certain(ends: list[float], count: int) -> list[float]:
    """Resampling only right answers gives only right answers, which proves nothing of the next
    one; there the end is Wilson's (1927)."""
    doubt = 1.96**2 / (count + 1.96**2)
    low, high = ends
    return [1 - doubt if low == 1 else low, doubt if high == 0 else high]


def difference(
    a: Predictions, b: Predictions, metric: str, seed: int
) -> tuple[float, float] | None:
    """The 95 % interval of metric(a) − metric(b) where both predict the same examples.

    Paired: each resample draws the same examples for both. `metric` is accuracy, loss, f1 of
    several labels, rmse, mae or r2.
    """
    assert a.kind == b.kind and len(a) == len(b), "the same examples in the same order"
    first, second = _columns(a), _columns(b)
    sums = resampled_sums(np.hstack([first, second]), seed)
    width = first.shape[1]
    return interval(_of_sums(a)(sums[:, :width])[metric] - _of_sums(b)(sums[:, width:])[metric])


def _columns(p: Predictions) -> np.ndarray:
    """What is summed over examples; the last column counts them."""
    one = np.ones((len(p), 1))
    if p.kind == "number":
        targets, outputs = p.targets.astype(np.float64), p.outputs.astype(np.float64)
        center = targets - targets.mean(axis=0)  # sums of squares without cancellation
        errors = outputs - targets
        return np.hstack([np.square(errors), np.abs(errors), center, np.square(center), one])
    nats = loss.per_example(p)[:, None]
    if p.kind == "single-label":
        return np.hstack([(p.decisions == p.targets)[:, None], nats, one])
    right = (p.truths == p.positives).all(axis=1)[:, None]
    return np.hstack([p.truths & p.positives, p.positives, p.truths, right, nats, one])


def _of_sums(p: Predictions) -> Callable[[np.ndarray], Figures]:
    if p.kind == "number":
        return _number_figures
    return _multi_label_figures if p.kind == "multi-label" else _single_label_figures


def _single_label_figures(sums: np.ndarray) -> Figures:
    return {"accuracy": sums[:, 0] / sums[:, 2], "loss": sums[:, 1] / sums[:, 2]}


def _multi_label_figures(sums: np.ndarray) -> Figures:
    labels = (sums.shape[1] - 3) // 3
    hits, called, support = np.split(sums[:, : 3 * labels], 3, axis=1)
    ones = np.ones_like(hits, dtype=bool)  # every label counts, as in the metrics
    return {
        **_macro(hits, called, support, ones),
        "accuracy": sums[:, -3] / sums[:, -1],
        "loss": sums[:, -2] / sums[:, -1],
    }


def _number_figures(sums: np.ndarray) -> Figures:
    squares, absolute, first, second = np.split(sums[:, :-1] / sums[:, -1:], 4, axis=1)
    variance = second - np.square(first)
    explained = 1 - squares / np.where(variance > 0, variance, np.nan)
    return {
        "rmse": np.sqrt(squares).mean(axis=1),
        "mae": absolute.mean(axis=1),
        "r2": explained.mean(axis=1),
    }


def _of_confusions(p: Predictions, seed: int) -> Figures:
    """Resampling examples is drawing the confusion's cells from a multinomial: same law, no loop
    over examples."""
    rows, columns, counts = cells(p)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(p), counts / counts.sum(), size=RESAMPLES)
    occurring = np.union1d(rows, columns)
    support = _grouped(drawn, np.searchsorted(occurring, rows), len(occurring))
    called = _grouped(drawn, np.searchsorted(occurring, columns), len(occurring))
    diagonal = rows == columns
    hits = _grouped(drawn[:, diagonal], np.searchsorted(occurring, rows[diagonal]), len(occurring))
    shares = np.divide(hits, support, out=np.full(hits.shape, np.nan), where=support > 0)
    return {
        **_macro(hits, called, support, support + called > 0),
        "balanced_accuracy": np.nanmean(shares, axis=1),
    }


def _grouped(drawn: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Sum columns of (resamples, cells) that share a group -> (resamples, groups)."""
    found = np.zeros((len(drawn), groups))
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    if len(present):
        found[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return found


def _macro(
    hits: np.ndarray, called: np.ndarray, support: np.ndarray, counted: np.ndarray
) -> Figures:
    """Means over classes (axis 1) of those counted; an undefined share is 0."""

    def mean(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        shares = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
        return np.asarray((shares * counted).sum(axis=1) / counted.sum(axis=1))

    return {
        "precision": mean(hits, called),
        "recall": mean(hits, support),
        "f1": mean(2 * hits, called + support),
    }
