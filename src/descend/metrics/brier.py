"""This file is the Brier score: the squared distance of the probabilities from what came true.

Halved for single labels, so that it lies in 0..1 and two classes give the binary form.
"""

import numpy as np

from descend.metrics._predictions import Predictions

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = False


def compute(p: Predictions) -> float:
    squares = np.square(p.outputs.astype(np.float64) - p.truths)
    return float(squares.mean() if p.kind == "multi-label" else squares.sum(axis=1).mean() / 2)
