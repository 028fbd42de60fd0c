"""This file fits gradient-boosted trees to a table: the baseline that networks often lose to.

Grinsztajn et al. 2022 ("Why do tree-based models still outperform deep learning on typical tabular
data?"). The number of trees is chosen on validation; work is bounded by counting, not by a clock,
so that the same data and seed give the same trees.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from descend.data.examples import Prepared, Split, Targets
from descend.metrics import loss
from descend.metrics._predictions import Predictions

ITERATIONS = 300  # at scikit-learn's learning rate of 0.1 more seldom helps
LEAST_ITERATIONS = 30
ROWS = 200_000  # of a longer table as many are drawn
WORK = 1.5e9  # trees x (rows x features + TREE): 2 to 6 s on two cores (measured 2026-11-21)
TREE = 300_000  # what a tree costs whatever its size, in the same unit (about 1 ms)
CATEGORIES = 254  # scikit-learn's bins hold 255 values; the rest share one


Outputs = dict[
    str, np.ndarray
]  # split -> probabilities or standardized numbers, one row per example


def outputs(prepared: Prepared, splits: dict[str, Split], seed: int) -> Outputs | None:
    """What the trees say of each split; None when there is nothing to split on or to tell apart."""
    table = _Table(prepared, seed)
    if not table.features or "validation" not in splits:
        return None
    kind, names = prepared.targets.kind, prepared.targets.names
    if kind == "single-label":
        known = table.targets.astype(np.int64)
        return None if len(np.unique(known)) < 2 else _classes(table, known, splits, len(names))
    columns = [_column(table, prepared.targets, i, splits) for i in range(len(names))]
    return {name: np.stack([c[name] for c in columns], axis=1) for name in splits}


class _Table:
    """The training rows as scikit-learn wants them: numbers, then categories as small codes."""

    def __init__(self, prepared: Prepared, seed: int) -> None:
        train = prepared.splits["train"]
        self.seed = seed
        self.rows = np.arange(len(train))
        if len(train) > ROWS:
            self.rows = np.sort(np.random.default_rng(seed).choice(len(train), ROWS, replace=False))
        numbers, codes = (tensor.cpu().numpy() for tensor in train.inputs)
        self.is_category = np.arange(numbers.shape[1] + codes.shape[1]) >= numbers.shape[1]
        self.frequent = [_most_frequent(codes[:, i]) for i in range(codes.shape[1])]
        self.inputs = self.matrix(train)[self.rows]
        self.targets = train.targets.cpu().numpy()[self.rows]
        self.features = self.inputs.shape[1]

    def matrix(self, split: Split) -> np.ndarray:
        numbers, codes = (tensor.cpu().numpy() for tensor in split.inputs)
        small = [_small_codes(codes[:, i], kept) for i, kept in enumerate(self.frequent)]
        return np.column_stack([numbers.astype(np.float64), *small])

    def iterations(self, models: int) -> int:
        affordable = WORK / (models * (self.inputs.size + TREE))
        return int(np.clip(affordable, LEAST_ITERATIONS, ITERATIONS))

    def fit(self, model: Any, targets: np.ndarray) -> Any:
        model.set_params(
            early_stopping=False, random_state=self.seed, categorical_features=self.is_category
        )
        return model.fit(self.inputs, targets)


def _most_frequent(codes: np.ndarray) -> np.ndarray:
    values, counts = np.unique(codes, return_counts=True)
    return np.sort(values[np.argsort(-counts, kind="stable")[: CATEGORIES - 1]])


def _small_codes(codes: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Places in `kept`; everything else shares the code after the last."""
    places = np.searchsorted(kept, codes)
    inside = kept[np.minimum(places, len(kept) - 1)] == codes
    return np.where(inside, places, len(kept)).astype(np.float64)


def _classes(table: _Table, known: np.ndarray, splits: dict[str, Split], classes: int) -> Outputs:
    """Probabilities; a class that training never saw gets 0."""
    trees = classes if classes > 2 else 1
    model = table.fit(HistGradientBoostingClassifier(max_iter=table.iterations(trees)), known)

    def spread(found: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(found), classes))
        whole[:, model.classes_] = found
        return whole

    validation = splits["validation"]
    true = validation.targets.cpu().numpy()
    names = tuple(map(str, range(classes)))
    losses = [
        loss.compute(Predictions("single-label", true, spread(found), names))
        for found in model.staged_predict_proba(table.matrix(validation))
    ]
    kept = int(np.argmin(losses))
    return {
        name: spread(_at(model.staged_predict_proba(table.matrix(split)), kept))
        for name, split in splits.items()
    }


def _column(table: _Table, targets: Targets, column: int, splits: dict[str, Split]) -> Outputs:
    """One standardized number, or the probability of one label."""
    known = table.targets.reshape(len(table.targets), -1)[:, column].astype(np.float64)
    if known.min() == known.max():
        return {name: np.full(len(split), known[0]) for name, split in splits.items()}
    staged = _staged(table, targets, known)
    true = splits["validation"].targets.cpu().numpy().reshape(-1, len(targets.names))[:, column]
    matrices = {name: table.matrix(split) for name, split in splits.items()}
    errors = [np.square(found - true).mean() for found in staged(matrices["validation"])]
    kept = int(np.argmin(errors))
    return {name: _at(staged(matrix), kept) for name, matrix in matrices.items()}


def _staged(
    table: _Table, targets: Targets, known: np.ndarray
) -> Callable[[np.ndarray], Iterator[np.ndarray]]:
    """Fit one column; a function from inputs to what 1, 2, 3, … trees say."""
    rounds = table.iterations(len(targets.names))
    if targets.kind == "number":
        regressor = table.fit(HistGradientBoostingRegressor(max_iter=rounds), known)
        return lambda matrix: regressor.staged_predict(matrix)
    model = table.fit(HistGradientBoostingClassifier(max_iter=rounds), known > 0.5)
    return lambda matrix: (found[:, 1] for found in model.staged_predict_proba(matrix))


def _at(stages: Iterator[np.ndarray], place: int) -> np.ndarray:
    return next(islice(stages, place, None))
