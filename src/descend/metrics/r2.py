"""This file is R²: the share of the targets' variance that is explained; the mean explains 0.

Undefined (nan) for a single example.
"""

from sklearn.metrics import r2_score

from descend.metrics._predictions import Predictions

KINDS = frozenset({"number"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    return float(r2_score(p.targets, p.outputs)) if len(p) > 1 else float("nan")
