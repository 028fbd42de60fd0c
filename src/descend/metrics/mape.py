"""This file is the mean absolute percentage error, as a share, over targets that are not zero."""

import numpy as np

from descend.metrics._predictions import Predictions

KINDS = frozenset({"number"})
HIGHER_IS_BETTER = False


def compute(p: Predictions) -> float:
    targets = p.targets.astype(np.float64)
    known = targets != 0
    if not known.any():
        return float("nan")
    errors = np.abs(p.outputs.astype(np.float64) - targets)
    return float((errors[known] / np.abs(targets[known])).mean())
