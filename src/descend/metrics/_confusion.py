"""This file counts which class was taken for which."""

from typing import Any

import numpy as np

from descend.metrics._predictions import Predictions


def cells(p: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(true class, decided class, count) of the pairs that occur, ordered by true class.

    Stays small with thousands of classes, where the full matrix does not.
    """
    assert p.kind == "single-label"
    classes = len(p.names)
    codes = p.targets.astype(np.int64) * classes + p.decisions
    found, counts = np.unique(codes, return_counts=True)
    return found // classes, found % classes, counts


def matrix(p: Predictions) -> np.ndarray:
    """Counts (classes, classes): row the true class, column the decided one."""
    counts = np.zeros((len(p.names), len(p.names)), dtype=np.int64)
    rows, columns, found = cells(p)
    counts[rows, columns] = found
    return counts


def most_confused(p: Predictions, limit: int) -> list[dict[str, Any]]:
    """The most frequent mistakes, each with its share of the true class."""
    rows, columns, counts = cells(p)
    support = np.bincount(rows, weights=counts, minlength=len(p.names))
    wrong = np.flatnonzero(rows != columns)
    order = wrong[np.argsort(-counts[wrong], kind="stable")][:limit]
    return [
        {
            "target": p.names[rows[i]],
            "predicted": p.names[columns[i]],
            "count": int(counts[i]),
            "share": float(counts[i] / support[rows[i]]),
        }
        for i in order
    ]
