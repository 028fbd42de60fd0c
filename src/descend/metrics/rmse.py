"""This file is the root mean squared error, in the target's unit (mean over several targets)."""

from sklearn.metrics import root_mean_squared_error

from descend.metrics._predictions import Predictions

KINDS = frozenset({"number"})
HIGHER_IS_BETTER = False


def compute(p: Predictions) -> float:
    return float(root_mean_squared_error(p.targets, p.outputs))
