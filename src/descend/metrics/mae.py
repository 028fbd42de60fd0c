"""This file is the mean absolute error, in the target's unit (mean over several targets)."""

from sklearn.metrics import mean_absolute_error

from descend.metrics._predictions import Predictions

KINDS = frozenset({"number"})
HIGHER_IS_BETTER = False


def compute(p: Predictions) -> float:
    return float(mean_absolute_error(p.targets, p.outputs))
